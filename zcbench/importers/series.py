"""Whose rows they are: several processes, containers or labels in one table are never one series."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zcbench.importers.guess import guess
from zcbench.importers.labels import is_identity, is_label
from zcbench.importers.table import Table
from zcbench.record.writer import RecordError

MOST_LISTED = 12
MOST_TIMES = 5000  # of one series, that are held against those of another
_SINCE_START = re.compile(r"uptime|elapsed|since", re.IGNORECASE)


@dataclass(frozen=True)
class Series:
    """One series of a table: the cells that choose it, and how many rows it has."""

    where: tuple[tuple[str, str], ...]
    rows: int

    def __str__(self) -> str:
        return " ".join(f"{column}={value}" for column, value in self.where)


def labels_of(table: Table) -> tuple[str, ...]:
    """The columns that tell series apart: those of its format, or so called, that return to a value."""
    chosen = {column for column, _ in table.where}
    known = set(table.format.labels)
    found = []
    for column, facts in table.facts.items():
        if column in chosen or not (column in known or (table.format.guess and is_label(column))):
            continue
        # A pid may change because the subject began anew; a name that the format has for it does not.
        named = column in known and column not in identity_of(table)
        if len(facts.values) > 1 and (facts.returns or named or _overlap(table, column)):
            found.append(column)
    return tuple(found)


def _overlap(table: Table, column: str) -> bool:
    """Whether rows of one time have several values of ``column``: series that stand one after the other."""
    time = _time_column(table)
    if time is None:
        return False
    at: dict[str, set[str]] = {}
    for _, row in table.rows():
        value, when = str(row.get(column, "")).strip(), str(row.get(time))
        if any(when in times for other, times in at.items() if other != value):
            return True
        times = at.setdefault(value, set())
        if len(times) < MOST_TIMES:
            times.add(when)
    return False


def _time_column(table: Table) -> str | None:
    """The column of times, unless it counts from each start: then several lives have the same times."""
    for column in table.columns:
        told = table.format.columns.get(column, "").partition(":")[0]
        one = guess(column) if table.format.guess or not told else None
        if told == "elapsed_s" or (one is not None and one.quantity == "elapsed_s"):
            return None if _SINCE_START.search(column) else column
    return None


def identity_of(table: Table) -> tuple[str, ...]:
    """The columns whose change is a restart."""
    if not table.format.guess:
        return tuple(column for column in table.format.identity if column in table.facts)
    return tuple(column for column in table.columns if is_identity(column))


def series_of(table: Table, labels: tuple[str, ...]) -> list[Series]:
    """Every series that the columns ``labels`` tell apart, the longest first."""
    counted: dict[tuple[str, ...], int] = {}
    for _, row in table.rows():
        key = tuple(str(row.get(column, "")).strip() for column in labels)
        counted[key] = counted.get(key, 0) + 1
    # Columns that say the same (a pid and its name) need not both be typed.
    found = [Series(tuple(zip(labels, key, strict=True)), rows) for key, rows in counted.items()]
    return sorted(found, key=lambda one: -one.rows)


def only_one(table: Table) -> Table:
    """``table``, if it is one series. Raises RecordError that lists the series and how to choose."""
    labels = labels_of(table)
    if not labels:
        return table
    found = series_of(table, labels)
    if len(found) <= 1:
        return table
    listed = "; ".join(f"{one} ({one.rows:,} rows)" for one in found[:MOST_LISTED])
    more = f"; {len(found) - MOST_LISTED:,} more" if len(found) > MOST_LISTED else ""
    first = _shortest(labels, found)
    value = dict(found[0].where)[first]
    raise RecordError(
        f"{table.name}: {len(found):,} series in one table: {listed}{more}. Choose one with --where "
        f"{_quoted(f'{first}={value}')}, or judge each with --by {_quoted(first)}"
    )


def _shortest(labels: tuple[str, ...], found: list[Series]) -> str:
    """The column that tells all series apart by itself, if one does; else the one that tells most."""
    return max(labels, key=lambda column: len({dict(one.where)[column] for one in found}))


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w.=:/+%@-]+", text) else f"'{text}'"


def by(table: Table, columns: tuple[str, ...]) -> list[tuple[Series, Table]]:
    """Each series of ``table`` as a table of its own. Raises RecordError for a column that is not there."""
    for column in columns:
        check_column(table, column, "--by")
    return [(one, table.only(one.where)) for one in series_of(table, columns)]


def check_column(table: Table, column: str, flag: str) -> None:
    """Raise RecordError, with the columns there are, unless ``column`` is one of ``table``'s."""
    if column not in table.facts:
        raise RecordError(f"{flag} {column}: no such column; there are {', '.join(table.columns)}")
