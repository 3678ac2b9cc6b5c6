"""A record from what somebody else measured: any table of readings, and totals, become a run directory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from zcbench.importers.mapping import ISO, LARGEST, OWED, Column
from zcbench.importers.table import Table
from zcbench.page.scoreboard import UNSET, Scoreboard
from zcbench.quantities.registry import BY_NAME
from zcbench.quantities.units import Duration, Rate
from zcbench.record.capabilities import SubjectInfo, capabilities_of
from zcbench.record.schema import (
    SCOREBOARD_FILE,
    WORKER_EVENTS_FILE,
    End,
    Ending,
    Environment,
    Event,
    RunInfo,
)
from zcbench.record.writer import RecordError, RecordWriter, run_id
from zcbench.scenario import (
    EXTERNAL,
    ConsumerTable,
    PoolTable,
    SamplingTable,
    Scenario,
    SourceTable,
)

NOT_RECORDED = "not recorded"

_FRAMES = 10**6  # made up, of a packet: a packet rate such as 44,100/512 then keeps six decimals

Sample = dict[str, float | None]

# What tools write where there is no reading (R, pandas, SQL, spreadsheets); NaN and infinities are none either.
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "\u2013", "\u2014"})
# Ten years: beyond any run, and well below the 1.7e9 s that have passed since 1970.
_LONGEST_S = 10 * 365 * 86_400.0


@dataclass(frozen=True)
class Story:
    """What is known of a foreign run beside its readings. ``rate_per_s`` is packets a second."""

    name: str
    duration_s: float | None = None
    rate_per_s: float | None = None
    ended: Ending = Ending.UNKNOWN
    require: str | None = None  # checks that must be judged: "memory,delivery"


@dataclass(frozen=True)
class Foreign:
    """Somebody else's measurements: a table, which of its columns is what, closing totals, and their story."""

    table: Table
    columns: tuple[Column, ...]
    totals: Mapping[str, float]
    story: Story

    def samples(self) -> Iterator[tuple[int, Sample]]:
        """Every row in our metrics and units, with its line. Raises RecordError, naming the line."""
        start: float | None = None
        for line, cells in self.table.rows():
            sample = {c.metric.name: _number(self.table, line, c, cells) for c in self.columns}
            elapsed, clock = sample["elapsed_s"], self._clock
            if elapsed is not None and clock is not None:
                start = elapsed if start is None else start
                sample["elapsed_s"] = elapsed - start
            elif (elapsed or 0) > _LONGEST_S:
                raise RecordError(
                    f"{self.table.path}:{line}: {elapsed:g} s are no time since a run's start; if it is "
                    "the time since 1970, say so: elapsed_s=COLUMN:unix (or unix_ms, unix_ns)"
                )
            yield line, sample

    @property
    def _clock(self) -> str | None:
        return next(c.clock for c in self.columns if c.metric.name == "elapsed_s")


@dataclass(frozen=True)
class Survey:
    """What one look at every row has shown: their number, the last time, each column's last reading."""

    rows: int
    last_s: float
    closing: Mapping[str, float]


def survey(foreign: Foreign) -> Survey:
    """Look at every row before anything is written.

    Raises RecordError, naming the line, for what is no number, for time or a running total that falls.
    """
    table = foreign.table
    if not any(column.metric.name == "elapsed_s" for column in foreign.columns):
        raise RecordError(
            f"{table.path}: which column is the time? Add --map elapsed_s=COLUMN; there are "
            f"{', '.join(table.columns)}"
        )
    closing: dict[str, float] = {}
    rows = 0
    for line, sample in foreign.samples():
        rows += 1
        where = f"{table.path}:{line}"
        if sample["elapsed_s"] is None:
            raise RecordError(f"{where}: the row has no time")
        for name, value in sample.items():
            last = closing.get(name)
            if value is None:
                continue
            if last is not None and value < last:
                _falls(where, name, last, value)
            closing[name] = value
    return Survey(rows, closing["elapsed_s"], closing)


def _falls(where: str, name: str, last: float, value: float) -> None:
    if name == "elapsed_s":
        raise RecordError(f"{where}: the row goes back in time, from {last:g} s to {value:g} s; sort by time")
    if BY_NAME[name].cumulative:
        raise RecordError(
            f"{where}: {name} falls from {last:,.6g} to {value:,.6g}; it counts from the run's start: "
            "give the running total, not what each row added"
        )


