"""The way of a buffer as it was measured: acquired, queued, delivered, held, returned."""

from __future__ import annotations

from dataclasses import dataclass

from zcbench.analysis.totals import Totals, count
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
    queued, in_flight = count(found, "engine.queued"), count(found, "pool.in_flight")
    application = None if queued is None or in_flight is None else in_flight - queued
    captured = count(found, "engine.captured")
    delivered, returns = count(found, "engine.delivered"), count(found, "pool.returns")
    return [
        _stage(record, "acquired → queued (fill)", "fill_ns", captured, None if captured is None else 0),
        _stage(record, "queued → delivered", "queue_ns", delivered, queued),
        _stage(record, "delivered → returned (held)", "held_ns", returns, application),
        _stage(record, "acquired → returned (hold time)", "hold_ns", returns, in_flight),
        _stage(record, "captured → delivered (latency)", "delivery_ns", delivered, queued),
    ]


def _stage(record: Record, name: str, timing: str, passed: int | None, now: int | None) -> Stage:
    if record.board is None:
        return Stage(name, passed, now, None, None, None)
    times = record.board.histogram(timing)
    longest = float(times.max_ns) if times.count else None
    return Stage(name, passed, now, times.percentile(50), times.percentile(99), longest)
