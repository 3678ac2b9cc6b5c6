"""Long formats: one reading a row, named in one column and given in another, made into a row a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeVar

from zcbench.importers.guess import guess

Place = TypeVar("Place")
Row = Mapping[str, Any]

# How the columns of names and of values are called.
_NAMES = (
    "metric_name", "metric", "quantity", "counter", "counter name", "measurement", "key", "field",
    "__name__", "name", "series", "_field",
)  # fmt: skip
_VALUES = ("metric_value", "value", "val", "reading", "_value", "v", "mean/increment")
MOST_OTHERS = 2  # numeric columns beside the value: a time, a number of the run


class Facts(Protocol):
    """What is known of a column."""

    values: dict[str, int]

    @property
    def is_numeric(self) -> bool:
        """Whether nearly every cell is a number."""


def long_format(facts: Mapping[str, Facts]) -> tuple[str, str] | None:
    """The columns of names and of values, if a table holds one reading a row; None if it does not."""
    lower = {column.lower(): column for column in facts}
    value = next((lower[name] for name in _VALUES if name in lower), None)
    name = next((lower[name] for name in _NAMES if name in lower), None)
    if value is None or name is None or facts[name].is_numeric:
        return None
    if len(facts[name].values) < 2 and not all(guess(called) for called in facts[name].values):
        return None
    numeric = [column for column, one in facts.items() if one.is_numeric and column != value]
    return (name, value) if facts[value].is_numeric and len(numeric) <= MOST_OTHERS else None


def pivoted(rows: Iterator[tuple[Place, Row]], name: str, value: str) -> Iterator[tuple[Place, Row]]:
    """A row of all readings whose other cells are the same; a name that comes again begins the next."""
    held: tuple[Place, dict[str, Any]] | None = None
    same: dict[str, Any] = {}
    for place, row in rows:
        called = str(row.get(name, "")).strip()
        others = {column: cell for column, cell in row.items() if column not in (name, value)}
        if held is None or others != same or called in held[1]:
            if held is not None:
                yield held
            held, same = (place, dict(others)), others
        held[1][called] = row.get(value)
    if held is not None:
        yield held
