"""How the pool behaved, and what Little's law says it needed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.delivery import streamed_s
from zcbench.analysis.resources import NEW_HIGHS, marks, staircase
from zcbench.analysis.slots import Slots, misses_between, slots_of, steady
from zcbench.analysis.stream import streaming
from zcbench.analysis.totals import Totals, count
from zcbench.analysis.trend import FEWEST_BLOCKS
from zcbench.quantities.derived import hit_rate
from zcbench.quantities.names import (
    CONSUMER_REUSE_DISTANCE,
    ELAPSED_S,
    ENGINE_CAPTURED,
    POOL_FREE,
    POOL_HIGH_WATER,
    POOL_HITS,
    POOL_IN_FLIGHT,
    POOL_MISSES,
    POOL_RETURNS,
    POOL_SHRUNK,
    POOL_SLOTS,
    POOL_SLOTS_IN_USE,
)
from zcbench.record.reader import Record

ENOUGH_HITS = 0.99  # of the acquires: what misses beyond it is a moment's, not the pool's size
HEADROOM = 1.25  # over the measured high water: a quarter for what this run did not happen to see


@dataclass(frozen=True)
class PoolBehaviour:
    """What the pool did over a run; None where not measured.

    ``mean_hold_s`` is acquire -> return over all returned leases. By Little's law (J. D. C. Little, Oper.
    Res. 9, 1961) the mean number in flight is ``rate_per_s * mean_hold_s``. ``slots_needed`` is the
    measured high water with a quarter of headroom.
    """

    sizes: Slots | None
    hits: int | None
    misses: int | None
    returns: int | None
    in_flight: int | None
    high_water: int | None
    rate_per_s: float | None
    mean_hold_s: float | None

    @property
    def slots(self) -> int | None:
        """Slots at the end."""
        return None if self.sizes is None else self.sizes.final

    @property
    def acquires(self) -> int | None:
        """Hits plus misses."""
        return None if self.hits is None or self.misses is None else self.hits + self.misses

    @property
    def hit_rate(self) -> float | None:
        """``hits / (hits + misses)``, 0..1."""
        return hit_rate(self.hits, self.misses)

    @property
    def mean_in_flight(self) -> float | None:
        """Little's law: rate x mean hold time."""
        if self.rate_per_s is None or self.mean_hold_s is None:
            return None
        return self.rate_per_s * self.mean_hold_s

    @property
    def slots_needed(self) -> int | None:
        """Slots that would have served every acquire of this run, with headroom."""
        return None if self.high_water is None else max(1, math.ceil(self.high_water * HEADROOM))


def behaviour(record: Record, found: Totals) -> PoolBehaviour:
    """The pool's behaviour over the time that the stream ran."""
    hold = record.histogram("hold_ns")
    captured, lasted_s = count(found, ENGINE_CAPTURED), streamed_s(record, found)
    return PoolBehaviour(
        sizes=slots_of(record, found),
        hits=count(found, POOL_HITS),
        misses=count(found, POOL_MISSES),
        returns=count(found, POOL_RETURNS),
        in_flight=count(found, POOL_IN_FLIGHT),
        high_water=count(found, POOL_HIGH_WATER),
        rate_per_s=captured / lasted_s if captured and lasted_s else None,
        mean_hold_s=hold.total_ns / hold.count / 1e9 if hold is not None and hold.count else None,
    )


# Longer than an application that means to return its packets holds them.
LONGEST_HOLD_S = 60.0


@dataclass(frozen=True)
class Standstill:
    """Since ``from_s`` (s) no acquire found a slot, ``in_vain`` acquires long; ``hits`` had until then."""

    from_s: float
    hits: int
    in_vain: int


def standstill(record: Record) -> Standstill | None:
    """Whether, at the end of the stream, no slot had come back for longer than a packet is held, and more
    acquires were in vain than had found one; None if not, or if hits were not measured. Acquires in vain are
    misses or, where nobody measured those, packets captured beyond the hits."""
    samples, rows = record.samples, streaming(record)
    hits = samples[POOL_HITS]
    missed = np.isfinite(samples[POOL_MISSES]).any()
    asked = samples[POOL_MISSES] if missed else samples[ENGINE_CAPTURED] - hits
    rows &= np.isfinite(hits) & np.isfinite(asked)
    if not rows.any():
        return None
    t, hits, asked = samples[ELAPSED_S][rows], hits[rows], asked[rows]
    since = int(np.argmax(hits >= hits[-1]))
    in_vain = int(asked[-1] - asked[since])
    if t[-1] - t[since] < LONGEST_HOLD_S or in_vain <= max(hits[-1] - hits[0], 1):
        return None
    return Standstill(float(t[since]), int(hits[-1]), in_vain)


