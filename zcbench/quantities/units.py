"""A unit is a type that shows its numbers to a person, and reads what a person writes.

::

    >>> NS.show(12_300_000), BYTES.show(12_300_000), SHARE.beside(0.98999, 0.99)
    ('12.3 ms', '11.73 MiB', '98.999 %')
    >>> BYTES.parse("64 KiB"), NS.parse("20ms")
    (65536.0, 20000000.0)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from zcbench.quantities.parsing import (
    BYTES_IN,
    SECONDS_IN,
    parse_duration,
    parse_growth,
    parse_rate,
    parse_size,
)

MISSING = "–"  # where a reading is not there
_MOST_DIGITS = 17  # of a float: more say nothing


@dataclass(frozen=True, slots=True)
class Unit:
    """What is counted one by one, as "packets" or "leases"; its subclasses have a way of writing of their own.

    ``name`` is as in the registry, in run.json and on a page.
    """

    written: ClassVar[str] = "a number without a unit"  # how a person writes one, for an error

    name: str

    def __str__(self) -> str:
        return self.name

    def show(self, value: float | None) -> str:
        """``value`` for a person; :data:`MISSING` of None."""
        return MISSING if value is None else typeset(self._shown(value))

    def signed(self, value: float | None) -> str:
        """A difference, which always shows its sign: "+1.20 KiB", "−3 points"."""
        return MISSING if value is None else ("+" if value >= 0 else "−") + self._difference(abs(value))

    def beside(self, value: float, limit: float) -> str:
        """``value`` with as many digits as it takes to tell it from ``limit``: "98.999 %" beside 99 %."""
        return typeset(self._beside(value, limit))

    def _beside(self, value: float, limit: float) -> str:
        shown = self._shown(value)
        if value == limit or shown != self._shown(limit):
            return shown
        for digits in range(3, _MOST_DIGITS):
            shown = self._precise(value, digits)
            if shown != self._precise(limit, digits):
                return shown
        return self._precise(value, _MOST_DIGITS)

    def parse(self, text: str) -> float:
        """What a person wrote, in this unit. Raises ValueError."""
        return float(text.replace(",", "").replace("_", ""))

    @property
    def counts(self) -> bool:
        """Whether it counts things one by one, so that its numbers are whole."""
        return type(self) is Unit

    @property
    def base(self) -> Unit:
        """The unit that a person compares in, and its numbers are published in: seconds, of nanoseconds."""
        return self

    @property
    def in_base(self) -> float:
        """How many of :attr:`base` one is."""
        return 1.0

    @property
    def per_second(self) -> Unit:
        """The unit of its rise in a second."""
        return PER_S

    @property
    def factors(self) -> Mapping[str, float]:
        """How many of this unit one of each other is that a foreign table may be in, by the other's name in
        lower case; empty where there is only this one."""
        return {}

    @property
    def axis(self) -> tuple[float, str]:
        """The factor and the name that a figure's axis shows it by."""
        return 1.0, self.name

    def _shown(self, value: float) -> str:
        text = f"{value:,.3f}"  # a typical number of leases may lie between two
        return text.rstrip("0").rstrip(".") if "." in text else text

    def _precise(self, value: float, digits: int) -> str:
        return f"{value:,.{digits}g}"

    def _difference(self, size: float) -> str:
        return self._shown(size)


class _Bytes(Unit):
    """Bytes, shown in binary units."""

    __slots__ = ()
    written: ClassVar[str] = "bytes: write 64 MiB"

    def parse(self, text: str) -> float:
        """ "64 KiB"; "0" is none at all."""
        return 0.0 if text.strip() == "0" else float(parse_size(text))

    @property
    def per_second(self) -> Unit:
        """Growth of memory."""
        return BYTES_PER_S

    @property
    def factors(self) -> Mapping[str, float]:
        """By "kb", "kib" and the like."""
        return BYTES_IN

    @property
    def axis(self) -> tuple[float, str]:
        """In MiB."""
        return (2.0**-20, "MiB")

    def _shown(self, value: float) -> str:
        return format_bytes(value)

    def _precise(self, value: float, digits: int) -> str:
        return f"{value:,.{max(0, digits - 3)}f} B"


class _Time(Unit):
    """Seconds, or a part of them."""

    __slots__ = ()
    written: ClassVar[str] = "a time: write 20ms"

    def parse(self, text: str) -> float:
        """ "20ms", "1h30m"."""
        return float(parse_duration(text, zero=True)) / self.in_base

    @property
    def in_base(self) -> float:
        """Seconds in one."""
        return _IN_SECONDS[self.name]

    @property
    def factors(self) -> Mapping[str, float]:
        """By "ms", "min" and the like."""
        return {name: seconds / self.in_base for name, seconds in SECONDS_IN.items()}

    @property
    def base(self) -> Unit:
        """Seconds."""
        return S

    @property
    def per_second(self) -> Unit:
        """Seconds in a second: the share of the time."""
        return SHARE

    @property
    def axis(self) -> tuple[float, str]:
        """Of nanoseconds, in ms."""
        return (1e-6, "ms") if self.name == "ns" else (1.0, self.name)

    def _shown(self, value: float) -> str:
        return format_duration(value * self.in_base)

    def _precise(self, value: float, digits: int) -> str:
        return f"{value * self.in_base:,.{digits}g} s"


