"""Numbers as cells of a table: as text for a person, and as a number to sort by."""

from __future__ import annotations

from collections.abc import Callable

from zcbench.quantities.units import BYTES, BYTES_PER_S, MISSING, NS, PER_S, SHARE, S, Unit, clock, format_count
from zcbench.render.content.document import Cell

Number = float | int | None


def text(value: object) -> Cell:
    """Text, as it is."""
    return Cell(str(value))


def count(value: Number) -> Cell:
    """ "360,000"."""
    return _cell(value, format_count)


def size(value: Number) -> Cell:
    """ "10.99 MiB"."""
    return of(BYTES, value)


def signed_size(value: Number) -> Cell:
    """ "+1.20 KiB"."""
    return _cell(value, BYTES.signed)


def seconds(value: Number) -> Cell:
    """ "30 s"."""
    return of(S, value)


def nanoseconds(value: Number) -> Cell:
    """ "164 µs"."""
    return of(NS, value)


def rate(value: Number) -> Cell:
    """ "100/s"."""
    return of(PER_S, value)


def growth(value: Number) -> Cell:
    """ "97.1 B/s"."""
    return of(BYTES_PER_S, value)


def share(value: Number) -> Cell:
    """A fraction, as "99.97 %"."""
    return of(SHARE, value)


def moment(value: Number) -> Cell:
    """ "1:02:30"."""
    return _cell(value, clock)


def of(unit: Unit, value: Number) -> Cell:
    """``value`` as its unit shows it."""
    return _cell(value, unit.show)


def together(*cells: Cell) -> Cell:
    """Several in one: "3, 0, 0"."""
    return Cell(", ".join(cell.text for cell in cells))


def _cell(value: Number, show: Callable[[float], str]) -> Cell:
    return Cell(MISSING) if value is None else Cell(show(value), float(value))
