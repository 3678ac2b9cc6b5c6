"""``zcbench ingest``: somebody else's table in, a judged record and its report out."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zcbench.cli import complete

if TYPE_CHECKING:
    from zcbench.record.reader import Record
    from zcbench.record.schema import Result

_LONGEST_NAME = 64  # characters, of a run
_ENDINGS = ("finished", "crashed", "exited", "hung", "memory", "interrupted")


@click.command("ingest")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--format", "format_name", metavar="NAME",
              help="what wrote FILE (default: told by its content)")  # fmt: skip
@click.option("--list-formats", is_flag=True, help="print the formats that are known, and leave")
@click.option("--map", "maps", shell_complete=complete.column, multiple=True, metavar="OURS=THEIRS[:UNIT],...",
              help="which column is which: elapsed_s=time:iso,rss_bytes=rss:MiB; ignore=COLUMN")  # fmt: skip
@click.option("--mapping", type=click.Path(path_type=Path), metavar="TOML",
              help="the same in a file: [map], [totals], and the flags' names")  # fmt: skip
@click.option("--where", "wheres", multiple=True, metavar="COLUMN=VALUE",
              help="only the rows whose cell is this: PID=4411")  # fmt: skip
@click.option("--by", "by", metavar="COLUMN,...", help="judge each series that these columns tell apart")
@click.option("--every", metavar="TIME", help="time between rows, where none is written: 10s")
@click.option("--deltas", is_flag=True, help="each row holds what it added, not running totals")
@click.option("--decimal", type=click.Choice(["point", "comma"]), help="what stands before fractions")
@click.option("--total", "totals_given", shell_complete=complete.total, multiple=True, metavar="NAME=NUMBER",
              help="a closing total: pool.hits=10")  # fmt: skip
@click.option("--slots", metavar="N", help="slots of the pool: the same as --total pool.slots=N")
@click.option("--duration", metavar="TIME", help="how long the stream was (default: the last row)")
@click.option("--rate", metavar="RATE", help="packets a second that were due: 100/s")
@click.option("--ended", type=click.Choice(_ENDINGS), help="how it ended, if that is known")
@click.option("--require", shell_complete=complete.checks, metavar="CHECKS",
              help="checks that must be judged, or the run is inconclusive: memory,delivery")  # fmt: skip
@click.option("--expect", "expects", multiple=True, shell_complete=complete.expectation, metavar="TEXT",
              help='what must hold: "rss_bytes < 500 MiB"')  # fmt: skip
@click.option("--law", "laws", multiple=True, metavar="TEXT",
              help='what must hold: "engine.captured == engine.delivered + engine.drops"')  # fmt: skip
@click.option("--set", "sets", multiple=True, shell_complete=complete.key, metavar="KEY=VALUE",
              help="any key of a scenario that judging reads: memory.budget=1KiB/s")  # fmt: skip
@click.option("--accept", type=click.Choice(["rss"]),
              help="rss: flat resident memory may pass alone, at a larger detection limit")  # fmt: skip
@click.option("--name", help="a name for the run (default: the file's)")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="run directory to make")
@click.option("--root", type=click.Path(path_type=Path), envvar="ZCBENCH_ROOT", metavar="DIR",
              help="where runs without --out go (default: reports/runs)")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="print result.json")
@click.option("--report", "report_text", shell_complete=complete.formats, default="md", metavar="FORMATS",
              help="md, html, junit, json, or several: md,junit (default: md)")  # fmt: skip
@click.option("--report-dir", type=click.Path(path_type=Path), metavar="DIR",
              help="for reports (default: the run directory)")  # fmt: skip
@click.option("--baseline", shell_complete=complete.run, type=click.Path(path_type=Path), metavar="DIR",
              help="an earlier run, or runs: leave with 6 if this is worse")  # fmt: skip
@click.option("--github", "for_github", is_flag=True, envvar="ZCBENCH_GITHUB",
              help="step summary, annotations and outputs of a GitHub job  [ZCBENCH_GITHUB]")  # fmt: skip
@click.option("--quiet", is_flag=True, help="say nothing of what was assumed and noticed")
def command(
    files: tuple[Path, ...],
    list_formats: bool,
    mapping: Path | None,
    by: str | None,
    out: Path | None,
    root: Path | None,
    as_json: bool,
    report_text: str,
    report_dir: Path | None,
    baseline: Path | None,
    for_github: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Make a record of FILE, a log of any tool's readings, and judge it.

    FILE may be compressed, and - is standard input; several are one log. Its form is told by
    its content (`--list-formats`); `zcbench metrics` lists what a column can be. What was not measured is
    inconclusive.
    """
    if list_formats:
        _list_formats()
        return
    if not files:
        raise click.UsageError("which FILE? (- is standard input)")
    from zcbench.cli.baseline import read_baseline
    from zcbench.cli.closing import close, tell
    from zcbench.exit_codes import worst
    from zcbench.importers.ingest import survey
    from zcbench.render.formats import parse_formats, report_paths

    formats = parse_formats(report_text)
    told = _told(mapping, flags)
    runs = [(foreign, survey(foreign)) for foreign in _foreigns(files, told, by)]
    places = _places(report_dir, runs, formats)
    bases = [None if baseline is None else read_baseline(baseline, foreign.story.name) for foreign, _ in runs]
    ended = []
    for (foreign, seen), reports, base in zip(runs, places, bases, strict=True):
        for remark in () if quiet else seen.remarks:
            click.echo(f"zcbench: {remark}", err=True)
        directory = _make(foreign, seen, _of_run(out, runs, foreign), root)
        record, result = close(directory, formats, reports, base)
        paths = report_paths(formats, reports or directory)
        tell(record, paths, as_json)
        ended.append((record, result, paths[0]))
    code = worst(result.exit_code for _, result, _ in ended)
    if for_github:
        _tell_github(ended, code)
    sys.exit(code)


