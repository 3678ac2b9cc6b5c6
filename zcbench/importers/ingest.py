"""A record from what somebody else measured: any table of readings, and totals, become a run directory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from zcbench.importers.columns import TIME, Column
from zcbench.importers.mapping import OWED
from zcbench.importers.reading import Reading, Restart
from zcbench.importers.scrutiny import check_shares, check_sizes, contradictions, unread
from zcbench.importers.series import identity_of
from zcbench.importers.spool import Spool
from zcbench.importers.table import Table
from zcbench.page.scoreboard import UNSET, Scoreboard
from zcbench.quantities.parsing import Duration, Rate
from zcbench.quantities.registry import STANDARD
from zcbench.record.brought import Brought
from zcbench.record.capabilities import SubjectInfo, capabilities_of
from zcbench.record.schema import (
    GIVEN_TOTALS,
    SCOREBOARD_FILE,
    WORKER_EVENTS_FILE,
    End,
    Ending,
    Environment,
    Event,
    EventKind,
    RunInfo,
)
from zcbench.record.writer import RecordError, RecordWriter, run_id
from zcbench.scenario import (
    EXTERNAL,
    ConsumerTable,
    PoolTable,
    SamplingTable,
    Scenario,
    Setting,
    SourceTable,
    load,
)

NOT_RECORDED = "not recorded"

_FRAMES = 10**6  # made up, of a packet: a packet rate such as 44,100/512 then keeps six decimals


@dataclass(frozen=True)
class Story:
    """What is known of a foreign run beside its readings.

    ``rate_per_s`` is packets a second, ``every_s`` the time between rows that say none, ``settings`` keys of a
    scenario as flags give them.
    """

    name: str
    duration_s: float | None = None
    rate_per_s: float | None = None
    ended: Ending = Ending.UNKNOWN
    require: str | None = None  # checks that must be judged: "memory,delivery"
    every_s: float | None = None
    settings: tuple[Setting, ...] = ()
    laws: tuple[str, ...] = ()  # "engine.captured == engine.delivered + engine.drops"


@dataclass(frozen=True)
class Foreign:
    """Somebody else's measurements: a table, which of its columns is what, closing totals, and their story."""

    table: Table
    columns: tuple[Column, ...]
    totals: Mapping[str, float]
    story: Story
    ignored: frozenset[str] = frozenset()  # columns that somebody wants left out
    assumed: str | None = None  # the --map option that says what was guessed

    def reading(self) -> Reading:
        """A pass over all rows."""
        read = {name for column in self.columns for name in (column.theirs, column.day) if name}
        self.table.want_also(read)
        return Reading(self.table, self.columns, identity_of(self.table), self.story.every_s)


@dataclass(frozen=True)
class Survey:
    """What one look at every row has shown: their number, the last time, the last readings, restarts.

    ``samples`` are the rows themselves, in our quantities.
    """

    samples: Spool
    rows: int
    last_s: float
    closing: Mapping[str, float]
    restarts: tuple[Restart, ...] = ()
    remarks: tuple[str, ...] = ()


def survey(foreign: Foreign) -> Survey:
    """Look at every row before anything is written.

    Raises RecordError, naming the line, for what is no number, for a running total that falls, and where
    nothing tells the time of more than one row.
    """
    table = foreign.table
    table.remarks.clear()
    reading = foreign.reading()
    timed = foreign.story.every_s or any(column.metric.name == TIME for column in foreign.columns)
    closing: dict[str, float] = {}
    samples = Spool()
    for _, sample in reading.samples():
        samples.add(sample)
        if not timed and reading.rows > 1:
            raise RecordError(
                f"{table.name}: which column is the time? Add --map elapsed_s=COLUMN, or --every TIME if none "
                f"is (--every 10s); there are {', '.join(table.columns)}"
            )
        closing |= {name: value for name, value in sample.items() if value is not None}
    mapped = {column.theirs for column in foreign.columns}
    if (
        all(c.metric.name == TIME for c in foreign.columns)
        and mapped != {*table.columns}
        and not foreign.totals
    ):
        raise RecordError(
            f"{table.name}: none of its columns is known; say which is what: --map elapsed_s=COLUMN,"
            f"rss_bytes=COLUMN (`zcbench metrics` lists what there is); there are {_shown(table)}"
        )
    given_up = mapped | foreign.ignored
    check_shares(table, given_up)
    check_sizes(table, foreign.columns)
    remarks = [f"{table.name}: assumed {foreign.assumed}"] if foreign.assumed else []
    remarks += contradictions(table, foreign.columns) + unread(table, given_up)
    remarks += table.remarks.sentences()
    remarks += [f"{restart.place}: a restart: {restart.why}" for restart in reading.restarts]
    return Survey(samples, reading.rows, closing[TIME], closing, tuple(reading.restarts), tuple(remarks))