def _number(table: Table, line: int, column: Column, cells: Mapping[str, Any]) -> float | None:
    cell = cells.get(column.theirs)
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in _MISSING):
        return None
    try:
        value = column.value(cell)
    except (TypeError, ValueError, AttributeError):
        wanted = "a date and time as in ISO 8601" if column.clock == ISO else "a number"
        raise RecordError(f"{table.path}:{line}: {column.theirs} is {cell!r}, not {wanted}") from None
    if not math.isfinite(value):
        return None
    if not 0 <= value <= LARGEST:
        raise RecordError(
            f"{table.path}:{line}: {column.theirs} is {cell!r}; {column.metric.name} cannot be that. "
            "What was not measured is an empty cell"
        )
    return value


def write_record(directory: Path, foreign: Foreign, seen: Survey, command: Sequence[str] = ()) -> None:
    """Write the record into the new, empty ``directory``."""
    story, table = foreign.story, foreign.table
    duration = story.duration_s or seen.last_s
    due = None if story.rate_per_s is None else round(duration * story.rate_per_s)
    info = RunInfo(
        id=run_id(story.name),
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        started_ns=0,
        command=list(command),
        scenario=_scenario(foreign, seen, duration),
        environment=Environment(
            system=NOT_RECORDED,
            machine=NOT_RECORDED,
            processor=NOT_RECORDED,
            cores=None,
            memory_bytes=None,
            python=NOT_RECORDED,
            zcbench=version("zcbench"),
            packages={},
        ),
        tracemalloc=False,
        due_packets=due,
        subject=SubjectInfo(
            kind="imported",
            capabilities=capabilities_of({*seen.closing, *foreign.totals}),
            file=table.path.name,
        ),
    )
    writer = RecordWriter(directory, info)
    try:
        owed = {name: foreign.totals[name] for name in OWED if name in foreign.totals}
        for row, (_, sample) in enumerate(foreign.samples(), 1):
            closing = owed if row == seen.rows else {}
            writer.sample({name: _whole(value) for name, value in {**sample, **closing}.items()})
        _write_totals(directory / SCOREBOARD_FILE, {**seen.closing, **foreign.totals})
        (directory / WORKER_EVENTS_FILE).touch()
        end = End(ending=story.ended, elapsed_s=seen.last_s, message=_ENDED.get(story.ended))
        writer.event(Event(elapsed_s=seen.last_s, kind="end", message="end", data=msgspec.to_builtins(end)))
    finally:
        writer.close()


_ENDED = {Ending.UNKNOWN: "nobody here watched it end"}


def _scenario(foreign: Foreign, seen: Survey, duration: float) -> Scenario:
    """The little that a table says of what was run, and nothing that it does not."""
    every = duration / seen.rows if seen.rows > 1 else duration
    known = {**seen.closing, **foreign.totals}
    slots, per_s = known.get("pool.slots"), foreign.story.rate_per_s
    return Scenario(
        name=foreign.story.name,
        description="measured elsewhere",
        require=foreign.story.require,
        engine=EXTERNAL,
        duration=Duration(duration),
        pool=PoolTable() if slots is None else PoolTable(slots=int(slots)),
        # A scenario knows whole frames a second; without a rate there is no pace to judge by.
        source=SourceTable(unpaced=True)
        if per_s is None
        else SourceTable(frames=_FRAMES, rate=Rate(round(per_s * _FRAMES))),
        # "hold": how long their application keeps a packet, and whether that grows, is its own affair.
        consumer=ConsumerTable(kind="hold", verify="consumer.checked" in known),
        sampling=SamplingTable(every=Duration(every)),
    )


def _write_totals(path: Path, closing: Mapping[str, float]) -> None:
    """The page as such a subject would have left it: what is known at the end, the rest unmeasured."""
    board = Scoreboard.create(path)
    for name in board.index:
        board[name] = int(closing[name]) if name in closing else UNSET


def _whole(value: float | None) -> float | int | None:
    return int(value) if value is not None and value == int(value) else value
