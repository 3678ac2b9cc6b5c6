"""The conservation laws: whatever was acquired is somewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.stream import closing, settled
from zcbench.analysis.totals import Totals, count
from zcbench.quantities.names import (
    CONSUMER_RECEIVED,
    ELAPSED_S,
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
    ENGINE_DROPS,
    ENGINE_QUEUED,
    POOL_HITS,
    POOL_IN_FLIGHT,
    POOL_MISSES,
    POOL_OVERFLOW_ALLOCATIONS,
    POOL_OVERFLOW_BYTES,
    POOL_OVERFLOW_FREED_BYTES,
    POOL_REFUSED,
    POOL_RETURNS,
)
from zcbench.record.reader import Record
from zcbench.record.schema import Phase

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
    Law("acquires = hits + misses", (ENGINE_CAPTURED,), (POOL_HITS, POOL_MISSES)),
    Law(
        "acquires = delivered + drops + queued",
        (ENGINE_CAPTURED,),
        (ENGINE_DELIVERED, ENGINE_DROPS, ENGINE_QUEUED),
    ),
    Law(
        "acquires - refused = returns + in flight",
        (ENGINE_CAPTURED,),
        (POOL_RETURNS, POOL_IN_FLIGHT),
        (POOL_REFUSED,),
    ),
)
# Under ``block`` a miss may wait for a slot instead: it is then neither allocated for nor refused.
MISSES = Law(
    "misses = overflow allocations + refused",
    (POOL_MISSES,),
    (POOL_OVERFLOW_ALLOCATIONS, POOL_REFUSED),
)
RECEIVED = Law("delivered = received", (ENGINE_DELIVERED,), (CONSUMER_RECEIVED,))


# Somebody else's rows are not read at one moment: so far apart are a row's counters at most.
READING_S = 0.1
# Where nobody counts what is queued: a stream of sound or video that lies more than a second behind is late.
QUEUE_S = 1.0
# Somebody else's log need not count what is captured; a pool's acquires are its hits and misses.
ACQUIRES = Law(
    "hits + misses - refused = returns + in flight",
    (POOL_HITS, POOL_MISSES),
    (POOL_RETURNS, POOL_IN_FLIGHT),
    (POOL_REFUSED,),
)
_QUEUES = frozenset({ENGINE_QUEUED, ENGINE_DROPS})


@dataclass(frozen=True)
class Balance:
    """A law held against a record. ``off`` is left minus right at the end, None if not measured; it
    may be as large as ``slack``, 0 unless the subject was stopped while packets were on the move.

    ``worst`` is the largest |left - right| over the ``samples`` settled samples, 0 when there are none;
    ``worst_at_s`` when that was; it may be as large as ``moving``. ``lacking`` are metrics nobody measured:
    ``left`` and ``right`` are then what is known of them, and ``least`` and ``most`` what the difference of
    these may be, None where what is not known could explain any.
    """

    law: Law
    left: int
    right: int
    worst: int
    samples: int
    slack: int = 0
    lacking: Terms = ()
    worst_at_s: float | None = None
    moving: int = MOVING_PACKETS
    least: int | None = None
    most: int | None = None

    @property
    def off(self) -> int | None:
        """Left minus right at the end."""
        return None if self.lacking else self.left - self.right

    @property
    def holds(self) -> bool | None:
        """Whether it holds at the end and within the moving packets before; None: not measured. That a term is
        not measured does not excuse what no value of it could explain."""
        difference = self.left - self.right
        if self.lacking:
            low = self.least is not None and difference < self.least
            high = self.most is not None and difference > self.most
            return False if low or high else None
        return abs(difference) <= self.slack and self.worst <= self.moving


def balances(record: Record, found: Totals) -> list[Balance]:
    """Each law over the whole of ``record``."""
    found = at_one_moment(record, found)
    laws = LAWS if record.run.scenario.pool.policy == "block" else (*LAWS, MISSES)
    laws = (*laws, RECEIVED) if record.can("worker") else (*laws, RECEIVED, ACQUIRES)
    balances = [_balance(law, record, found) for law in laws]
    # Of somebody else's numbers, a law of which only one side was measured says nothing.
    return [b for b in balances if record.can("worker") or _both_sides(b)]


def at_one_moment(record: Record, found: Totals) -> Totals:
    """``found``; of a page that was still written to while it was read, the last sample that stood still."""
    if not record.moving:
        return found
    still = np.flatnonzero(settled(record))
    row = {name: column[still[-1]] if still.size else np.nan for name, column in record.samples.items()}
    return {name: float(value) if np.isfinite(value := row[name]) else None for name in found}


def _both_sides(balance: Balance) -> bool:
    law, lacking = balance.law, balance.lacking
    return any(n not in lacking for n in law.left) and any(n not in lacking for n in law.right)


def _slacks(law: Law, record: Record, found: Totals) -> tuple[int, int]:
    """By how much the sides may differ at the end, and at a sample before."""
    if record.can("worker"):
        # A subject that died in mid-step leaves the step half counted: that is no lie of its counters.
        return (0 if count(found, "phase") == Phase.DONE else MOVING_PACKETS), MOVING_PACKETS
    moving = MOVING_PACKETS + math.ceil(READING_S * _per_s(record, found))
    return (0 if closing(record, *law.metrics) else moving), moving


def _per_s(record: Record, found: Totals) -> float:
    """Packets or acquires a second, as the largest total has them."""
    counts = (count(found, name) for law in (*LAWS, MISSES) for name in law.metrics)
    elapsed = record.samples[ELAPSED_S]
    span = float(elapsed[-1]) if elapsed.size else 0.0
    return max((n for n in counts if n is not None), default=0) / span if span else 0.0


def _balance(law: Law, record: Record, found: Totals) -> Balance:
    still = settled(record)

    def column(names: Terms) -> NDArray[np.float64]:
        rows = [record.samples[name][still] for name in names]
        return np.sum(rows, axis=0) if rows else np.zeros(int(still.sum()))

    difference = column(law.left) - column(law.minus) - column(law.right)
    finite = np.isfinite(difference)
    at_s = record.samples[ELAPSED_S][still][finite]
    # Counters that began before somebody's log carry into it what they differed by until then.
    before = int(difference[finite][0]) if _began_before(record, law, at_s) else 0
    known = np.abs(difference[finite] - before)
    values = {name: count(found, name) for name in law.metrics}
    lacking = tuple(name for name, value in values.items() if value is None)
    total = {name: value or 0 for name, value in values.items()}
    left = sum(total[n] for n in law.left) - sum(total[n] for n in law.minus)
    right = sum(total[n] for n in law.right) + before
    slack, moving = _slacks(law, record, found)
    least, most = _bounds(law, record, found, lacking, slack)
    if law == MISSES and not record.can("worker") and left > right:
        right = left  # a miss of somebody else's pool may have waited for a slot
        known = np.zeros(0)
    return Balance(
        law,
        left,
        right,
        int(known.max(initial=0)),
        known.size,
        slack,
        lacking,
        worst_at_s=float(at_s[np.argmax(known)]) if known.size else None,
        moving=moving,
        least=least,
        most=most,
    )


def _began_before(record: Record, law: Law, at_s: NDArray[np.float64]) -> bool:
    """Whether the counters of somebody else's log stood above zero when it began, at its time 0."""
    rows = record.samples
    if record.can("worker") or at_s.size < 2 or at_s[0] > 0:
        return False
    first = np.flatnonzero(rows[ELAPSED_S] == at_s[0])[0]
    return any(rows[name][first] > 0 for name in law.metrics)