class _Share(Unit):
    """A share of one, shown in percent; differences of two are in points."""

    __slots__ = ()
    written: ClassVar[str] = "a share: write 90%"

    def parse(self, text: str) -> float:
        """ "90%", or "0.9"."""
        return float(text.strip()[:-1]) / 100 if text.strip().endswith("%") else float(text)

    @property
    def axis(self) -> tuple[float, str]:
        """In percent."""
        return (100.0, "%")

    def _shown(self, value: float) -> str:
        return percent(value)

    def _precise(self, value: float, digits: int) -> str:
        return f"{value * 100:.{digits}g} %"

    def _difference(self, size: float) -> str:
        return f"{size * 100:.3g} points"


class _PerSecond(Unit):
    """Events a second."""

    __slots__ = ()
    written: ClassVar[str] = "a rate: write 100/s"

    def parse(self, text: str) -> float:
        """ "100/s"; "0" is none at all."""
        return 0.0 if text.strip() == "0" else parse_rate(text)

    def _shown(self, value: float) -> str:
        return format_rate(value)

    def _precise(self, value: float, digits: int) -> str:
        return f"{value:,.{digits}g}/s"


class _BytesPerSecond(Unit):
    """Growth of memory."""

    __slots__ = ()
    written: ClassVar[str] = "a growth: write 1 MiB/h"

    def parse(self, text: str) -> float:
        """ "8 MiB/d"; "0" is none at all."""
        return 0.0 if text.strip() == "0" else float(parse_growth(text))

    def _shown(self, value: float) -> str:
        return f"{_three_digits(value)} B/s"

    def _beside(self, value: float, limit: float) -> str:
        # By the hour, as limits of growth are written.
        hourly = value * 3600
        shown = f"{format_bytes(hourly)}/h"
        return shown if value == limit or shown != f"{format_bytes(limit * 3600)}/h" else f"{hourly!r} B/h"


class _Suffixed(Unit):
    """A number of three digits, and its unit's name as a person says it."""

    __slots__ = ()

    def _shown(self, value: float) -> str:
        return f"{_three_digits(value)} {_SUFFIXES.get(self.name, self.name)}"


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


_IN_SECONDS = {"s": 1.0, "ns": 1e-9}
_SUFFIXES = {"bytes/packet": "B a packet"}

BYTES = _Bytes("bytes")
S = _Time("s")
NS = _Time("ns")
SHARE = _Share("ratio")
PER_S = _PerSecond("per_s")
PACKETS_PER_S = _PerSecond("packets/s")
BYTES_PER_S = _BytesPerSecond("bytes/s")
BYTES_PER_PACKET = _Suffixed("bytes/packet")
PPM = _Suffixed("ppm")

_KNOWN: Mapping[str, Unit] = {
    unit.name: unit for unit in (BYTES, S, NS, SHARE, PER_S, PACKETS_PER_S, BYTES_PER_S, BYTES_PER_PACKET, PPM)
}


def unit_of(name: str) -> Unit:
    """The unit of that name; one that is not known counts things: "packets", "leases"."""
    return _KNOWN.get(name) or Unit(name)


def typeset(number: str) -> str:
    """A number as a person reads it: "−148 B" of "-148 B", as every table has it; "0 B" of "-0 B"."""
    if not number.startswith("-"):
        return number
    is_nothing = "0" in number and not any(digit in number for digit in "123456789")
    return number[1:] if is_nothing else f"−{number[1:]}"


def format_bytes(count: float) -> str:
    """``count`` bytes for a person, in binary units: "3,840 B" below 10 KiB, then "10.99 MiB"."""
    if abs(count) < 10 * 1024:
        return f"{count:,.0f} B"
    value, unit = count / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if abs(value) < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:,.2f} {unit}"


def format_duration(seconds: float) -> str:
    """``seconds`` for a person: "12.3 ms", "30 s", "59 min 58 s", "1 h 30 min"."""
    if not math.isfinite(seconds):
        return str(seconds)
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds == 0:
        return "0 s"
    for factor, limit, unit in (
        (1e9, 1000, "ns"),
        (1e6, 1000, "µs"),
        (1e3, 1000, "ms"),
        (1, 60, "s"),
    ):
        # Rounded first: 0.9999 s is "1 s" and not "1000 ms".
        shown = float(f"{seconds * factor:.3g}")
        if shown < limit:
            return f"{shown:g} {unit}"
    whole = round(seconds)
    parts = ((whole // 86_400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"))
    return " ".join(f"{n} {u}" for n, u in (*parts, (whole % 60, "s")) if n)


def format_rate(per_s: float) -> str:
    """A rate for a person: "100/s", "99.97/s"."""
    text = f"{per_s:,.2f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "/s"


def format_count(count: float) -> str:
    """A whole number for a person, thousands separated: "360,000"."""
    return f"{count:,.0f}"


def percent(fraction: float) -> str:
    """A share of one for a person, to two decimals: "99.97 %"; never rounded up to 100 % nor down to 0."""
    value = fraction * 100
    if 0 < abs(value) < 0.01:
        return f"{value:.2g} %"
    if not 99.995 <= value < 100:
        return f"{value:,.2f}".rstrip("0").rstrip(".") + " %"
    digits = 2  # as many as it takes not to read 100
    while value >= 100 - 0.5 * 10**-digits and digits < 14:
        digits += 1
    return f"{math.floor(value * 10**digits) / 10**digits:.{digits}f} %"


def clock(seconds: float) -> str:
    """A moment of a run for a person: "2:30", "1:02:30"."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
