"""Durations, sizes and rates: parse and print."""

from __future__ import annotations

import math
import re

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}  # fmt: skip
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_TERM = re.compile(r"([0-9]*\.?[0-9]+)\s*([^\W\d_]*)\s*")


class UnitError(ValueError):
    """A duration, size or rate that cannot be read; the message echoes it and says what can."""


class Duration(float):
    """A time in seconds; written "1h30m", "500ms" in scenarios and on the command line."""

    def __str__(self) -> str:
        return format_duration(self)


class Size(int):
    """A number of bytes; written "64 KiB" in scenarios and on the command line."""

    def __str__(self) -> str:
        return f"{int(self)} B"


def _terms(text: str, units: dict[str, float], default: str, what: str) -> float:
    stripped = text.strip()
    total, position = 0.0, 0
    while position < len(stripped):
        match = _TERM.match(stripped, position)
        if match is None:
            raise UnitError(f"{text!r} is not a {what}; write for example {_EXAMPLES[what]}")
        unit = match[2] or default
        scale = units.get(unit, units.get(unit.lower()))
        if scale is None:
            known = ", ".join(units)
            raise UnitError(f"{text!r}: unknown unit {unit!r}; a {what} is in {known}, for example {_EXAMPLES[what]}")
        total += float(match[1]) * scale
        position = match.end()
    if not stripped:
        raise UnitError(f"an empty {what}; write for example {_EXAMPLES[what]}")
    return total


_EXAMPLES = {"duration": "30s, 500ms or 1h30m", "size": "64 KiB, 512 MiB or 2GB"}


def parse_duration(text: str | float, *, zero: bool = False) -> Duration:
    """Seconds of "1h30m", "500ms", "30" or a number. 0 only if ``zero``. Raises UnitError."""
    if isinstance(text, str) and text.strip().startswith("-"):
        raise UnitError(f"{text!r}: a duration cannot be negative")
    seconds = _terms(text, _SECONDS, "s", "duration") if isinstance(text, str) else float(text)
    if not math.isfinite(seconds) or seconds < 0 or (seconds == 0 and not zero):
        least = "at least 0" if zero else "more than 0"
        raise UnitError(f"{text!r}: a duration here must be {least} and finite, for example 30s")
    return Duration(seconds)


def parse_size(text: str | int) -> Size:
    """Bytes of "64 KiB", "1GB" or a number, more than 0. Raises UnitError."""
    if isinstance(text, str) and text.strip().startswith("-"):
        raise UnitError(f"{text!r}: a size cannot be negative")
    number = _terms(text, dict(_BYTES), "b", "size") if isinstance(text, str) else text
    if number < 1:
        raise UnitError(f"{text!r}: a size must be at least 1 byte, for example 512 MiB")
    return Size(number)


def format_duration(seconds: float) -> str:
    """ "1h30m", "30s", "250ms": exact to the millisecond, and read back by :func:`parse_duration`."""
    if 0 < abs(seconds) < 1:
        return f"{seconds * 1e3:.9g}ms"
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{hours:.0f}h" if hours else "", f"{minutes:.0f}m" if minutes else ""]
    if left or not any(parts):
        parts.append(f"{left:.9g}s")
    return "".join(parts)


def format_bytes(number: float) -> str:
    """ "109.86 MiB": binary units, two decimals from KiB up; keeps the sign."""
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if abs(number) >= scale:
            return f"{number / scale:,.2f} {unit}"
    return f"{number:.0f} B"


def format_ns(ns: float) -> str:
    """ "1.25 ms": three significant figures in the fitting unit."""
    for unit, scale in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if abs(ns) >= scale:
            return f"{ns / scale:.3g} {unit}" if abs(ns) < 1000 * scale else f"{ns / scale:,.0f} {unit}"
    return f"{ns:.0f} ns"


def format_count(number: float) -> str:
    """ "30,001"."""
    return f"{number:,.0f}"


def format_percent(fraction: float) -> str:
    """ "99.97 %"; never rounds up to 100 or down to 0."""
    percent = fraction * 100
    if 0 < percent < 0.01:
        return f"{percent:.2g} %"
    return f"{math.floor(percent * 100) / 100:.2f} %"


def decode_unit(kind: type, value: object) -> object:
    """msgspec's ``dec_hook`` for :class:`Duration` and :class:`Size`. Raises UnitError."""
    if kind is Duration:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise UnitError(f"{value!r} is not a duration; write for example {_EXAMPLES['duration']}")
        return parse_duration(value, zero=True)
    if kind is Size:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise UnitError(f"{value!r} is not a size; write for example {_EXAMPLES['size']}")
        return parse_size(value)
    raise NotImplementedError(kind)


def encode_unit(value: object) -> object:
    """msgspec's ``enc_hook`` for :class:`Duration` and :class:`Size`: seconds and bytes as numbers."""
    if isinstance(value, Duration):
        return float(value)
    if isinstance(value, Size):
        return int(value)
    raise NotImplementedError(type(value))
