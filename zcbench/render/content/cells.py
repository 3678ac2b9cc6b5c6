"""Numbers as cells of a table: as text for a person, and as a number to sort by."""

from __future__ import annotations

from collections.abc import Callable

from zcbench.quantities.units import BYTES, BYTES_PER_S, MISSING, NS, PER_S, SHARE, S, Unit, clock, format_count
from zcbench.render.content.document import Cell

Number = float | int | None

_NO_GROWTH = 1e-3  # B/s: 86 bytes a day, and what a fit leaves of a flat line
_HALF_A_BYTE = 0.5


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
    return _cell(_or_nothing(value, _HALF_A_BYTE), BYTES.signed)


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
    return of(BYTES_PER_S, _or_nothing(value, _NO_GROWTH))


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


def _or_nothing(value: Number, least: float) -> Number:
    return 0.0 if value is not None and abs(value) < least else value


def _cell(value: Number, show: Callable[[float], str]) -> Cell:
    return Cell(MISSING) if value is None else Cell(show(value), float(value))
