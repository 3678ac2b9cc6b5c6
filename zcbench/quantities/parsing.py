"""Durations, sizes and rates as a person writes them: "1h30m", "64 KiB", "48k".

They become a number in seconds, bytes or 1/s. Parsing is exact: decimal arithmetic first, one rounding at the
end, so that a printed :class:`Duration` or :class:`Size` reads back as the same number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

_TERM = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?)\s*([^\s0-9+.-]*)")

_SECONDS: Mapping[str, Decimal] = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),  # U+00B5, the micro sign of most keyboards
    "μs": Decimal("1e-6"),  # U+03BC, the Greek letter
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86_400),
}

# SI prefixes count in thousands, IEC prefixes in 1,024s (IEC 80000-13). A bare "k" is SI too.
_BYTES: Mapping[str, Decimal] = {
    "": Decimal(1),
    "b": Decimal(1),
    **{p + b: Decimal(1000) ** n for n, p in enumerate("kmgt", 1) for b in ("", "b")},
    **{p + "i" + b: Decimal(1024) ** n for n, p in enumerate("kmgt", 1) for b in ("", "b")},
}

_PER_SECOND: Mapping[str, Decimal] = {
    "": Decimal(1),
    "hz": Decimal(1),
    "/s": Decimal(1),
    "k": Decimal(1000),
    "khz": Decimal(1000),
    "k/s": Decimal(1000),
    "mhz": Decimal(1_000_000),
}

# The same for the cells of a table; "m" and "k" alone may mean anything there.
SECONDS_IN: Mapping[str, float] = {name: float(s) for name, s in _SECONDS.items() if name != "m"}
BYTES_IN: Mapping[str, float] = {
    "bytes": 1.0,
    "pages": 4096.0,
    **{name: float(size) for name, size in _BYTES.items() if name.endswith(("b", "i"))},
}

_MOST = 10**18  # more bytes, frames/s or seconds than anything here can mean


class UnitError(ValueError):
    """A duration, size, rate or speed that cannot be read; echoes it and says what would be right."""


class Duration(float):
    """A time in seconds; written "1h30m", "500ms" in scenarios and on the command line."""

    def __str__(self) -> str:
        return _write_duration(float(self))


class Size(int):
    """A number of bytes; written "64 KiB" in scenarios and on the command line."""

    def __str__(self) -> str:
        for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
            if self and self % 1024**power == 0:
                return f"{self // 1024**power} {unit}"
        return f"{int(self)} B"


class Growth(float):
    """Bytes a second that memory grows by; written "8 MiB/d", "1 MiB/h" or "97 B/s"."""

    def __str__(self) -> str:
        return _write_growth(float(self))


class Rate(int):
    """Frames a second; written "48k", "44.1 kHz" or 48000 in scenarios and on the command line."""


def parse_duration(text: str, *, zero: bool = False) -> Duration:
    """The time that ``text`` says: "1h30m", "500ms", "1.5 s", or "30" (seconds).

    Raises UnitError unless it is finite and above 0 (or 0, with ``zero``).
    """
    _refuse_sign(text, "duration")
    total, at = Decimal(0), 0
    terms = text.strip()
    while at < len(terms) or not terms:
        match = _TERM.match(terms, at)
        if match is None:
            raise UnitError(f"{_echo(text)}: not a duration; write 500ms, 30s or 1h30m")
        number, unit = match.groups()
        if unit == "" and (at > 0 or match.end() < len(terms)):
            raise UnitError(f"{_echo(text)}: {number} has no unit; use ms, s, m, h or d")
        scale = _SECONDS.get(unit or "s")
        if scale is None:
            raise UnitError(f"{_echo(text)}: unknown unit {unit!r}; use ms, s, m, h or d")
        total += Decimal(number) * scale
        at = match.end()
    return Duration(_in_range(float(total), text, "duration", zero=zero))


def parse_size(text: str) -> Size:
    """The number of bytes that ``text`` says: "64 KiB" (65,536), "1GB" (10^9), or "4096".

    Raises UnitError unless it is a whole number of bytes above 0.
    """
    total = _one_term(text, "size", _BYTES, "B, KB, MB, GB, KiB, MiB or GiB", "4096, 64 KiB or 1GB")
    _in_range(float(total), text, "size")
    if total != int(total):
        raise UnitError(f"{_echo(text)}: {total.normalize():f} is not a whole number of bytes")
    return Size(int(total))


def parse_growth(text: str) -> Growth:
    """The bytes a second that ``text`` says: "8 MiB/d", "1MB/h", "97 B/s".

    Raises UnitError unless it is finite and above 0.
    """
    size, slash, per = text.rpartition("/")
    seconds = _SECONDS.get(per.strip())
    if not slash or seconds is None:
        raise UnitError(f"{_echo(text)}: not a growth; write 8 MiB/d, 1 MiB/h or 97 B/s")
    total = _one_term(size, "growth", _BYTES, "B, KB, MB, GB, KiB, MiB or GiB", "8 MiB/d or 97 B/s")
    return Growth(_in_range(float(total / seconds), text, "growth"))


def parse_rate(text: str) -> float:
    """The rate in 1/s that ``text`` says: "48k", "48000 Hz", "44.1 kHz" or "100/s".

    Raises UnitError unless it is finite and above 0.
    """
    total = _one_term(text, "rate", _PER_SECOND, "Hz, kHz, k or /s", "48000, 48k or 44.1 kHz")
    return _in_range(float(total), text, "rate")


def parse_speed(text: str) -> float:
    """How many times faster than real time: "60", "60x" or "0.5x".

    Raises UnitError unless it is finite and above 0.
    """
    units = {"": Decimal(1), "x": Decimal(1)}
    return _in_range(float(_one_term(text, "speed", units, "x", "1, 60 or 60x")), text, "speed")


def encode_unit(value: Any) -> Any:
    """msgspec ``enc_hook``: a Duration, Size or Rate is a plain number in JSON (s, bytes, 1/s)."""
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


def decode_unit(kind: type, value: Any) -> Any:
    """msgspec ``dec_hook``: a number, or text as a person writes it, as a Duration, Size or Rate.

    Zero is let through: whether it makes sense depends on the field. Raises UnitError.
    """
    parse = _PARSERS.get(kind)
    if parse is None:
        raise NotImplementedError(f"{kind.__name__} is not a unit")
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        noun = kind.__name__.lower()
        raise UnitError(f"{value!r}: a {noun} is a number or text such as {_EXAMPLES[kind]}")
    if value != value or abs(value) > _MOST:  # also an int too large to be a float
        raise UnitError(f"not a number that a {kind.__name__.lower()} can be")
    if value < 0:
        raise UnitError(f"{value}: a {kind.__name__.lower()} cannot be negative")
    if kind not in (Duration, Growth) and value != int(value):
        raise UnitError(f"{value}: not a whole number")
    return kind(value)


def _write_duration(seconds: float) -> str:
    if not math.isfinite(seconds) or seconds < 0:
        return repr(seconds)
    exact = Decimal(repr(seconds))
    if seconds >= 1 and exact == exact.to_integral_value():
        whole = int(exact)
        parts = ((whole // 86_400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m"))
        return "".join(f"{n}{u}" for n, u in (*parts, (whole % 60, "s")) if n)
    unit, scale = ("s", Decimal(1)) if seconds >= 1 or not seconds else ("ms", Decimal(1000))
    return f"{(exact * scale).normalize():f}{unit}"


def _write_growth(per_s: float) -> str:
    """The shortest unit that says it exactly; else bytes a second."""
    for unit, size in (("MiB", 2**20), ("KiB", 2**10), ("B", 1)):
        for per, seconds in (("s", 1), ("h", 3600), ("d", 86_400)):
            shown = f"{per_s * seconds / size:.6g}"
            whole = "." not in shown and "e" not in shown and shown not in ("0", "inf", "nan")
            if whole and parse_growth(f"{shown} {unit}/{per}") == per_s:
                return f"{shown} {unit}/{per}"
    return f"{per_s!r} B/s"


def _one_term(text: str, noun: str, units: Mapping[str, Decimal], known: str, examples: str) -> Decimal:
    _refuse_sign(text, noun)
    match = re.fullmatch(r"\s*((?=\.?[0-9])[0-9.]+(?:[eE][+-]?[0-9]{1,3})?)\s*(.*?)\s*", text, re.DOTALL)
    if match is None or match[1].count(".") > 1:
        raise UnitError(f"{_echo(text)}: not a {noun}; write {examples}")
    scale = units.get(match[2].lower())
    if scale is None:
        raise UnitError(f"{_echo(text)}: unknown unit {match[2]!r}; use {known}")
    return Decimal(match[1]) * scale


def _refuse_sign(text: str, noun: str) -> None:
    if re.match(r"\s*-\s*[0-9.]", text):
        raise UnitError(f"{_echo(text)}: a {noun} cannot be negative")


def _in_range(value: float, text: str, noun: str, *, zero: bool = False) -> float:
    if not math.isfinite(value):
        raise UnitError(f"{_echo(text)}: too large for a {noun}")
    if value == 0 and not zero:
        raise UnitError(f"{_echo(text)}: a {noun} must be above 0")
    return value


def _echo(text: str) -> str:
    """The value as given; quoted where it would otherwise be invisible or break the line."""
    return text if text.strip() and text.isprintable() else repr(text)


_PARSERS: Mapping[type, Callable[[str], Any]] = {
    Duration: lambda text: parse_duration(text, zero=True),
    Size: parse_size,
    Growth: parse_growth,
    Rate: lambda text: decode_unit(Rate, parse_rate(text)),
}
_EXAMPLES: Mapping[type, str] = {
    Duration: '"1h30m"',
    Size: '"64 KiB"',
    Rate: '"48k"',
    Growth: '"8 MiB/d"',
}
