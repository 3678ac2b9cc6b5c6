"""Which of a table's columns is which quantity, in what unit: as told, as its format knows, or by its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from zcbench.importers.cells import COMMA, POINT, Style, decimal_of, is_missing, number
from zcbench.importers.clocks import Clock, Moment, epoch_unit, is_day, is_time_of_day
from zcbench.importers.formats.delimited import delimiter_of
from zcbench.importers.guess import FD, GENERIC, Guess, guess, read_name
from zcbench.importers.losses import COLUMNS as LOSSES
from zcbench.importers.mapping import IGNORE, Spec, metric_named, parse_spec
from zcbench.importers.sizes import IN_PAGES, is_whole, named_unit, resident_unit
from zcbench.importers.table import ColumnFacts, Table
from zcbench.importers.words import words
from zcbench.quantities.names import (
    ELAPSED_S,
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
    FDS_OTHER,
    RSS_BYTES,
)
from zcbench.quantities.quantity import Better, Quantity
from zcbench.quantities.registry import VOCABULARY
from zcbench.quantities.units import BYTES, S
from zcbench.record.writer import RecordError

TIME = ELAPSED_S
# Words of a time that counts from a start: "05:10" of it is minutes and seconds.
_SINCE = words("elapsed etime uptime duration since running runtime stopwatch")
# Docker writes MiB; podman's MB are 1,000,000 bytes (go-units' HumanSize).
_DECIMAL_MB = ("docker", "docker-json")
# What counts how far a subject has come; a guess of one is taken back where the column falls and falls.
_PROGRESS = (ENGINE_CAPTURED, ENGINE_DELIVERED)
MOST_FALLS, MOST_FALL_SHARE = 3, 0.05
# How Grafana and others shorten counts: "1.16 K". As written: "m" is no million.
_THOUSANDS = {"k": 1e3, "K": 1e3, "M": 1e6, "Mil": 1e6, "G": 1e9, "Bil": 1e9, "T": 1e12, "Tri": 1e12}
CLOCKS = {"time": 1.0, "iso": 1.0, "unix": 1.0, "unix_ms": 1e-3, "unix_us": 1e-6, "unix_ns": 1e-9}


@dataclass(frozen=True)
class Column:
    """Their column ``theirs`` is our ``metric`` after multiplication with ``factor``.

    A ``clock`` ("time", "unix", ...) tells a date or time of day, of which only differences count. With
    ``delta`` it holds what each row added.
    """

    metric: Quantity
    theirs: str
    factor: float
    clock: str | None = None
    unit: str = ""
    decimal: str = POINT
    binary: bool = False  # "MB" in a cell is 1,024 x 1,024 bytes
    delta: bool = False
    day_first: bool = False
    stopwatch: bool = False  # "05:10" is minutes and seconds
    given: bool = False  # somebody said which unit it is in
    day: str | None = None  # their column of the date, where a time of day stands in one of its own

    def value(self, cell: Any) -> float | None:
        """A cell in our unit, None where it is missing. Raises ValueError for what is no reading."""
        if type(cell) is str and self.decimal == POINT:
            try:  # what nearly every cell is
                plain = float(cell)
            except ValueError:
                pass
            else:
                if "_" not in cell:
                    return plain * self.factor if abs(plain) < float("inf") else None
        if is_missing(cell):
            return None
        read = number(cell, self.decimal)
        if read is None:
            raise ValueError(cell)
        if not read.unit:
            return read.value * self.factor
        return read.value * self._unit(read.unit)

    def _unit(self, written: str) -> float:
        known = self.metric.unit.factors
        unit = written.lower().removesuffix("/s")
        if self.metric.unit == BYTES:
            if self.metric.name in IN_PAGES and unit in ("k", "kb"):
                return 1024.0
            if unit in ("k", "m", "g", "t") or (self.binary and unit in ("kb", "mb", "gb", "tb")):
                return float(1024 ** ("kmgt".index(unit[0]) + 1))
        if unit in known:
            return known[unit]
        if not known and not unit.endswith("%"):
            return _THOUSANDS.get(written.removesuffix("/s"), 1.0)  # 1 of "12 frames"
        raise ValueError(written)

    def moment(self, cell: Any) -> Moment | None:
        """A cell of a time, None where it is missing. Raises ValueError for what is no time."""
        if isinstance(cell, Moment):
            return cell
        if is_missing(cell):
            return None
        if self.clock not in ("time", "iso"):
            try:
                value = self.value(cell)
                return None if value is None else Moment(value)
            except ValueError:
                if self.clock is not None:
                    raise
        moment = Clock(self.day_first, self.stopwatch).moment(str(cell))
        if moment is None:
            read = number(cell, self.decimal)
            scale = None if read is None else epoch_unit(read.value)
            if read is None or scale is None:
                raise ValueError(cell)
            return Moment(read.value * scale[0])
        return moment

    @property
    def spec(self) -> str:
        """The ``--map`` text that says this column."""
        if self.day is not None:
            return f"{self.metric.name}={self.day}+{self.theirs}"
        unit = self.clock or self.unit
        name = self.metric.name
        return f"{name}={self.theirs}{':' + unit if unit else ''}"


@dataclass(frozen=True)
class Mapped:
    """The columns of a table that are quantities, and of which of them that was guessed."""

    columns: tuple[Column, ...]
    assumed: tuple[Column, ...] = ()
    ignored: frozenset[str] = frozenset()

    @property
    def map_line(self) -> str:
        """The ``--map`` option that says all of it, to keep."""
        return "--map " + ",".join(column.spec for column in self.columns)


def columns_of(specs: Iterable[str], table: Table, *, deltas: bool = False) -> Mapped:
    """Columns from "OURS=THEIRS[:UNIT]" texts, then what the format knows, our own names, and guesses.

    Raises RecordError for an unknown name on either side, an unknown unit, something mapped twice, and what
    may be one of two quantities.
    """
    maker = _Maker(table, deltas)
    for spec in specs:
        day, plus, theirs = spec.partition("=")[2].partition("+")
        if plus and {day, theirs} <= set(table.columns):
            maker.add_day(spec, day, theirs)
            continue
        parsed = parse_spec(spec, table.columns)
        if parsed.ours == IGNORE:
            maker.ignored.add(parsed.theirs)
        else:
            maker.add(parsed, metric_named(parsed.ours), given=True)
    for theirs, told in {**table.format.columns, **LOSSES}.items():
        name, _, unit = told.partition(":")
        if theirs in table.facts and name in VOCABULARY and maker.is_open(theirs, name):
            maker.add(Spec(theirs, name, theirs, unit), metric_named(name), given=False)
    for theirs in table.columns:
        ours = VOCABULARY.get(theirs) or VOCABULARY.by_column.get(theirs)
        if ours is not None and ours.is_sampled and maker.is_open(theirs, ours.name):
            maker.add(Spec(theirs, ours.name, theirs, ""), ours, given=True)
    if table.format.guess:
        maker.guess()
    return maker.mapped()


class _Maker:
    """Collects the columns of one table."""

    def __init__(self, table: Table, deltas: bool) -> None:
        self._table, self._deltas = table, deltas
        self._found: dict[str, Column] = {}
        self._assumed: list[Column] = []
        self.ignored: set[str] = set(table.format.labels) | set(table.format.identity)
        self._delimiter = delimiter_of(table.texts[0].head()) if table.format.name == "table" else None
        self._style = Style()
        for facts in table.facts.values():
            self._style.comma_decides |= facts.style.comma_decides
            self._style.point_decides |= facts.style.point_decides

    def is_open(self, theirs: str, ours: str) -> bool:
        taken = {column.theirs for column in self._found.values()}
        return theirs not in taken | self.ignored and ours not in self._found

    def add(self, spec: Spec, metric: Quantity, *, given: bool) -> None:
        """Take a column as told. Raises RecordError for a unit that the quantity cannot have."""
        if metric.name in self._found:
            raise RecordError(f"--map {spec.text}: {metric.name} is mapped twice")
        self._found[metric.name] = self._column(spec, metric, given)

    def add_day(self, spec: str, day: str, theirs: str) -> None:
        """Take a date and a time of day in two columns as the time: "elapsed_s=Date+Time"."""
        metric = metric_named(spec.partition("=")[0].strip())
        if metric.name != TIME:
            raise RecordError(f"--map {spec}: only {TIME} is made of two columns")
        self.add(Spec(spec, TIME, theirs, "time"), metric, given=True)
        self._found[TIME] = replace(self._found[TIME], day=day)

    def _column(self, spec: Spec, metric: Quantity, given: bool) -> Column:
        facts = self._table.facts[spec.theirs]
        unit, known = spec.unit.lower(), metric.unit.factors
        clocks = CLOCKS if metric.name == TIME else {}
        if unit and unit not in known and unit not in clocks:
            there = ", ".join([*known, *clocks]) or f"none: {metric.name} is in {metric.unit}"
            raise RecordError(f"--map {spec.text}: no unit {spec.unit!r} for {metric.name}; there are {there}")
        if metric.name == TIME and not unit:
            unit = self._time_unit(spec.theirs, facts)
        elif not unit and given:
            unit = named_unit(spec, metric, known)
        clock = unit if unit in clocks else None
        return Column(
            metric,
            spec.theirs,
            clocks[unit] if clock else known.get(unit, 1.0),
            clock,
            "" if clock else unit,
            self._decimal(spec.theirs, facts, whole=metric.name in IN_PAGES and is_whole(unit, facts)),
            binary=not self._table.format.guess and self._table.format.name not in _DECIMAL_MB,
            given=given and bool(spec.unit),
            delta=spec.theirs in self._table.format.deltas or (self._deltas and metric.cumulative),
            day_first=self._table.clock.day_first if metric.name == TIME else False,
            stopwatch=facts.past_day or not _SINCE.isdisjoint(read_name(spec.theirs).words.split("_")),
        )

    def _decimal(self, theirs: str, facts: ColumnFacts, *, whole: bool) -> str:
        style = facts.style
        decided = style.point_decides or style.comma_decides or style.ungrouped or self._table.decimal
        if whole and style.grouped_by_point and not decided:
            return COMMA  # "81.920" KiB of whole pages: the point groups digits
        decimal = self._table.decimal or decimal_of(facts.style, self._style, self._delimiter)
        if decimal is None:
            example = next((c for c in facts.sample if "," in str(c)), facts.sample[0])
            raise RecordError(
                f"{self._table.name}: column {theirs!r}: is {example!r} a number with a fraction or with "
                "groups of three digits? Say --decimal comma or --decimal point"
            )
        return decimal

    def _time_unit(self, theirs: str, facts: ColumnFacts) -> str:
        named = read_name(theirs).unit
        if facts.numbers and facts.numbers == facts.cells:
            epoch = epoch_unit(facts.low), epoch_unit(facts.high)
            if epoch[0] is not None and epoch[0] == epoch[1]:
                return epoch[0][1]
            return named if named in S.factors else ""
        return "time"

    def guess(self) -> None:
        """Take every column whose name says what it is. Raises RecordError where two would be one quantity."""
        found: dict[str, list[tuple[int, str, Guess]]] = {}
        for theirs in self._table.columns:
            one = guess(theirs)
            if one is not None and _known(one.quantity) and self.is_open(theirs, one.quantity):
                facts = self._table.facts[theirs]
                if one.quantity == TIME or facts.is_numeric or self._counted_a_fault(one.quantity, theirs):
                    found.setdefault(one.quantity, []).append((one.rank, theirs, one))
        found[TIME] = self._that_go_on(found.get(TIME, []))
        self._drop_levels(found)
        for quantity, choices in found.items():
            if not choices:
                continue
            choices.sort(key=lambda choice: (not self._counted_a_fault(quantity, choice[1]), choice[0]))
            rank, theirs, best = choices[0]
            same = [choice[1] for choice in choices if choice[0] == rank]
            if len(same) > 1:
                raise RecordError(
                    f"{self._table.name}: which column is {quantity}: {' or '.join(map(repr, same))}? "
                    f"Say --map {quantity}={same[0]}, and what the other is, or --map {IGNORE}={same[1]}"
                )
            spec = Spec(theirs, quantity, theirs, self._assumed_unit(theirs, best))
            column = self._column(spec, _quantity(quantity), given=False)
            if quantity == TIME:
                column = self._with_its_day(column, [choice[1] for choice in choices])
            if self._is_no_total(column):
                continue
            self._found[quantity] = column
            self._assumed.append(column)
        self._guess_all_descriptors()
        if TIME not in self._found:
            self._guess_dates()

    def _that_go_on(self, times: list[tuple[int, str, Guess]]) -> list[tuple[int, str, Guess]]:
        """Of several columns of times those that hardly ever fall: others are how long something took."""
        facts = self._table.facts
        kept = [one for one in times if facts[one[1]].falls <= MOST_FALL_SHARE * facts[one[1]].cells]
        return kept or times

    def _drop_levels(self, found: dict[str, list[tuple[int, str, Guess]]]) -> None:
        """Take back guesses of what was delivered that may be a level: beside a count of what was captured, or
        never changing."""
        captured = "engine.captured" in found or "engine.captured" in self._found
        kept = []
        for choice in found.get("engine.delivered", []):
            facts = self._table.facts[choice[1]]
            still = facts.numbers > 1 and facts.low == facts.high > 0
            if read_name(choice[1]).words not in GENERIC or not (captured or still):
                kept.append(choice)
        if kept:
            found["engine.delivered"] = kept
        else:
            found.pop("engine.delivered", None)

    def _counted_a_fault(self, quantity: str, theirs: str) -> bool:
        """Whether a column of faults is above 0 anywhere: it is heard before one that is not, and whatever else
        stands in it."""
        metric = _quantity(quantity)
        return metric.cumulative and metric.better is Better.LOWER and self._table.facts[theirs].high > 0

    def _with_its_day(self, column: Column, named: list[str]) -> Column:
        """A time of day, and the column beside it that holds its date, where a table has one of each."""
        samples = {name: [str(cell) for cell in self._table.facts[name].sample[:20]] for name in named}
        days = [n for n, cells in samples.items() if all(map(is_day, cells))]
        times = [n for n, cells in samples.items() if n not in days and all(map(is_time_of_day, cells))]
        if not days or not times:
            return column
        return replace(column, theirs=times[0], day=days[0], clock="time", factor=1.0, unit="")

    def _is_no_total(self, column: Column) -> bool:
        """Whether a progress counter goes up and down: a level (buffers, frames a second), not a total."""
        facts = self._table.facts[column.theirs]
        falls = facts.falls if facts.falls > MOST_FALL_SHARE * facts.cells else facts.falls - facts.resets
        return column.metric.name in _PROGRESS and not column.delta and falls > MOST_FALLS

    def _guess_dates(self) -> None:
        """The one column of dates is the time, whatever it is called."""
        dated = [name for name in self._table.columns if self.is_open(name, TIME) and self._is_dates(name)]
        if len(dated) == 1:
            column = self._column(Spec(dated[0], TIME, dated[0], "time"), VOCABULARY[TIME], given=False)
            self._found[TIME] = column
            self._assumed.append(column)

    def _is_dates(self, name: str) -> bool:
        clock, sample = self._table.clock, self._table.facts[name].sample[:20]
        moments = [clock.moment(cell) for cell in sample if isinstance(cell, str) and number(cell) is None]
        return bool(sample) and len(moments) == len(sample) and all(one and not one.daily for one in moments)

    def _guess_all_descriptors(self) -> None:
        """In a table of descriptors by kind, a column "total" is of all kinds."""
        kinds = [name for name in self._found if name.startswith(FD)]
        for theirs in self._table.columns:
            total = read_name(theirs).words in ("total", "all", "sum")
            if len(kinds) > 1 and total and self.is_open(theirs, "fds"):
                column = self._column(Spec(theirs, "fds", theirs, ""), VOCABULARY["fds"], given=False)
                self._found["fds"] = column
                self._assumed.append(column)

    def _assumed_unit(self, theirs: str, best: Guess) -> str:
        """The unit of a guessed column: of its name, or of what its numbers can only be."""
        quantity, facts, unit = best.quantity, self._table.facts[theirs], best.unit
        if quantity == TIME:
            return ""
        if quantity in IN_PAGES:
            if unit == "kb":
                return "kib"
            if not unit and quantity == RSS_BYTES and facts.units <= {""}:
                return resident_unit(facts)
        return unit

    def mapped(self) -> Mapped:
        return Mapped(tuple(self._found.values()), tuple(self._assumed), frozenset(self.ignored))


def _known(name: str) -> bool:
    return name in VOCABULARY or name.startswith(FD)


def _quantity(name: str) -> Quantity:
    """The quantity of a name; one of descriptors of a kind that the vocabulary lacks is made."""
    if name in VOCABULARY:
        return VOCABULARY[name]
    return VOCABULARY[FDS_OTHER].named(name)
