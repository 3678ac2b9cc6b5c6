"""Histograms of a page: buckets of 16 steps an octave (relative width at most 1/16), as in HdrHistogram with
4 significant bits: http://hdrhistogram.org. Values below 16 are exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.page.layout import BUCKETS
from zcbench.page.layout import bucket_of as bucket_of

WORDS = 4 + BUCKETS  # count, sum, largest, one reserved, then the buckets
PERCENTS = (50, 99)  # that a record has of each histogram


def bucket_bounds() -> NDArray[np.float64]:
    """Upper bound (inclusive) of every bucket in ns, shape (976,)."""
    bounds = np.arange(BUCKETS, dtype=np.float64)
    index = np.arange(16, BUCKETS)
    exponent, step = index // 16 + 3, index % 16
    bounds[16:] = np.ldexp(16.0 + step + 1, exponent - 4) - 1
    return bounds


@dataclass(frozen=True)
class Histogram:
    """A reading of one histogram: ``buckets`` has shape (976,), times are in ns."""

    count: int
    total_ns: int
    max_ns: int
    buckets: NDArray[np.uint64]

    @classmethod
    def empty(cls) -> Histogram:
        """A histogram in which nothing was counted."""
        return cls(0, 0, 0, np.zeros(BUCKETS, np.uint64))

    @classmethod
    def of_words(cls, words: NDArray[np.uint64]) -> Histogram:
        """A copy of a page's 980 ``words``."""
        return cls(int(words[0]), int(words[1]), int(words[2]), words[4:].copy())

    def percentile(self, percent: float) -> float | None:
        """The value (ns) at or below which ``percent`` of the readings lie; None without readings.

        It is the upper bound of a bucket, so at most 1/16 too high, and never above ``max_ns``.
        """
        total = int(self.buckets.sum())
        if total == 0:
            return None
        rank = max(1, int(np.ceil(percent / 100 * total)))
        index = min(int(np.searchsorted(np.cumsum(self.buckets), rank)), BUCKETS - 1)
        bound = float(bucket_bounds()[index])
        return min(bound, float(self.max_ns)) if self.max_ns else bound

    def since(self, earlier: Histogram) -> Histogram:
        """The readings made after ``earlier`` (``max_ns`` is then the top non-empty bucket's bound)."""
        buckets = self.buckets - earlier.buckets
        used = np.flatnonzero(buckets)
        top = min(int(bucket_bounds()[used[-1]]), self.max_ns) if used.size else 0
        return Histogram(self.count - earlier.count, self.total_ns - earlier.total_ns, top, buckets)

    def columns(self, name: str) -> dict[str, int | None]:
        """What a record has of the histogram ``name``, by the names of :func:`columns_of`; None without
        readings."""
        found = [None if (value := self.percentile(p)) is None else int(value) for p in PERCENTS]
        return dict(zip(columns_of(name), [*found, self.max_ns if self.count else None], strict=True))


def columns_of(name: str) -> tuple[str, ...]:
    """A histogram's columns: delivery_p50_ns, delivery_p99_ns, delivery_max_ns of delivery_ns."""
    short = name.removesuffix("_ns")
    return (*(f"{short}_p{percent}_ns" for percent in PERCENTS), f"{short}_max_ns")


def summed(histograms: Iterable[Histogram]) -> Histogram:
    """All their readings in one."""
    whole = Histogram.empty()
    for one in histograms:
        largest = max(whole.max_ns, one.max_ns)
        buckets = whole.buckets + one.buckets
        whole = Histogram(whole.count + one.count, whole.total_ns + one.total_ns, largest, buckets)
    return whole
