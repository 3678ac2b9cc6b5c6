"""The end of every command that makes a record: judge it, write its result and its reports."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from zcbench.cli import TerminatedError
from zcbench.cli.baseline import judged
from zcbench.cli.output import shown_json
from zcbench.exit_codes import ExitCode
from zcbench.foreign import of_error, one_line
from zcbench.record.reader import Record, read_record
from zcbench.record.schema import RESULT_FILE, Result
from zcbench.record.writer import RecordError, write_result
from zcbench.render.formats import write_reports


def close(
    directory: Path,
    formats: Sequence[str] = ("md",),
    reports: Path | None = None,
    base: Record | None = None,
) -> tuple[Record, Result]:
    """Judge the run in ``directory``, also against ``base``; write ``result.json`` there, and ``formats``
    there or to ``reports``.

    Reports that cannot be written are the harness's failure: the command ends with 3.
    """
    try:
        record = read_record(directory)
        result = judged(record, base)
        write_result(directory, result)
    except (RecordError, OSError) as error:
        # It was there a moment ago: what is gone now is no mistake of the command line.
        print(f"zcbench: the run cannot be judged: {one_line(str(error))}", file=sys.stderr)
        sys.exit(ExitCode.HARNESS)
    try:
        write_reports(formats, record, result, reports or directory)
    except BaseException as error:
        print(
            f"zcbench: {_why(error, reports or directory)}; the record is whole: `zcbench report {directory}` "
            "makes its reports again",
            file=sys.stderr,
        )
        if isinstance(error, KeyboardInterrupt | TerminatedError):
            raise
        sys.exit(ExitCode.HARNESS)
    return record, result


def tell(record: Record, reports: Sequence[Path], as_json: bool) -> None:
    """Print the paths of the reports, or ``result.json``."""
    if as_json:
        click.echo(shown_json((record.path / RESULT_FILE).read_text(encoding="utf-8")))
    else:
        click.echo("\n".join(map(str, reports)))


def _why(error: BaseException, where: Path) -> str:
    """Why the reports were not written. Whatever it is, the verdict is on disk already."""
    if isinstance(error, KeyboardInterrupt | TerminatedError):
        return f"{where}: ended before all reports were written"
    if isinstance(error, OSError):
        return f"{error.filename or where}: {error.strerror}"
    return f"{where}: a report could not be made: {of_error(error)}"
