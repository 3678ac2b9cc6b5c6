"""Rows of a table as samples in our quantities and units: time that never falls, totals that never fall."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from zcbench.importers.cells import is_missing, number
from zcbench.importers.clocks import DAY_S, Bridge, Clock, Moment
from zcbench.importers.columns import TIME, Column
from zcbench.importers.format import Row
from zcbench.importers.labels import is_uptime
from zcbench.importers.mapping import LARGEST
from zcbench.importers.ordering import oldest_first, without_leaps
from zcbench.importers.scrutiny import is_to_come
from zcbench.importers.sizes import IN_PAGES, PAGE_BYTES
from zcbench.importers.spreading import spread
from zcbench.importers.table import NEAR_ZERO, Place, Table
from zcbench.quantities.names import RSS_BYTES
from zcbench.record.decoding import LONGEST_S
from zcbench.record.writer import RecordError

Sample = dict[str, float | None]
_THREADS = "threads"  # of which a process has one at least

# Of a log of gauges alone a restart is a gap, after which resident memory is what it was at first.
GAP_PERIODS = 3.0
LIKE_FIRST, FELL_TO = 1.1, 0.8
# A clock that was put back makes an uptime a little less; this much less is another start.
UPTIME_FELL_TO = 0.5
# A log whose counters fall more often than this holds what each row added, not totals.
MOST_RESTARTS = 3
MOST_RESTART_SHARE = 0.05
# Rows that go back in time more often than this are not in order, or are several series.
MOST_STEPS_BACK = 0.05


@dataclass(frozen=True)
class Restart:
    """The subject began anew at ``elapsed_s``; ``why`` is how that shows."""

    elapsed_s: float
    why: str
    place: Place


@dataclass
class Reading:
    """One pass over a table. After it: how many rows, restarts, steps of the clock, and falls of counters."""

    table: Table
    columns: tuple[Column, ...]
    identity: tuple[str, ...] = ()
    every_s: float | None = None
    rows: int = 0
    restarts: list[Restart] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._time = next((c for c in self.columns if c.metric.name == TIME), None)
        self._others = [c for c in self.columns if c is not self._time]
        self._totals = [c.metric.name for c in self._others if c.metric.cumulative and not c.delta]
        self._deltas = [c.metric.name for c in self._others if c.metric.cumulative and c.delta]
        self._raw: dict[str, float] = {}  # each total as it was read last
        self._before: dict[str, float] = dict.fromkeys((*self._totals, *self._deltas), 0.0)
        self._who: dict[str, str] = {}
        timed = None if self._time is None else self._time.theirs
        self._uptimes = [name for name in self.table.facts if name != timed and is_uptime(name)]
        self._up: dict[str, float] = {}  # each uptime as it was read last
        self._first: dict[str, float] = {}  # of this life
        self._last: Sample = {}
        self._start: float | None = None
        self._bridge = Bridge(self._note)
        self._place: Place | None = None

    def _note(self, kind: str, place: Place | None = None) -> None:
        self.table.remarks.add(kind, str(place or self._place))

    def _timed(self) -> Iterator[tuple[tuple[Place, Row], Moment]]:
        time = self._time
        if time is None:
            every = self.every_s or 0.0
            return (((place, row), Moment(at * every)) for at, (place, row) in enumerate(self.table.rows()))
        rows = (((place, row), self._moment(time, place, row)) for place, row in self.table.rows())
        return without_leaps(oldest_first(rows, self._note_at), self._note_at)

    def _note_at(self, at: tuple[Place, Row], kind: str) -> None:
        self._note(kind, at[0])

    def samples(self) -> Iterator[tuple[Place, Sample]]:
        """Each row's sample, ``elapsed_s`` from the first on. Raises RecordError, naming line and cell."""
        for (place, row), moment in spread(self._timed(), self._note_at):
            self._place = place
            sample = {c.metric.name: self._number(place, c, row) for c in self._others}
            why = self._restart(row, sample, moment)
            if why is not None and self._is_since_start(moment):
                now = self._bridge.anew(moment)
            else:
                now = self._bridge.at(moment)
            if self._start is None:
                self._start = now
                if is_to_come(moment):
                    self._note("this time is yet to come by this machine's clock")
            elapsed = now - self._start if self._is_clock else now
            if elapsed > LONGEST_S:
                raise RecordError(f"{place}: {self._too_long(elapsed)}")
            if why is not None:
                self._begin_anew(place, elapsed, why)
            self._count(place, sample)
            self.rows += 1
            yield place, {TIME: elapsed, **sample}
        self._check_steps()

    def _too_long(self, elapsed: float) -> str:
        if self._is_clock:
            days = f"{elapsed / DAY_S:,.0f} days after the first one"
            return f"this time lies {days}: correct it, or leave the row out"
        return (
            f"{elapsed:g} s are no time since a run's start; if it is the time since 1970, say so: "
            "elapsed_s=COLUMN:unix (or unix_ms, unix_us, unix_ns)"
        )

    @property
    def _is_clock(self) -> bool:
        return self._time is not None and (self._time.clock is not None)

    def _is_since_start(self, moment: Moment) -> bool:
        """Whether time itself began anew with the subject: it counts from a start, and fell to near zero."""
        raw = self._bridge._raw
        return not self._is_clock and bool(self.rows) and moment.seconds < NEAR_ZERO * raw

    def _moment(self, time: Column, place: Place, row: Row) -> Moment:
        cell = row.get(time.theirs)
        try:
            moment = time.moment(cell if time.day is None else f"{row.get(time.day)} {cell}")
        except (TypeError, ValueError, OverflowError):
            raise RecordError(
                f"{place}: {time.theirs} is {cell!r}, not a time: neither a number nor a date such as "
                "ISO 8601's 2026-11-28T03:30:00"
            ) from None
        if moment is None:
            raise RecordError(f"{place}: the row has no time")
        if moment.seconds < 0 and not self._is_clock:
            raise RecordError(f"{place}: {time.theirs} is {moment.seconds:g}; elapsed_s cannot be that")
        return moment

    def _number(self, place: Place, column: Column, row: Row) -> float | None:
        cell = row.get(column.theirs)
        try:
            value = column.value(cell)
        except (TypeError, ValueError, OverflowError):
            raise RecordError(f"{place}: {column.theirs} is {cell!r}, not a number") from None
        if value is None or not math.isfinite(value):
            return None
        name = column.metric.name
        if not 0 <= value <= LARGEST:
            raise RecordError(
                f"{place}: {column.theirs} is {cell!r}; {name} cannot be that. "
                "What was not measured is an empty cell"
            )
        if name == _THREADS and not value:
            self._note("0 threads: they were not counted")
            return None
        if name in IN_PAGES[:1] and value < PAGE_BYTES:
            if value:
                raise RecordError(_too_small(place, column, cell, value))
            self._note("a resident size of 0: the process was not there")
            return None
        return value

    def _restart(self, row: Row, sample: Sample, moment: Moment) -> str | None:
        """How it shows that the subject began anew with this row; None if it did not."""
        who = {name: str(row[name]).strip() for name in self.identity if not is_missing(row.get(name))}
        changed = [name for name, value in who.items() if self._who.get(name, value) != value]
        was = {name: self._who[name] for name in changed}
        self._who |= who
        fallen = self._uptime_fell(row)
        if not self.rows:
            return None
        if changed:
            return f"{changed[0]} changed from {was[changed[0]]} to {who[changed[0]]}"
        if fallen is not None:
            return fallen
        counted = [
            (n, self._raw[n], v) for n in self._totals if (v := sample.get(n)) is not None and self._raw.get(n)
        ]
        fell = [(n, last, v) for n, last, v in counted if v < last]
        if fell and len(fell) == len(counted) and all(v <= NEAR_ZERO * last for _, last, v in fell):
            name, last, value = max(fell, key=lambda one: one[1])
            return f"{name} fell from {last:,.6g} to {value:,.6g}"
        if self._is_since_start(moment):
            return f"the time since the start fell from {self._bridge._raw:g} to {moment.seconds:g} s"
        return self._after_a_gap(sample, moment)

    def _uptime_fell(self, row: Row) -> str | None:
        """Which column of the time since the start fell to near zero, in words; None if none did."""
        why = None
        for name in self._uptimes:
            cell = row.get(name)
            read = number(cell)
            if read is not None and not read.unit:
                value = read.value
            elif isinstance(cell, str) and (moment := Clock(stopwatch=True).moment(cell)) is not None:
                value = moment.seconds
            else:
                continue
            last = self._up.get(name, 0.0)
            if value < last * UPTIME_FELL_TO:
                why = f"{name} fell from {last:,.6g} to {value:,.6g}"
            self._up[name] = value
        return why

    def _after_a_gap(self, sample: Sample, moment: Moment) -> str | None:
        now, last, first = (one.get(RSS_BYTES) for one in (sample, self._last, self._first))
        gap = moment.seconds - self._bridge._raw
        period = self._bridge.period_s
        if not (now and last and first and period and gap > GAP_PERIODS * period):
            return None
        if now > LIKE_FIRST * first or now > FELL_TO * last:
            return None
        return f"after {gap:,.0f} s without a reading the resident size fell to what it was at first"

    def _begin_anew(self, place: Place, elapsed: float, why: str) -> None:
        self.restarts.append(Restart(elapsed, why, place))
        for name in self._totals:
            self._before[name] += self._raw.pop(name, 0.0)
        self._first = {}

    def _count(self, place: Place, sample: Sample) -> None:
        """Make totals of the whole log of what this row says, in place."""
        for name in self._totals:
            value = sample.get(name)
            if value is None:
                continue
            last = self._raw.get(name)
            if last is not None and value < last:
                raise RecordError(
                    f"{place}: {name} falls from {last:,.6g} to {value:,.6g}; it counts from the run's start: "
                    "give the running total; if each row holds what it added, say --deltas"
                )
            self._raw[name] = value
            sample[name] = value + self._before[name]
        for name in self._deltas:
            value = sample.get(name)
            if value is not None:
                self._before[name] += value
                sample[name] = self._before[name]
        for name, value in sample.items():
            if value is not None:
                self._first.setdefault(name, value)
                self._last[name] = value

    def _check_steps(self) -> None:
        if len(self.restarts) > max(MOST_RESTARTS, MOST_RESTART_SHARE * self.rows) and not self.identity:
            first = self.restarts[0]
            raise RecordError(
                f"{first.place}: {first.why}, and counters fall {len(self.restarts):,} times in {self.rows:,} "
                "rows: if each row holds what it added, say --deltas"
            )
        if self._bridge.back > max(MOST_RESTARTS, MOST_STEPS_BACK * self.rows):
            raise RecordError(
                f"{self.table.name}: {self._bridge.back:,} of {self.rows:,} rows go back in time; sort by "
                "time, or, if they are of several series, choose one with --where COLUMN=VALUE"
            )


def _too_small(place: Place, column: Column, cell: object, value: float) -> str:
    likely = "MiB" if value < 1000 * (column.factor or 1.0) or value % 4 else "KiB"
    return (
        f"{place}: {column.theirs} is {cell!r}: {value:g} bytes resident are less than a page of memory "
        f"({PAGE_BYTES:,} bytes); if it is in {likely}, say --map {column.metric.name}={column.theirs}:{likely}"
    )
