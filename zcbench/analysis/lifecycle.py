"""The way of a buffer as it was measured: acquired, queued, delivered, held, returned."""

from __future__ import annotations

from dataclasses import dataclass

from zcbench.analysis.totals import Totals, count
from zcbench.quantities.names import (
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
    ENGINE_QUEUED,
    POOL_IN_FLIGHT,
    POOL_RETURNS,
)
from zcbench.record.reader import Record


@dataclass(frozen=True)
class Stage:
    """One stage: how many went through (``passed``), how many are there now, and the time in it, ns."""

    name: str
    passed: int | None
    now: int | None
    p50_ns: float | None
    p99_ns: float | None
    max_ns: float | None


def lifecycle(record: Record, found: Totals) -> list[Stage]:
    """The stages in order; the last two rows are whole ways."""
    queued, in_flight = count(found, ENGINE_QUEUED), count(found, POOL_IN_FLIGHT)
    application = None if queued is None or in_flight is None else in_flight - queued
    captured = count(found, ENGINE_CAPTURED)
    delivered, returns = count(found, ENGINE_DELIVERED), count(found, POOL_RETURNS)
    return [
        _stage(record, "acquired → queued (fill)", "fill_ns", captured, None if captured is None else 0),
        _stage(record, "queued → delivered", "queue_ns", delivered, queued),
        _stage(record, "delivered → returned (held)", "held_ns", returns, application),
        _stage(record, "acquired → returned (hold time)", "hold_ns", returns, in_flight),
        _stage(record, "captured → delivered (latency)", "delivery_ns", delivered, queued),
    ]


def _stage(record: Record, name: str, timing: str, passed: int | None, now: int | None) -> Stage:
    times = record.histogram(timing)
    if times is None:
        return Stage(name, passed, now, None, None, None)
    longest = float(times.max_ns) if times.count else None
    return Stage(name, passed, now, times.percentile(50), times.percentile(99), longest)