def _shown(table: Table) -> str:
    """The columns of a table, each with the first thing that stands in it."""
    first = {
        name: f" ({str(facts.sample[0])[:24]})" if facts.sample else "" for name, facts in table.facts.items()
    }
    return ", ".join(f"{name}{example}" for name, example in first.items())


def write_record(directory: Path, foreign: Foreign, seen: Survey, command: Sequence[str] = ()) -> None:
    """Write the record into the new, empty ``directory``."""
    writer = RecordWriter(directory, _run_info(foreign, seen, command))
    try:
        owed = {name: foreign.totals[name] for name in OWED if name in foreign.totals}
        for row, sample in enumerate(seen.samples.rows(), 1):
            closing = owed if row == seen.rows else {}
            writer.sample({name: _whole(value) for name, value in {**sample, **closing}.items()})
        _write_totals(directory / SCOREBOARD_FILE, {**seen.closing, **foreign.totals})
        (directory / WORKER_EVENTS_FILE).touch()
        for event in _events(foreign.story, seen, tuple(foreign.totals)):
            writer.event(event)
    finally:
        writer.close()


def _events(story: Story, seen: Survey, totals: Iterable[str]) -> Iterator[Event]:
    if story.laws:
        data = {"laws": list(story.laws)}
        yield Event(elapsed_s=0.0, kind=EventKind.LAWS, message="stated by --law", data=data)
    if totals:
        message = f"closing totals were given: {', '.join(totals)}"
        yield Event(elapsed_s=0.0, kind=EventKind.NOTE, message=message, data={GIVEN_TOTALS: list(totals)})
    for restart in seen.restarts:
        yield Event(elapsed_s=restart.elapsed_s, kind=EventKind.RESTART, message=restart.why)
    for remark in seen.remarks:
        yield Event(elapsed_s=0.0, kind=EventKind.NOTE, message=remark)
    end = End(ending=story.ended, elapsed_s=seen.last_s, message=_ENDED.get(story.ended))
    yield Event(elapsed_s=seen.last_s, kind=EventKind.END, message="end", data=msgspec.to_builtins(end))


def _run_info(foreign: Foreign, seen: Survey, command: Sequence[str]) -> RunInfo:
    story, table = foreign.story, foreign.table
    duration = story.duration_s or seen.last_s
    due = None if story.rate_per_s is None else round(duration * story.rate_per_s)
    return RunInfo(
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
        quantities=tuple(
            Brought.of(column.metric) for column in foreign.columns if column.metric.name not in STANDARD
        ),
        subject=SubjectInfo(
            kind="imported",
            capabilities=capabilities_of({*seen.closing, *foreign.totals}),
            file=table.texts[0].path.name,
        ),
    )


_ENDED = {Ending.UNKNOWN: "nobody here watched it end"}


def _scenario(foreign: Foreign, seen: Survey, duration: float) -> Scenario:
    """The little that a table says of what was run, and nothing that it does not."""
    every = duration / seen.rows if seen.rows > 1 else duration
    known = {**seen.closing, **foreign.totals}
    slots, per_s = known.get("pool.slots"), foreign.story.rate_per_s
    told = load(flags=foreign.story.settings)
    return msgspec.structs.replace(
        told,
        name=foreign.story.name,
        description="measured elsewhere",
        require=foreign.story.require or told.require,
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