def _told(mapping: Path | None, flags: dict[str, Any]) -> dict[str, Any]:
    """What a mapping file and the flags say of a log; a flag goes before."""
    from zcbench.importers.mapping import read_mapping

    told = {} if mapping is None else read_mapping(mapping)
    return told | {key: value for key, value in flags.items() if value not in (None, ())}


def _list_formats() -> None:
    from zcbench.importers.format import builtins, names

    titles = {one.name: one.title for one in builtins()}
    width = max(map(len, names()))
    for name in names():
        click.echo(f"{name:{width}}  {titles.get(name, 'installed')}")


def _tell_github(ended: list[tuple[Record, Result, Path]], code: int) -> None:
    """Tell the job of each series; of outputs the last one told counts, so one that ended with ``code`` is."""
    from zcbench.cli.github import tell_github

    for record, result, report in sorted(ended, key=lambda one: one[1].exit_code == code):
        tell_github(record, result, report)


def _places(report_dir: Path | None, runs: list[Any], formats: tuple[str, ...]) -> list[Path | None]:
    """Where the reports of each series go. Raises FormatError if something would be lost there."""
    from zcbench.render.formats import check_directory

    places = [_of_run(report_dir, runs, foreign) for foreign, _ in runs]
    for place in places:
        if place is not None:
            check_directory(formats, place)
    return places


def _make(foreign: Any, seen: Any, out: Path | None, root: Path | None) -> Path:
    """Make the record of one series; the directory it lies in."""
    from zcbench.cli.running import typed
    from zcbench.importers.ingest import write_record
    from zcbench.record.writer import RUNS_ROOT, create_run_directory

    directory = create_run_directory(out, root or RUNS_ROOT, foreign.story.name)
    write_record(directory, foreign, seen, typed())
    return directory


def _of_run(folder: Path | None, runs: list[Any], foreign: Any) -> Path | None:
    """A folder for one of several series, below the one that was named."""
    return folder if folder is None or len(runs) == 1 else folder / foreign.story.name


def _foreigns(files: tuple[Path, ...], told: dict[str, Any], by: str | None) -> list[Any]:
    """Each series of ``files`` to be judged. Raises RecordError if there are several and nobody chose."""
    from zcbench.importers import series
    from zcbench.importers.columns import columns_of
    from zcbench.importers.ingest import Foreign
    from zcbench.importers.table import open_table
    from zcbench.record.writer import RecordError

    named = [*told.get("maps", ()), *told.get("wheres", ()), *map(str, told.get("map", {}).values())]
    table = open_table(files, told.get("format_name"), told.get("decimal"), [*named, by or ""])
    wheres = []
    for text in told.get("wheres", ()):
        column, equals, value = text.partition("=")
        if not equals:
            raise RecordError(f"--where {text}: not COLUMN=VALUE, as in PID=4411")
        series.check_column(table, column.strip(), "--where")
        wheres.append((column.strip(), value.strip()))
    table = table.only(wheres) if wheres else table
    story = _story(told, files[0])
    if by is None:
        tables = [(story, series.only_one(table))]
    else:
        apart = series.by(table, tuple(name.strip() for name in by.split(",")))
        stories = _each_called(story, [one.where for one, _ in apart])
        tables = [(told_of, part) for told_of, (_, part) in zip(stories, apart, strict=True)]
    specs = [f"{ours}={theirs}" for ours, theirs in told.get("map", {}).items()]
    specs += [part for text in told.get("maps", ()) for part in text.split(",") if part.strip()]
    totals = _totals(told, tuple(told.get("totals_given", ())))
    found = []
    for named, part in tables:
        mapped = columns_of(specs, part, deltas=bool(told.get("deltas")))
        line = mapped.map_line if mapped.assumed else None
        found.append(Foreign(part, mapped.columns, totals, named, mapped.ignored, line))
    return found


