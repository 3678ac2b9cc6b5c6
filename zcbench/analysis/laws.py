"""The conservation laws: whatever was acquired is somewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.stream import DONE, settled
from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record

# While packets move, one may be in the producer's hands (acquired, not yet queued) and one in the
# reader's (out of the queue, not yet counted as delivered).
MOVING_PACKETS = 2

Terms = tuple[str, ...]


@dataclass(frozen=True)
class Law:
    """``sum(left) - sum(minus) = sum(right)`` over metric names."""

    name: str
    left: Terms
    right: Terms
    minus: Terms = ()

    @property
    def metrics(self) -> Terms:
        """Every metric it speaks of."""
        return (*self.left, *self.minus, *self.right)


LAWS = (
    Law("acquires = hits + misses", ("engine.captured",), ("pool.hits", "pool.misses")),
    Law(
        "acquires = delivered + drops + queued",
        ("engine.captured",),
        ("engine.delivered", "engine.drops", "engine.queued"),
    ),
    Law(
        "acquires - refused = returns + in flight",
        ("engine.captured",),
        ("pool.returns", "pool.in_flight"),
        ("pool.refused",),
    ),
)
# Under ``block`` a miss may wait for a slot instead: it is then neither allocated for nor refused.
MISSES = Law(
    "misses = overflow allocations + refused",
    ("pool.misses",),
    ("pool.overflow_allocations", "pool.refused"),
)
RECEIVED = Law("delivered = received", ("engine.delivered",), ("consumer.received",))


@dataclass(frozen=True)
class Balance:
    """A law held against a record. ``off`` is left minus right at the end, None if not measured; it
    may be as large as ``slack``, 0 unless the subject was stopped while packets were on the move.

    ``worst`` is the largest |left - right| over the ``samples`` settled samples, 0 when there are none;
    ``worst_at_s`` when that was.
    """

    law: Law
    left: int | None
    right: int | None
    worst: int
    samples: int
    slack: int = 0
    lacking: Terms = ()  # metrics nobody measured; left and right are then what is known of them
    worst_at_s: float | None = None

    @property
    def off(self) -> int | None:
        """Left minus right at the end."""
        return (
            None
            if self.lacking or self.left is None or self.right is None
            else self.left - self.right
        )

    @property
    def holds(self) -> bool | None:
        """Whether it holds at the end and within the moving packets before; None: not measured."""
        if self.off is None:
            return None
        return abs(self.off) <= self.slack and self.worst <= MOVING_PACKETS


def balances(record: Record, found: Totals) -> list[Balance]:
    """Each law over the whole of ``record``."""
    still = settled(record)
    found = at_one_moment(record, found)
    # A subject that died in mid-step leaves the step half counted: that is no lie of its counters.
    slack = 0 if count(found, "phase") == DONE else MOVING_PACKETS
    laws = LAWS if record.run.scenario.pool.policy == "block" else (*LAWS, MISSES)
    if record.run.ingested is None:  # somebody else's application counts nothing of its own
        laws = (*laws, RECEIVED)
    return [_balance(law, record, found, still, slack) for law in laws]


def at_one_moment(record: Record, found: Totals) -> Totals:
    """``found``; of a page that was still written to while it was read, the last sample that stood still."""
    if not record.moving:
        return found
    still = np.flatnonzero(settled(record))
    row = {
        name: column[still[-1]] if still.size else np.nan for name, column in record.samples.items()
    }
    return {
        name: float(value) if np.isfinite(value := row[name.replace(".", "_")]) else None
        for name in found
    }


def _balance(
    law: Law, record: Record, found: Totals, still: NDArray[np.bool_], slack: int
) -> Balance:
    def column(names: Terms) -> NDArray[np.float64]:
        rows = [record.samples[name.replace(".", "_")][still] for name in names]
        return np.sum(rows, axis=0) if rows else np.zeros(int(still.sum()))

    difference = column(law.left) - column(law.minus) - column(law.right)
    finite = np.isfinite(difference)
    known = np.abs(difference[finite])
    at_s = record.samples["elapsed_s"][still][finite]
    values = {name: count(found, name) for name in law.metrics}
    lacking = tuple(name for name, value in values.items() if value is None)
    total = {name: value or 0 for name, value in values.items()}
    left = sum(total[n] for n in law.left) - sum(total[n] for n in law.minus)
    right = sum(total[n] for n in law.right)
    return Balance(
        law, left, right, int(known.max(initial=0)), known.size, slack, lacking,
        worst_at_s=float(at_s[np.argmax(known)]) if known.size else None,
    )  # fmt: skip


@dataclass(frozen=True)
class Overflow:
    """Overflow bytes allocated and not freed: ``at_end``, and the most that no lease in flight explained."""

    at_end: int | None
    unexplained: int


def overflow(record: Record, found: Totals) -> Overflow:
    """Overflow blocks against leases, at the end and at every settled sample: each live block has its lease.

    What is in flight may lie in the slab, so this can miss a block; it never accuses an honest pool.
    """
    found = at_one_moment(record, found)
    allocations = count(found, "pool.overflow_allocations")
    allocated = count(found, "pool.overflow_bytes")
    freed = count(found, "pool.overflow_freed_bytes")
    in_flight = count(found, "pool.in_flight")
    if None in (allocations, allocated, freed, in_flight):
        return Overflow(None, 0)
    live = (allocated or 0) - (freed or 0)
    if not allocations:
        return Overflow(live, max(0, live))
    block = (allocated or 0) / allocations
    samples = record.samples
    beyond = (
        samples["pool_overflow_bytes"]
        - samples["pool_overflow_freed_bytes"]
        - (samples["pool_in_flight"] + MOVING_PACKETS) * block
    )[settled(record)]
    during = int(np.nan_to_num(beyond).max(initial=0))
    return Overflow(live, max(0, during, round(live - (in_flight or 0) * block)))
