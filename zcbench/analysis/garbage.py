"""Leases that wait for a garbage collector or an event loop: who gives slots back, and how late."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis import event_loop, heaps
from zcbench.analysis.stream import streaming
from zcbench.quantities.names import (
    ELAPSED_S,
    GC_FORCED_COLLECTIONS,
    POOL_HIGH_WATER,
    POOL_HITS,
    POOL_IN_FLIGHT,
    POOL_MISSES,
    POOL_RETURNS,
    POOL_SLOTS,
)
from zcbench.record.reader import Record

# Nine of ten returns in samples in which a collection ran, when fewer of the samples are such: gc gives back.
GARBAGE_RETURNS, GARBAGE_SAMPLES = 0.9, 0.6
# By chance all samples with returns are beside a collection as rarely as this. Where V8 owns the buffers, its
# finalizers are the usual way back, and less will do.
CHANCE, CHANCE_OF_FINALIZERS = 0.01, 0.1
# Of a run too short for that: three samples with returns.
GARBAGE_BURSTS = 3
# After a collection, finalizers run in a turn of the event loop, on a machine that may be busy.
FREED_AFTER_S = 1.0
# A loop that stood still for so many samples running did not just miss one.
STARVED_SAMPLES = 3
TOLD_LATE = 2  # samples: an agent publishes twice in each, and one more may lie between
HEADROOM = 1.25  # over what was measured: a quarter for what this run did not happen to see


@dataclass(frozen=True)
class Held:
    """Leases that come back in bursts. ``before`` and ``after`` are the leases in flight around the largest, at
    ``at_s``; ``longest_s`` is the longest time from one burst to the next, or from the start to the first."""

    bursts: int
    at_s: float
    before: int
    after: int
    longest_s: float
    by_harness: bool = False  # the collections are the harness's own

    def slots_needed(self, rate_per_s: float) -> int:
        """Slots that are taken between two bursts, with headroom: by Little's law."""
        return max(1, math.ceil(HEADROOM * rate_per_s * self.longest_s))


def by_collector(record: Record) -> Held | None:
    """Leases that come back when the collector runs, and hardly otherwise; None if they do not."""
    rows, returns = _returns(record)
    if not np.nansum(returns) > 0:
        return None
    for name, collected in heaps.collections(record).items():
        near = collected[rows][1:]
        if not record.can("worker"):
            # A finalizer runs in a later turn of the event loop, and another page was read another moment.
            near = near | np.append(near[1:], False) | np.insert(near[:-1], 0, False)
        if _explain(record, returns, near):
            return _held(record, rows, returns, near, by_harness=name == GC_FORCED_COLLECTIONS)
    return _by_whole_pools(record) if heaps.has_v8(record) else None


def by_event_loop(record: Record) -> Held | None:
    """Leases that come back when an event loop turns again that had stood still, and hardly otherwise."""
    rows, returns = _returns(record)
    stood = event_loop.stood_still(record)[rows]
    if not np.nansum(returns) > 0 or not stood.any():
        return None
    near = np.zeros(returns.shape, bool)
    for _, stop in _stretches(stood):
        # Finalizers run when it turns again: at that sample or in the two after. The delay that ends so is told
        # of for up to TOLD_LATE samples more.
        near[max(0, stop - 1 - TOLD_LATE) : stop + 2] = True
    share = float(np.nansum(returns[near]) / np.nansum(returns))
    if not near.any() or share < GARBAGE_RETURNS or float(near.mean()) > GARBAGE_SAMPLES:
        return None
    return _held(record, rows, returns, near)


