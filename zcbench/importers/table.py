"""Somebody else's log as a table: its format, its columns, and its rows, one at a time, as often as asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zcbench.foreign import of_error
from zcbench.importers.cells import COMMA, POINT, Style, is_missing, number
from zcbench.importers.clocks import Clock, Moment, day_first, epoch_unit, is_past_day
from zcbench.importers.format import POSSIBLE, Format, Row, Rows, named, recognise
from zcbench.importers.guess import guess
from zcbench.importers.labels import is_label
from zcbench.importers.losses import told_in
from zcbench.importers.pivoting import long_format, pivoted
from zcbench.importers.text import WANTED, Remarks, Text, open_text
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.writer import RecordError

NEAR_ZERO = 0.1  # of what it was: a counter that fell so far began anew
LOOKED_AT_WHOLE = 2000  # rows of which every cell is looked at; of later ones those of columns that may matter
SAMPLE = 200  # cells of a column that are kept, to tell its form by
_DECIMALS = {"point": POINT, "comma": COMMA}
MOST_VALUES = 1000  # different values of a label; more is no label


@dataclass
class ColumnFacts:
    """What all cells of one column are: numbers, of which size and form, or words, and how many different."""

    cells: int = 0
    numbers: int = 0
    falls: int = 0
    resets: int = 0  # of them, falls to near zero
    low: float = 0.0
    high: float = 0.0
    whole: bool = True
    step: int = 0  # the greatest common divisor of whole numbers
    returns: int = 0  # changes of the cell to a value that was there before
    changes: int = 0
    units: set[str] = field(default_factory=set)
    style: Style = field(default_factory=Style)
    past_day: bool = False  # "24:05": minutes and seconds, since no day has that hour
    sample: list[Any] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=dict)
    _last: float | None = None
    _shown: str | None = None

    def see(self, cell: Any) -> None:
        """Learn from the next cell."""
        if type(cell) is str and self._is_plain(cell):
            return
        if is_missing(cell):
            return
        self.cells += 1
        if isinstance(cell, str):
            self.style.see(cell)
            self.past_day = self.past_day or is_past_day(cell)
        if len(self.sample) < SAMPLE:
            self.sample.append(cell)
        read = number(cell)
        if read is not None and math.isfinite(read.value):
            self.numbers += 1
            self.units.add(read.unit.lower())
            self._measure(read.value)
        if not isinstance(cell, float | Moment):
            self._label(str(cell))

    def _is_plain(self, cell: str) -> bool:
        """Learn from a number as nearly all are, quickly; False leaves the cell to be looked at closely."""
        try:
            value = float(cell)
        except ValueError:
            return False
        if not math.isfinite(value) or len(self.sample) < SAMPLE or "_" in cell:
            return False
        self.cells += 1
        self.numbers += 1
        self.units.add("")
        if "." not in cell:
            self.style.ungrouped |= len(cell) >= 4
        elif not self.style.point_decides:
            self.style.see(cell)
        self._measure(value)
        if len(self.values) <= MOST_VALUES:
            self._label(cell)
        return True

    def _measure(self, value: float) -> None:
        self.low = value if self.numbers == 1 else min(self.low, value)
        self.high = value if self.numbers == 1 else max(self.high, value)
        if self._last is not None and value < self._last:
            self.falls += 1
            self.resets += value <= NEAR_ZERO * self._last
        self._last = value
        if self.whole and value == int(value) and abs(value) < 2**53:
            a, b = self.step, abs(int(value))
            while b:
                a, b = b, a % b
            self.step = a
        else:
            self.whole = False

    def _label(self, shown: str) -> None:
        if shown != self._shown:
            self.changes += self._shown is not None
            self.returns += shown in self.values
            self._shown = shown
        if shown in self.values or len(self.values) <= MOST_VALUES:
            self.values[shown] = self.values.get(shown, 0) + 1

    @property
    def is_numeric(self) -> bool:
        """Whether nearly every cell is a number."""
        return self.cells > 0 and self.numbers * 10 >= self.cells * 9


@dataclass(frozen=True)
class Place:
    """Where a row stands: its file and its line."""

    text: Text
    line: int

    def __str__(self) -> str:
        return self.text.where(self.line)


@dataclass(frozen=True)
class Table:
    """Rows of one log, that may be in several files. ``where`` keeps rows whose cells are these values."""

    texts: tuple[Text, ...]
    format: Format
    remarks: Remarks
    facts: dict[str, ColumnFacts] = field(default_factory=dict, compare=False)
    where: tuple[tuple[str, str], ...] = ()
    pivot: tuple[str, str] | None = None  # columns of names and of values, of one reading a row
    wanted: tuple[str, ...] = ()  # what somebody said of columns, each a --map, --where or --by
    decimal: str | None = None  # what stands before fractions, where somebody said so

    @property
    def name(self) -> str:
        """What a message calls it: the first of its files."""
        return self.texts[0].name

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns, in the order in which they come."""
        return tuple(self.facts)

    def rows(self) -> Iterator[tuple[Place, Row]]:
        """Each row with its place. Raises RecordError for a line that cannot be read, a file without rows."""
        return self._rows() if self.pivot is None else pivoted(self._rows(), *self.pivot)

    def _rows(self) -> Iterator[tuple[Place, Row]]:
        for text in self.texts:
            has_rows = False
            for line, row in _read(self.format, text):
                has_rows = True
                if all(str(row.get(column, "")).strip() == value for column, value in self.where):
                    yield Place(text, line), row
            if not has_rows:
                raise _without_rows(text, self.format)

    def only(self, where: Sequence[tuple[str, str]]) -> Table:
        """The rows whose cells are the values in ``where``, looked at anew. Raises RecordError for none."""
        kept = replace(self, where=(*self.where, *where), facts={})
        kept.look()
        if not kept.facts:
            wanted = ", ".join(f"{column}={value}" for column, value in where)
            raise RecordError(f"--where {wanted}: {self.name} has no such row")
        return kept

    def look(self) -> None:
        """Look at every row: which columns there are, and what they hold."""
        self.remarks.clear()
        self._want(None)
        watched: set[str] | None = None
        for at, (_, row) in enumerate(self.rows()):
            if at == LOOKED_AT_WHOLE:
                watched = {name for name in self.facts if self._matters(name)}
                self._want(watched)
            for name, cell in row.items():
                if name not in self.facts:
                    self.facts[name] = ColumnFacts()
                elif watched is not None and name not in watched:
                    continue
                self.facts[name].see(cell)

    def _want(self, columns: set[str] | None) -> None:
        """Tell the readers which columns matter, unless a table's columns are made of its cells; None: all."""
        for text in self.texts:
            text.learned.pop(WANTED, None)
            if columns is not None and self.pivot is None and long_format(self.facts) is None:
                text.learned[WANTED] = frozenset(columns)

    def want_also(self, columns: Iterable[str]) -> None:
        """Tell the readers of columns that matter although their names do not show it."""
        for text in self.texts:
            if WANTED in text.learned:
                text.learned[WANTED] |= frozenset(columns)

    def _matters(self, name: str) -> bool:
        """Whether a column may be a quantity, or tell whose a row is; of 200 few are."""
        form = self.format
        if name in form.columns or name in form.labels or name in form.identity or not form.guess:
            return True
        told = any(name in text for text in self.wanted)
        known = name in VOCABULARY or name in VOCABULARY.by_column or guess(name) is not None
        return told or known or not self.facts[name].is_numeric or is_label(name)

    @property
    def clock(self) -> Clock:
        """How this table writes dates."""
        cells = [c for facts in self.facts.values() for c in facts.sample if isinstance(c, str)]
        return Clock(day_first(cells))