# A first-in first-out pool hands each slot out once a lap, so the packets between two uses of one slot are the
# slots in circulation. Other orders show another number from the start: not to be judged by.
LAP_SHARE = 0.9
# Of the slots, at least one: below it, packets that overtook one another in returning.
LOST_SHARE = 0.02
# The newest samples that must all lack a slot: one on its way is neither free nor in use for a moment.
LOST_SAMPLES = 3
LOST_MISSES = 0.01  # of the acquires: a returning thread may stand between "returned" and "free" for a moment


@dataclass(frozen=True)
class Circulation:
    """Slots in circulation: ``first`` when the stream began, at most ``last`` after ``packets`` packets."""

    first: int
    last: int
    packets: int

    @property
    def lost_every(self) -> int:
        """Packets for each slot lost."""
        return max(1, round(self.packets / max(1, self.first - self.last)))


def can_see_lost_slots(record: Record, found: Totals) -> bool:
    """Whether the packets' addresses show the slots in circulation: a first-in first-out pool, over at least 6
    blocks of the run."""
    slots, seen = count(found, POOL_SLOTS) or 0, _laps(record, found)
    return len(seen) >= FEWEST_BLOCKS and LAP_SHARE * slots <= max(seen) <= slots


def lost_slots(record: Record, found: Totals) -> Circulation | None:
    """How the slots in circulation fell, if they fell step by step; None if not, or if nobody could tell."""
    slots, captured = count(found, POOL_SLOTS), count(found, ENGINE_CAPTURED)
    if not slots or not captured:
        return None
    if counts_slots(record):
        return _lost_by_count(record, slots, captured)
    seen, least = _laps(record, found), max(1.0, LOST_SHARE * slots)
    falls = staircase(-np.asarray(seen, dtype=np.float64), least=least)
    if not falls or not can_see_lost_slots(record, found):
        return _lost_by_misses(record, found)
    # A slot that somebody keeps does not go round either, and is not lost: it is in flight.
    out = marks(record, record.samples[POOL_IN_FLIGHT], 0.0)
    kept = max(0, out[-1] - out[0]) if out else 0
    if max(seen) - seen[-1] - kept < NEW_HIGHS * least:
        return None
    return Circulation(slots, seen[-1], captured)


def counts_slots(record: Record) -> bool:
    """Whether the subject counts its free slots and those in use."""
    return bool(_neither(record).size)


def _lost_by_count(record: Record, slots: int, captured: int) -> Circulation | None:
    """Slots that are neither free nor in use, in each of the last samples."""
    neither = _neither(record)[-LOST_SAMPLES:]
    lost = int(neither.min())
    if neither.size < LOST_SAMPLES or lost < 1:
        return None
    return Circulation(slots, slots - lost, captured)


def _neither(record: Record) -> NDArray[np.float64]:
    """How many slots were neither free nor in use, at each sample that counts both."""
    samples, rows = record.samples, streaming(record)
    if POOL_FREE not in samples or POOL_SLOTS_IN_USE not in samples:
        return np.empty(0)
    neither = (samples[POOL_SLOTS] - samples[POOL_FREE] - samples[POOL_SLOTS_IN_USE])[rows]
    return np.asarray(neither[np.isfinite(neither)])


def _laps(record: Record, found: Totals) -> list[int]:
    """The shortest lap of each block of the run, in packets, as if the pool had always had its last size: an
    adaptive pool's laps grow and shrink with its slots, and nothing is lost by that."""
    final = count(found, POOL_SLOTS) or 0
    slots, laps = record.samples[POOL_SLOTS], record.samples[CONSUMER_REUSE_DISTANCE]
    as_at_end = laps + final - np.where(np.isfinite(slots), slots, final)
    use = steady(record) & (laps > 0) & (as_at_end > 0)
    return list(marks(record, np.where(use, as_at_end, np.nan), 0.0))


def _lost_by_misses(record: Record, found: Totals) -> Circulation | None:
    """Misses though slots must have been free. At a miss whatever still goes round is in flight, so there are
    at most as many slots left as ever were in flight at once."""
    slots, misses = count(found, POOL_SLOTS), count(found, POOL_MISSES)
    high, captured = count(found, POOL_HIGH_WATER), count(found, ENGINE_CAPTURED)
    hits = count(found, POOL_HITS)
    if not slots or not misses or not captured or high is None or hits is None:
        return None
    ever = slots + (count(found, POOL_SHRUNK) or 0)
    # An adaptive pool that had not grown yet had no free slots to miss.
    small = record.samples[POOL_HIGH_WATER] > LAP_SHARE * record.samples[POOL_SLOTS]
    small |= ~steady(record)
    misses -= int(misses_between(record, found)[small].sum())
    if misses < LOST_MISSES * captured or high > LAP_SHARE * slots or hits <= ever:
        return None
    missed = np.flatnonzero((record.samples[POOL_MISSES] > 0) & ~small)
    first = record.samples[ENGINE_CAPTURED][missed[0]] if missed.size else np.nan
    return Circulation(slots, high, int(first) if np.isfinite(first) else captured)
