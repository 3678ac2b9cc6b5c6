"""How two peers compare: the ratio of their times within a round, and how sure it is."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec
import numpy as np

from zcbench.bench.results import Cell

CONFIDENCE = 0.95
FEWEST = 5  # rounds for an interval: the bootstrap of fewer is too narrow (B. Efron, 1987)
_RESAMPLES = 2000


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """The median over the rounds, and its bootstrap interval (percentiles, 95 %); None with fewer rounds than
    :data:`FEWEST`."""

    median: float
    low: float | None
    high: float | None


def times_ns(cell: Cell) -> list[float]:
    """Time for a packet in each round in which it was measured."""
    return [one.wall_ns for one in cell.rounds if one is not None]


def ratio(cell: Cell, base: Cell | None) -> Ratio | None:
    """The time of ``cell`` over that of ``base``, both of the same setting; None if no round has both."""
    if base is None:
        return None
    pairs = zip(cell.rounds, base.rounds, strict=False)
    found = [a.wall_ns / b.wall_ns for a, b in pairs if a is not None and b is not None]
    return summary(found)


def summary(values: Sequence[float], seed: int = 1) -> Ratio | None:
    """Median and interval of ``values``; None if there are none."""
    if not values:
        return None
    middle = statistics.median(values)
    if len(values) < FEWEST:
        return Ratio(median=middle, low=None, high=None)
    if min(values) == max(values):
        return Ratio(median=middle, low=middle, high=middle)
    from scipy.stats import bootstrap

    interval = bootstrap(
        (np.array(values),),
        np.median,
        confidence_level=CONFIDENCE,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Ratio(median=middle, low=float(interval.low), high=float(interval.high))