def _in_order(form: Format, texts: tuple[Text, ...]) -> tuple[Text, ...]:
    """Rotated logs by the dates they begin with ("log", "log.1"); in the order given where one has none."""
    begins = [_begin(form, text) for text in texts] if len(texts) > 1 else []
    if not begins or any(begin is None for begin in begins):
        return texts
    order = sorted(range(len(texts)), key=lambda at: begins[at] or 0.0)
    return tuple(texts[at] for at in order)


def _begin(form: Format, text: Text) -> float | None:
    """The date of the first row of a log, as seconds since 1970; None if no cell is one."""
    row = next((row for _, row in _read(form, text)), {})
    for cell in row.values():
        read = number(cell)
        epoch = None if read is None or read.unit else epoch_unit(read.value)
        if epoch is not None and read is not None:
            return read.value * epoch[0]
        moment = cell if isinstance(cell, Moment) else None
        if isinstance(cell, str) and read is None:
            moment = Clock().moment(cell)
        if moment is not None and not moment.daily and epoch_unit(moment.seconds) is not None:
            return moment.seconds
    return None


def _read(form: Format, text: Text) -> Rows:
    """The rows of one file. Whatever a reader stumbles over in it is no log of its format: RecordError."""
    try:
        yield from form.read(text)
    except RecordError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise RecordError(
            f"{text.name}: cannot be read as {form.title} (--format {form.name}): {of_error(error)}"
        ) from error


def open_table(
    path: Path | Sequence[Path],
    format_name: str | None = None,
    decimal: str | None = None,
    wanted: Sequence[str] = (),
) -> Table:
    """Recognise what wrote the log in ``path``, one file or several that follow each other, and look at it.

    Raises RecordError if it is missing, empty, no log that is known, or has no row.
    """
    paths = [path] if isinstance(path, Path) else list(path)
    remarks = Remarks()
    texts = tuple(open_text(one, remarks) for one in paths)
    form = _recognised(texts[0]) if format_name is None else named(format_name)
    texts = _in_order(form, texts)
    mark = None if decimal is None else _DECIMALS[decimal]
    table = Table(texts, form, remarks, decimal=mark, wanted=tuple(wanted))
    table.look()
    pair = long_format(table.facts) if form.guess else None
    if pair is not None:
        table = replace(table, pivot=pair, facts={})
        table.look()
    if not table.facts:
        raise _without_rows(texts[0], form)
    return table


def _recognised(text: Text) -> Format:
    """What wrote ``text``; what is hardly a table is read for the losses that its messages tell of, if any."""
    try:
        form = recognise(text)
    except RecordError:
        if told_in(text) is None:
            raise
        return named("xruns")
    if form.sniff(text.head()) < POSSIBLE and told_in(text) is not None:
        return named("xruns")
    return form


def _without_rows(text: Text, form: Format) -> RecordError:
    return RecordError(
        f"{text.name}: no row of readings in what looks like {form.title} (--format {form.name})"
    )
