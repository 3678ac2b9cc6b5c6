"""How single figures are written in a report; what was not measured says so."""

from __future__ import annotations

import math
from collections.abc import Callable

from zcbench.units import format_bytes, format_count, format_duration

NOT_MEASURED = "not measured"


def known(value: float | None, write: Callable[[float], str] = format_count) -> str:
    """``value`` as ``write`` puts it, or that it was not measured."""
    return NOT_MEASURED if value is None or not math.isfinite(value) else write(value)


def hit_rate(share: float | None) -> str:
    """A share of 0..1 in percent, rounded down: "100 %" means that there was no miss."""
    if share is None:
        return NOT_MEASURED
    return "100 %" if share == 1 else f"{math.floor(share * 10_000) / 100:.2f} %"


def signed_bytes(count: float) -> str:
    """A difference in bytes with its sign: "+1,024 B"."""
    return f"+{format_bytes(count)}" if count > 0 else format_bytes(count)


def mebibytes(count: float) -> str:
    """Bytes always in MiB, so that the rows of a table compare: "11.02 MiB"."""
    return f"{count / 2**20:,.2f} MiB"


def nanoseconds(value: float) -> str:
    """A time in ns for a person: "12.3 µs"."""
    return format_duration(value / 1e9)


def percent(share: float) -> str:
    """A share of 0..1 with three significant digits: "0.42 %"."""
    return f"{share * 100:.3g} %"


def plural(count: int, noun: str) -> str:
    """ "1 packet", "3,000 packets"."""
    return f"{format_count(count)} {noun}{'' if count == 1 else 's'}"
