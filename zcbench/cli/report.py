"""``zcbench report``: reports from run directories alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from zcbench.record.reader import Record
    from zcbench.record.schema import Result


@click.command("report")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", "format_text", default="md", metavar="FORMATS", show_default=True,
              help="md, html, junit or json; several with commas between, into --report-dir")  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="write here, not to stdout"
)
@click.option("--report-dir", type=click.Path(path_type=Path), metavar="DIR",
              help="write report.md with its figures, report.html, junit.xml, result.json here")  # fmt: skip
@click.option("--force", is_flag=True, help="overwrite what is there")
@click.option("--github", "for_github", is_flag=True, envvar="ZCBENCH_GITHUB",
              help="step summary, annotations and outputs of a GitHub job  [ZCBENCH_GITHUB]")  # fmt: skip
@click.option("--root", type=click.Path(path_type=Path), envvar="ZCBENCH_ROOT", metavar="DIR",
              help="where to look for the latest run (default: reports/runs)")  # fmt: skip
def command(
    runs: tuple[Path, ...],
    format_text: str,
    out: Path | None,
    report_dir: Path | None,
    force: bool,
    for_github: bool,
    root: Path | None,
) -> None:
    """Make the report of each of RUNS again from its directory; the latest run's if none is named.

    Several runs make one Markdown report with a comparison table. Findings are judged anew.
    """
    from zcbench.record.reader import latest_run, read_record
    from zcbench.record.writer import RUNS_ROOT
    from zcbench.render import markdown
    from zcbench.render.formats import FORMATS, FormatError, parse_formats
    from zcbench.verdict import judge

    formats = parse_formats(format_text)
    if out is not None and report_dir is not None:
        raise FormatError("--out is a file, --report-dir a directory; name one of them")
    if len(formats) > 1 and report_dir is None:
        raise FormatError(f"--format {format_text}: several formats need --report-dir DIR")
    if len(runs) > 1 and (formats != ("md",) or report_dir is not None or for_github):
        raise FormatError("several runs make one Markdown report: name one run, or no --format")
    records = [read_record(path) for path in runs or (latest_run(root or RUNS_ROOT),)]
    pairs = [(record, judge(record)) for record in records]
    record, result = pairs[0]
    if report_dir is not None:
        written: Path | None = _write(formats, record, result, report_dir, force)
    else:
        several = len(pairs) > 1
        text = markdown.render_many(pairs) if several else FORMATS[formats[0]].text(record, result)
        written = _print(text, out, force)
    if for_github:
        from zcbench.cli.github import tell_github

        tell_github(record, result, written or record.path, result.exit_code)


def _write(
    formats: tuple[str, ...], record: Record, result: Result, directory: Path, force: bool
) -> Path:
    """Write ``formats`` into ``directory``, print their paths, and return the first."""
    from zcbench.render.formats import (
        FormatError,
        check_directory,
        check_writable,
        write_reports,
    )

    if force:
        check_writable(directory)
    else:
        check_directory(formats, directory)
    try:
        paths = write_reports(formats, record, result, directory)
    except OSError as error:
        raise FormatError(
            f"--report-dir {directory}: cannot be written ({error.strerror})"
        ) from error
    for path in paths:
        click.echo(str(path))
    return paths[0]


def _print(text: str, out: Path | None, force: bool) -> Path | None:
    """Print ``text``, or write it to ``out`` and print that path; return it."""
    from zcbench.record.writer import RecordError

    if out is None:
        click.echo(text, nl=False)
        return None
    if out.exists() and not force:
        raise RecordError(f"--out {out}: exists; name another file, or add --force")
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RecordError(f"--out {out}: cannot be written ({error.strerror})") from error
    click.echo(str(out))
    return out
