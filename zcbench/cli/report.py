"""``zcbench report``: reports from run directories alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zcbench.cli import complete

if TYPE_CHECKING:
    from zcbench.record.reader import Record
    from zcbench.record.schema import Result
    from zcbench.verdict.readiness import Judged


@click.command("report")
@click.argument("runs", shell_complete=complete.run, nargs=-1, type=click.Path(path_type=Path))
@click.option("--title", metavar="TEXT", help="title of the final report of several runs")
@click.option("--before", shell_complete=complete.run,
              multiple=True, type=click.Path(path_type=Path), metavar="RUN",
              help="a run that shows what was wrong before; may be repeated")  # fmt: skip
@click.option("--format", "format_text", shell_complete=complete.formats,
              default="md", metavar="FORMATS", show_default=True,
              help="md, html, junit or json; several with commas between, into --report-dir")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="write here, not to stdout")
@click.option("--report-dir", type=click.Path(path_type=Path), metavar="DIR",
              help="write report.md with its figures, report.html, junit.xml, result.json here")  # fmt: skip
@click.option("--force", is_flag=True, help="overwrite what is there")
@click.option("--github", "for_github", is_flag=True, envvar="ZCBENCH_GITHUB",
              help="step summary, annotations and outputs of a GitHub job  [ZCBENCH_GITHUB]")  # fmt: skip
@click.option("--root", type=click.Path(path_type=Path), envvar="ZCBENCH_ROOT", metavar="DIR",
              help="where to look for the latest run (default: reports/runs)")  # fmt: skip
def command(
    runs: tuple[Path, ...],
    title: str | None,
    before: tuple[Path, ...],
    format_text: str,
    out: Path | None,
    report_dir: Path | None,
    force: bool,
    for_github: bool,
    root: Path | None,
) -> None:
    """Make the report of a run again from its directory; the latest run's if none is named.

    Several RUNS, or one with --title or --before, make the final report of a campaign: what was wrong before,
    the runs side by side, pools, memory, findings, and a checklist of what they show to be ready. With
    --report-dir each run's own report lies below it. Findings are judged anew.
    """
    from zcbench.cli.baseline import judged
    from zcbench.record.reader import latest_run, read_record
    from zcbench.record.writer import RUNS_ROOT
    from zcbench.render.formats import FORMATS, parse_formats
    from zcbench.render.writing import FormatError

    formats = parse_formats(format_text)
    if out is not None and report_dir is not None:
        raise FormatError("--out is a file, --report-dir a directory; name one of them")
    if len(formats) > 1 and report_dir is None:
        raise FormatError(f"--format {format_text}: several formats need --report-dir DIR")
    paths = runs or (latest_run(root or RUNS_ROOT),)
    if len(paths) > 1 or before or title:
        if for_github:
            raise FormatError("--github is for the report of one run; leave it out")
        _report_campaign(title, paths, before, formats, out, report_dir, force)
        return
    record = read_record(paths[0])
    result = judged(record)
    if report_dir is not None:
        written: Path | None = _write(formats, record, result, report_dir, force)
    else:
        written = _print(FORMATS[formats[0]].text(record, result), out, force)
    if for_github:
        from zcbench.cli.github import tell_github

        tell_github(record, result, written or record.path)


def _report_campaign(
    title: str | None,
    runs: Sequence[Path],
    before: Sequence[Path],
    formats: tuple[str, ...],
    out: Path | None,
    report_dir: Path | None,
    force: bool,
) -> None:
    """The final report of several runs."""
    from zcbench.render.campaign.written import (
        FORMATS,
        Final,
        check_campaign,
        check_formats,
        write_campaign,
    )
    from zcbench.render.writing import FormatError, check_writable
    from zcbench.verdict.readiness import Campaign, assess

    check_formats(formats)
    judged = _judged([*before, *runs])
    campaign = Campaign(runs=judged[len(before) :], before=judged[: len(before)])
    shown = title or ("Final report" if len(runs) > 1 else judged[-1].name)
    final = Final(shown, campaign, assess(campaign))
    if report_dir is None:
        _print(FORMATS[formats[0]].text(final), out, force)
        return
    if not force:
        check_campaign(formats, report_dir)
    check_writable(report_dir)
    try:
        written = write_campaign(formats, final, report_dir)
    except OSError as error:
        raise FormatError(f"--report-dir {report_dir}: cannot be written ({error.strerror})") from error
    for path in written:
        click.echo(str(path))


def _judged(paths: Sequence[Path]) -> tuple[Judged, ...]:
    """The runs in ``paths``, judged, each under a name of its own. Raises RecordError for one named twice."""
    from zcbench.record.reader import read_record
    from zcbench.record.writer import RecordError
    from zcbench.verdict import judge
    from zcbench.verdict.readiness import Judged

    records = [read_record(path) for path in paths]
    seen: dict[str, Path] = {}
    for path, record in zip(paths, records, strict=True):
        if record.run.id in seen:
            raise RecordError(
                f"{path}: the same run as {seen[record.run.id]}; name each run once, before or after"
            )
        seen[record.run.id] = path
    return tuple(
        Judged(name, record, judge(record)) for name, record in zip(_names(paths), records, strict=True)
    )


def _names(paths: Sequence[Path]) -> list[str]:
    """The last part of each path; with as many folders before it as tell them apart, "-" between."""
    whole = [path.resolve().parts for path in paths]
    for depth in range(1, max(map(len, whole)) + 1):
        names = ["-".join(parts[-depth:]) for parts in whole]
        if len(set(names)) == len(names):
            break
    return names


def _write(formats: tuple[str, ...], record: Record, result: Result, directory: Path, force: bool) -> Path:
    """Write ``formats`` into ``directory``, print their paths, and return the first."""
    from zcbench.render.formats import check_directory, write_reports
    from zcbench.render.writing import FormatError, check_writable

    if force:
        check_writable(directory)
    else:
        check_directory(formats, directory)
    try:
        paths = write_reports(formats, record, result, directory)
    except OSError as error:
        raise FormatError(f"--report-dir {directory}: cannot be written ({error.strerror})") from error
    for path in paths:
        click.echo(str(path))
    return paths[0]


def _print(text: str, out: Path | None, force: bool) -> Path | None:
    """Print ``text``, or write it to ``out`` and print that path; return it."""
    from zcbench.cli.output import emit, writable, write

    if out is None:
        emit(text, None)
        return None
    writable(out, force)
    write(out, text.encode(errors="replace"))
    click.echo(str(out))
    return out
