"""The pool size that a sweep recommends: the smallest that meets a target hit rate.

How many leases are in flight is the application's doing, not the pool's: under policy ``grow`` a miss gets
memory all the same. So every run of one application measures the same distribution, whatever its slots, and an
acquire is a hit if fewer leases are in flight than there are slots.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.pool import behaviour
from zcbench.analysis.stream import streaming
from zcbench.quantities.names import ELAPSED_S, POOL_IN_FLIGHT
from zcbench.record.reader import Record
from zcbench.record.schema import Result


@dataclass(frozen=True)
class Point:
    """One run of a sweep, as the pool saw it; None where not measured. ``in_flight`` are its samples."""

    slots: int | None
    hit_rate: float | None
    high_water: int | None
    in_flight: NDArray[np.float64]


@dataclass(frozen=True)
class Sizing:
    """``candidates`` are to be tried in turn: the quantile's, then the high water's, which serves all."""

    target: float
    samples: int
    candidates: tuple[int, ...]


def point(record: Record, result: Result) -> Point:
    """What one run says of its pool."""
    seen = behaviour(record, result.totals)
    samples, warmup = record.samples, record.run.scenario.warmup
    rows = streaming(record) & (samples[ELAPSED_S] >= warmup)
    counted = samples[POOL_IN_FLIGHT][rows]
    return Point(seen.slots, seen.hit_rate, seen.high_water, counted[np.isfinite(counted)])


def recommend(points: Sequence[Point], target: float) -> Sizing | None:
    """The sizes to try, smallest first; None if nothing was measured.

    The first is one more than the ``target`` quantile of the leases in flight over all ``points``, which the
    next acquire meets. ``target`` is a share, 0..1.
    """
    pooled = np.concatenate([p.in_flight for p in points]) if points else np.empty(0)
    highest = max((p.high_water for p in points if p.high_water is not None), default=None)
    if not pooled.size or highest is None:
        return None
    quantile = math.floor(np.quantile(pooled, target, method="higher")) + 1
    sizes = sorted({max(1, min(quantile, highest)), max(1, highest)})
    return Sizing(target, int(pooled.size), tuple(sizes))
