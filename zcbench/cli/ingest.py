"""``zcbench ingest``: somebody else's table in, a judged record and its report out."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import click

from zcbench.cli import complete

_ENDINGS = ("finished", "crashed", "exited", "hung", "memory", "interrupted")


@click.command("ingest")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--map", "maps", shell_complete=complete.column, multiple=True, metavar="OURS=THEIRS[:UNIT],...",
              help="which column is which metric: elapsed_s=time:iso,rss_bytes=rss:MiB")  # fmt: skip
@click.option("--mapping", type=click.Path(path_type=Path), metavar="TOML",
              help="the same in a file: [map], [totals], and the flags' names")  # fmt: skip
@click.option("--total", "totals", shell_complete=complete.total, multiple=True, metavar="METRIC=NUMBER",
              help="a closing total: pool.hits=10")  # fmt: skip
@click.option("--slots", metavar="N", help="slots of the pool: the same as --total pool.slots=N")
@click.option("--duration", metavar="TIME", help="how long the stream was (default: the last row)")
@click.option("--rate", metavar="RATE", help="packets a second that were due: 100/s")
@click.option("--ended", type=click.Choice(_ENDINGS), help="how it ended, if that is known")
@click.option("--require", shell_complete=complete.checks, metavar="CHECKS",
              help="checks that must be judged, or the run is inconclusive: memory,delivery")  # fmt: skip
@click.option("--name", help="a name for the run (default: the file's)")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="run directory to make")
@click.option("--root", type=click.Path(path_type=Path), envvar="ZCBENCH_ROOT", metavar="DIR",
              help="where runs without --out go (default: reports/runs)")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="print result.json")
def command(
    file: Path,
    maps: tuple[str, ...],
    mapping: Path | None,
    totals: tuple[str, ...],
    out: Path | None,
    root: Path | None,
    as_json: bool,
    **story: str | None,
) -> None:
    """Make a record of FILE, a CSV or JSON Lines table of any tool's readings, and judge it.

    `zcbench metrics` lists what a column can be. What was not measured is inconclusive.
    """
    from zcbench.cli.closing import close
    from zcbench.cli.output import shown_json
    from zcbench.cli.running import typed
    from zcbench.importers import ingest
    from zcbench.importers.mapping import columns_of, read_mapping
    from zcbench.importers.table import open_table
    from zcbench.record.schema import REPORT_FILE, RESULT_FILE
    from zcbench.record.writer import RUNS_ROOT, create_run_directory

    told = {} if mapping is None else read_mapping(mapping)
    told |= {key: value for key, value in story.items() if value is not None}
    table = open_table(file)
    specs = [f"{ours}={theirs}" for ours, theirs in told.get("map", {}).items()]
    specs += [part for text in maps for part in text.split(",") if part.strip()]
    columns = columns_of(specs, table.columns)
    foreign = ingest.Foreign(table, columns, _totals(told, totals), _story(told, file))
    seen = ingest.survey(foreign)
    directory = create_run_directory(out, root or RUNS_ROOT, foreign.story.name)
    ingest.write_record(directory, foreign, seen, typed())
    _, result = close(directory)
    if as_json:
        click.echo(shown_json((directory / RESULT_FILE).read_text(encoding="utf-8")))
    else:
        click.echo(str(directory / REPORT_FILE))
    sys.exit(result.exit_code)


def _totals(told: dict[str, Any], flags: tuple[str, ...]) -> dict[str, float]:
    from zcbench.importers.mapping import totals_of

    slots = [] if told.get("slots") is None else [f"pool.slots={told['slots']}"]
    # A flag says it anew; what the file says twice is a mistake.
    filed = totals_of(f"{name}={value}" for name, value in told.get("totals", {}).items())
    return {**filed, **totals_of([*slots, *flags])}


def _story(told: dict[str, Any], file: Path) -> Any:
    import re

    from zcbench.importers.ingest import Story
    from zcbench.quantities.units import parse_duration
    from zcbench.record.schema import Ending
    from zcbench.record.writer import RecordError

    name = str(told.get("name") or file.stem)
    duration, rate, ended = told.get("duration"), told.get("rate"), told.get("ended")
    if ended is not None and ended not in _ENDINGS:
        raise RecordError(f"ended = {ended!r}: there are {', '.join(_ENDINGS)}")
    return Story(
        name=re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:64] or "ingested",
        duration_s=None if duration is None else parse_duration(str(duration)),
        rate_per_s=None if rate is None else _per_s(str(rate)),
        ended=Ending.UNKNOWN if ended is None else Ending(ended),
        require=_required(told.get("require")),
    )


def _required(names: str | None) -> str | None:
    from zcbench.record.writer import RecordError
    from zcbench.scenario import check_names

    for name in [] if names is None else names.split(","):
        if name.strip() not in check_names():
            raise RecordError(f"--require {names}: no check {name!r}; there are {', '.join(check_names())}")
    return names


def _per_s(text: str) -> float:
    """Packets a second, which unlike frames need not be whole: 44,100 frames in packets of 512."""
    from zcbench.quantities.units import parse_rate

    try:
        value = float(text.strip().removesuffix("/s"))
    except ValueError:
        return parse_rate(text)
    return value if 0 < value < math.inf else parse_rate(text)
