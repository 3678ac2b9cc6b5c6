"""Numbers as cells of a table: as text for a person, and as a number to sort by."""

from __future__ import annotations

from collections.abc import Callable

from zcbench.quantities.units import (
    MISSING,
    clock,
    format_bytes,
    format_count,
    format_duration,
    format_rate,
    format_signed_bytes,
    percent,
)
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
    return _cell(value, format_bytes)


def signed_size(value: Number) -> Cell:
    """ "+1.20 KiB"."""
    return _cell(value, format_signed_bytes)


def seconds(value: Number) -> Cell:
    """ "30 s"."""
    return _cell(value, format_duration)


def nanoseconds(value: Number) -> Cell:
    """ "164 µs"."""
    return _cell(value, lambda ns: format_duration(ns / 1e9))


def rate(value: Number) -> Cell:
    """ "100/s"."""
    return _cell(value, format_rate)


def growth(value: Number) -> Cell:
    """ "97.1 B/s"."""
    return _cell(value, lambda per_s: f"{per_s:,.1f} B/s")


def share(value: Number) -> Cell:
    """A fraction, as "99.97 %"."""
    return _cell(value, percent)


def moment(value: Number) -> Cell:
    """ "1:02:30"."""
    return _cell(value, clock)


def together(*cells: Cell) -> Cell:
    """Several in one: "3, 0, 0"."""
    return Cell(", ".join(cell.text for cell in cells))


def _cell(value: Number, show: Callable[[float], str]) -> Cell:
    return Cell(MISSING) if value is None else Cell(show(value), float(value))
