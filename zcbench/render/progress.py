"""Where a run is, in figures and in characters: what the live view, the heartbeat and the summary share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from zcbench.quantities.derived import HIT_RATE
from zcbench.quantities.names import (
    CONSUMER_RECEIVED,
    ELAPSED_S,
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
    POOL_HIGH_WATER,
    POOL_HITS,
    POOL_IN_FLIGHT,
    POOL_SLOTS,
    RATE_PER_S,
)
from zcbench.quantities.units import SHARE, format_count
from zcbench.record.schema import RunInfo

Row = Mapping[str, int | float | None]


@dataclass(frozen=True)
class Ink:
    """The characters of bars and sparklines, ``blocks`` from the lowest to the highest."""

    blocks: str
    full: str
    empty: str


UNICODE: Final = Ink("▁▂▃▄▅▆▇█", "█", "░")
ASCII: Final = Ink("_.-=+*%#", "#", ".")


def ink_for(encoding: str) -> Ink:
    """The best that a terminal of ``encoding`` can show."""
    try:
        (UNICODE.blocks + UNICODE.empty).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


_PACKETS = (ENGINE_CAPTURED, ENGINE_DELIVERED, CONSUMER_RECEIVED)
_OPENED = (
    ("fds", "descriptor", "descriptors"),
    ("threads", "thread", "threads"),
    ("children", "child process", "child processes"),
)
_POOL = (POOL_SLOTS, POOL_HITS, POOL_IN_FLIGHT, POOL_HIGH_WATER)


def progress(run: RunInfo, row: Row) -> float:
    """How much of the run is done, 0..1: in packets where their number is known, else in time."""
    done, whole = row.get(ENGINE_DELIVERED), float(run.due_packets or 0)
    if not whole:
        done, whole = row.get(ELAPSED_S), run.scenario.duration
    # Nothing to do is done: a damaged record may say so.
    return min(1.0, max(0.0, float(done or 0) / whole)) if whole > 0 else 1.0


def counts_packets(run: RunInfo, row: Row) -> bool:
    """Whether there are packets to tell of: the subject was to count them, or has."""
    return "packets" in run.subject.promised or any(row.get(name) is not None for name in _PACKETS)


def has_pool(run: RunInfo, row: Row) -> bool:
    """Whether there is a pool to tell of, likewise."""
    return "pool" in run.subject.promised or any(row.get(name) is not None for name in _POOL)


def opened(row: Row) -> str:
    """What a subject has open now: "3 descriptors, 1 thread"; what is not known, or none, is left out."""
    parts = []
    for name, one, several in _OPENED:
        if number := row.get(name):
            parts.append(f"{format_count(number)} {one if number == 1 else several}")
    return ", ".join(parts)


def time_left_s(run: RunInfo, row: Row) -> float | None:
    """Seconds until the stream ends, by its pace; None while that is unknown."""
    if run.due_packets is None:
        return max(0.0, run.scenario.duration - float(row.get(ELAPSED_S) or 0.0))
    missing = run.due_packets - float(row.get(ENGINE_DELIVERED) or 0)
    source = run.scenario.source
    if source.unpaced or not run.scenario.duration:
        rate = row.get(RATE_PER_S)
    else:
        rate = run.due_packets / run.scenario.duration * source.speed
    return max(0.0, missing / rate) if rate else None


def hit_rate_said(row: Row) -> str | None:
    """ "hit rate 99.97 %"; None before the first acquire."""
    rate = HIT_RATE.of(row)
    return None if rate is None else f"hit rate {SHARE.show(rate)}"


def bar(share: float, width: int, ink: Ink) -> str:
    """A bar of ``width`` characters, filled to ``share`` (0..1; more is full)."""
    full = round(min(1.0, max(0.0, share)) * width)
    return ink.full * full + ink.empty * (width - full)


def sparkline(values: Collection[float], ink: Ink) -> str:
    """One block per value, from the lowest to the highest seen; a flat line if nothing changed."""
    low, high = min(values), max(values)
    if high == low:
        return ink.blocks[0] * len(values)
    top = len(ink.blocks) - 1
    return "".join(ink.blocks[round((value - low) / (high - low) * top)] for value in values)
