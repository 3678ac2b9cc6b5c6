"""Numbers as cells of a table: as text for a person, and as a number to sort by."""

from __future__ import annotations

from collections.abc import Callable

from zcbench.quantities.units import format_bytes, format_count, format_duration, format_rate
from zcbench.render.content.document import Cell

MISSING = "–"
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
    return _cell(value, signed_bytes)


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


def percent(fraction: float) -> str:
    """ "99.97 %": never rounded up to 100 nor down to 0."""
    value = fraction * 100
    if 0 < value < 0.01 or 99.995 <= value < 100:
        return f"{value:.4g} %" if value < 1 else f"{int(value * 1e4) / 1e4} %"
    return f"{value:.2f} %"


def signed_bytes(number: float) -> str:
    """ "+1.20 KiB": a difference always shows its sign."""
    return ("+" if number >= 0 else "-") + format_bytes(abs(number))


def clock(seconds: float) -> str:
    """ "1:02:30" or "2:30": a moment of the run."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def _cell(value: Number, show: Callable[[float], str]) -> Cell:
    return Cell(MISSING) if value is None else Cell(show(value), float(value))