def _bounds(
    law: Law, record: Record, found: Totals, lacking: Terms, slack: int
) -> tuple[int | None, int | None]:
    """The least and the most that the difference of what is known can be in a sound subject, whatever is not
    known; None for any. Each term counts something, and is 0 or more."""
    least = None if set(lacking) & set(law.left) else -slack
    missing = set(lacking) & {*law.minus, *law.right}
    if not missing:
        return least, slack
    misses = count(found, POOL_MISSES)
    if missing == {POOL_REFUSED} and law.minus and record.can("ending") and misses is not None:
        return least, slack + misses  # only a miss can be refused
    if record.can("worker") or not missing <= _QUEUES:
        return least, None
    # What was captured, and neither delivered nor known to be dropped, lies in a queue, or is gone.
    queue = 0 if slack == 0 else math.ceil(QUEUE_S * _per_s(record, found))
    return least, slack + queue


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
    allocations = count(found, POOL_OVERFLOW_ALLOCATIONS)
    allocated = count(found, POOL_OVERFLOW_BYTES)
    freed = count(found, POOL_OVERFLOW_FREED_BYTES)
    in_flight = count(found, POOL_IN_FLIGHT)
    if None in (allocated, freed, in_flight) or (allocations is None and in_flight):
        return Overflow(None, 0)
    live = (allocated or 0) - (freed or 0)
    if not allocations:
        return Overflow(live, max(0, live))
    block = (allocated or 0) / allocations
    samples = record.samples
    beyond = (
        samples[POOL_OVERFLOW_BYTES]
        - samples[POOL_OVERFLOW_FREED_BYTES]
        - (samples[POOL_IN_FLIGHT] + MOVING_PACKETS) * block
    )[settled(record)]
    during = int(np.nan_to_num(beyond).max(initial=0))
    return Overflow(live, max(0, during, round(live - (in_flight or 0) * block)))