def _each_called(story: Any, wheres: list[tuple[tuple[str, str], ...]]) -> list[Any]:
    """``story`` for each series, under a name that no other has: it is that of a folder and of a baseline."""
    import dataclasses

    names: list[str] = []
    for where in wheres:
        label = _name("-".join(value for _, value in where))[: _LONGEST_NAME // 2]
        name = whole = f"{story.name[: _LONGEST_NAME - 1 - len(label)]}-{label}"
        number = 1
        while name in names:
            number += 1
            name = f"{whole[: _LONGEST_NAME - 1 - len(str(number))]}-{number}"
        names.append(name)
    return [dataclasses.replace(story, name=name) for name in names]


def _name(text: str) -> str:
    """``text`` in the characters that the name of a run may have."""
    import re

    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)


def _totals(told: dict[str, Any], flags: tuple[str, ...]) -> dict[str, float]:
    from zcbench.importers.mapping import totals_of

    slots = [] if told.get("slots") is None else [f"pool.slots={told['slots']}"]
    # A flag says it anew; what the file says twice is a mistake.
    filed = totals_of(f"{name}={value}" for name, value in told.get("totals", {}).items())
    return {**filed, **totals_of([*slots, *flags])}


def _story(told: dict[str, Any], file: Path) -> Any:
    from zcbench.importers.ingest import Story
    from zcbench.quantities.parsing import parse_duration
    from zcbench.record.schema import Ending
    from zcbench.record.writer import RecordError
    from zcbench.scenario import Setting, load, parse_setting

    stem = "stdin" if str(file) == "-" else file.name.partition(".")[0]
    name = str(told.get("name") or stem)
    duration, rate, ended = told.get("duration"), told.get("rate"), told.get("ended")
    settings = [
        *map(parse_setting, told.get("sets", ())),
        *(Setting("expect", text, "--expect") for text in told.get("expects", ())),
    ]
    if told.get("accept") is not None:
        settings.append(Setting("memory.accept", told["accept"], "--accept"))
    load(flags=settings)  # what is wrong with one must show before anything is written
    if ended is not None and ended not in _ENDINGS:
        raise RecordError(f"ended = {ended!r}: there are {', '.join(_ENDINGS)}")
    return Story(
        name=_name(name).strip("-.")[:_LONGEST_NAME] or "ingested",
        duration_s=None if duration is None else parse_duration(str(duration)),
        rate_per_s=None if rate is None else _per_s(str(rate)),
        ended=Ending.UNKNOWN if ended is None else Ending(ended),
        require=_required(told.get("require")),
        every_s=None if told.get("every") is None else parse_duration(str(told["every"])),
        settings=tuple(settings),
        laws=_laws(told.get("laws", ())),
    )


def _laws(texts: Any) -> tuple[str, ...]:
    """The laws in ``texts``. Raises RecordError for what is none."""
    from zcbench.quantities.law import LawError, parse_law
    from zcbench.record.writer import RecordError

    for text in texts:
        try:
            parse_law(text)
        except LawError as error:
            raise RecordError(f"--law {text}: {error}") from error
    return tuple(texts)


def _required(names: str | None) -> str | None:
    from zcbench.record.writer import RecordError
    from zcbench.verdict.theirs import check_names

    for name in [] if names is None else names.split(","):
        if name.strip() not in check_names():
            raise RecordError(f"--require {names}: no check {name!r}; there are {', '.join(check_names())}")
    return names


def _per_s(text: str) -> float:
    """Packets a second, which unlike frames need not be whole: 44,100 frames in packets of 512."""
    from zcbench.quantities.parsing import parse_rate

    try:
        value = float(text.strip().removesuffix("/s"))
    except ValueError:
        return parse_rate(text)
    return value if 0 < value < math.inf else parse_rate(text)
