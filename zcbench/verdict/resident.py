"""What resident memory did, in words, and when it may stand in for a heap that nobody measured."""

from __future__ import annotations

from zcbench.analysis.course import Course
from zcbench.analysis.trend.pages import SETTLING_BYTES
from zcbench.analysis.trend.rule import WARM_UP_S
from zcbench.quantities.units import format_bytes, format_duration

NOT_ITS_ABSENCE = "resident memory can show a leak, not its absence"


def settled_flat(told: Course) -> bool:
    """Whether it stayed flat for longer than a warm-up takes."""
    return told.shape == "flat" and told.flat_s >= WARM_UP_S


def limit_of(bytes_per_s: float) -> str:
    """The detection limit of a pass that rests on resident memory."""
    return (
        f"smallest detectable leak: {format_bytes(bytes_per_s * 3600)} an hour, by resident memory alone "
        f"(an allocator may have had {format_bytes(SETTLING_BYTES)} free)"
    )


def said(name: str, told: Course) -> str:
    """What a counter of pages did: "RSS flat within 64 KiB for 13 h 20 min; growth of 45 B/s would ..."."""
    rise = f"{name} {'rose' if told.rise >= 0 else 'fell'} by {format_bytes(abs(told.rise))} in"
    length = format_duration(told.length_s)
    if told.shape == "flat":
        before = f" after the first {format_duration(told.since_s)}" if told.since_s > 0 else ""
        within = format_bytes(told.within) if told.within else "one page"
        return (
            f"{name} flat within {within} for {format_duration(told.flat_s)}{before}; growth of "
            f"{format_bytes(told.seen_per_s)}/s would have been seen"
        )
    if told.shape == "slowing":
        late = format_bytes(max(told.late, 0.0))
        return f"{rise} {length}, slowing: {format_bytes(told.early)} in the first third, {late} in the last"
    if told.shape == "moving":
        return f"{rise} {length}, up and down"
    return f"{rise} {length}{', steadily' if told.shape == 'rising' else ''}"