def _by_whole_pools(record: Record) -> Held | None:
    """Where samples are too far apart to show bursts: at each of them a whole number of pools has been handed
    out, one for each collection and one to begin with, and most acquires found nothing."""
    rows, samples = streaming(record), record.samples
    # A first sample may come before the program's page was read.
    counted = (POOL_HITS, POOL_MISSES, POOL_IN_FLIGHT, POOL_SLOTS)
    rows &= np.isfinite([samples[name] for name in counted]).all(axis=0)
    hits, misses = samples[POOL_HITS][rows], samples[POOL_MISSES][rows]
    in_flight, times, slots = samples[POOL_IN_FLIGHT][rows], samples[ELAPSED_S][rows], samples[POOL_SLOTS][rows]
    if not hits.size or not slots[-1] > 1:
        return None
    pools = hits[-1] / slots[-1]
    made = [np.nanmax(samples[name][rows], initial=0.0) for name in heaps.collections(record)]
    by_chance = slots[-1] ** -float(hits.size)
    whole = bool(np.all(hits % slots == 0)) and by_chance <= CHANCE
    if not whole or pools < 2 or misses[-1] < hits[-1] or not made or pools - 1 > max(made):
        return None
    at = int(np.argmax(in_flight))
    per_s = float((hits[-1] + misses[-1]) / (times[-1] - samples[ELAPSED_S][0] or 1.0))
    longest = float(np.nanmax(samples[POOL_HIGH_WATER][rows], initial=in_flight[at])) / per_s
    return Held(int(pools) - 1, float(times[at]), int(in_flight[at]), int(in_flight.min()), longest)


def starved_s(record: Record) -> float:
    """How long the event loop stood still at the end of the stream, s: no finalizer could run in that time."""
    rows = streaming(record)
    stood, times = event_loop.stood_still(record)[rows], record.samples[ELAPSED_S][rows]
    for start, stop in _stretches(stood):
        if stop == stood.size:
            return float(times[-1] - times[max(0, start - 1)])
    return 0.0


def collected_in_vain(record: Record) -> int:
    """Collections while packets flowed, with time enough after them for what they free to come back."""
    rows = streaming(record)
    times = record.samples[ELAPSED_S][rows]
    in_time = times <= times[-1] - FREED_AFTER_S if times.size else np.empty(0, bool)
    made = [record.samples[name][rows][in_time] for name in heaps.collections(record)]
    return int(max((np.nanmax(counted, initial=0.0) for counted in made), default=0.0))


def _returns(record: Record) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """The rows of the stream, and the leases that came back between each two of them."""
    rows = streaming(record)
    return rows, np.diff(record.samples[POOL_RETURNS][rows])


def _explain(record: Record, returns: NDArray[np.float64], near: NDArray[np.bool_]) -> bool:
    """Whether the collections ``near`` explain when leases come back."""
    if not near.any() or float(near.mean()) > GARBAGE_SAMPLES:
        return False
    share = float(np.nansum(returns[near]) / np.nansum(returns))
    bursts = int((returns[near] > 0).sum())
    if record.can("worker"):
        return share >= GARBAGE_RETURNS and bursts >= GARBAGE_BURSTS
    most = CHANCE_OF_FINALIZERS if heaps.has_v8(record) else CHANCE
    return share >= GARBAGE_RETURNS and float(near.mean()) ** bursts <= most


def _held(
    record: Record,
    rows: NDArray[np.bool_],
    returns: NDArray[np.float64],
    near: NDArray[np.bool_],
    *,
    by_harness: bool = False,
) -> Held:
    times, in_flight = record.samples[ELAPSED_S][rows], record.samples[POOL_IN_FLIGHT][rows]
    bursts = np.flatnonzero(near & (np.nan_to_num(returns) > 0))
    largest = int(bursts[np.argmax(returns[bursts])])
    # A burst may lie in two samples: from the end of one to the beginning of the next that is not beside it.
    apart = np.diff(np.concatenate([[times[0]], times[1:][bursts], [times[-1]]]))
    firsts = int(np.count_nonzero(np.diff(bursts, prepend=-2) > 1))
    before, after = in_flight[largest], in_flight[largest + 1]
    return Held(
        bursts=firsts,
        at_s=float(times[largest + 1]),
        before=int(np.nan_to_num(before)),
        after=int(np.nan_to_num(after)),
        longest_s=float(apart.max()),
        by_harness=by_harness,
    )


def _stretches(stood: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """The first sample of each stretch of ``stood``, and that after its last, of those long enough."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], stood, [False]]).astype(int)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start >= STARVED_SAMPLES:
            yield int(start), int(stop)
