"""The few statistics that judging every run needs, by their closed forms.

scipy has each of them, but importing ``scipy.special`` alone takes as long as the report of a short run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

_QUARTILE = 0.6744897501960817  # of the standard normal: what its median absolute deviation is
MOST_STEPS = 100
EXACT = 1e-14  # of a value: a step as small ends a search
_TWO_SIDED_95 = 1.959963984540054  # its quantile of 97.5 %


@dataclass(frozen=True)
class Student:
    """Student's distribution with ``free`` degrees of freedom, a whole number: then it is a finite sum.

    Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """

    free: int

    def below(self, t: Series) -> Series:
        """The probability of a value below ``t``, of any shape."""
        angle = np.arctan(t / math.sqrt(self.free))
        cos, sin = np.cos(angle), np.sin(angle)
        powers, factors = _terms(self.free)
        series = (cos[..., None] ** powers) @ factors
        inside = sin * series if self.free % 2 == 0 else 2 / math.pi * (angle + sin * series)
        return np.asarray(0.5 + 0.5 * inside)

    def density(self, t: Series) -> Series:
        """The density at ``t``, of any shape."""
        n = self.free
        log_scale = math.lgamma((n + 1) / 2) - math.lgamma(n / 2) - 0.5 * math.log(n * math.pi)
        return np.asarray(np.exp(log_scale - (n + 1) / 2 * np.log1p(t**2 / n)))

    def quantile(self, probability: float) -> float:
        """The value that a share ``probability`` lies below, of at least 1e-12 and at most 1 - 1e-12. Raises
        ValueError without a degree of freedom: no value would do."""
        if self.free < 1:
            raise ValueError(f"Student's distribution with {self.free} degrees of freedom")
        return _quantile(self.free, probability)


@lru_cache(maxsize=256)
def _terms(free: int) -> tuple[Series, Series]:
    """The powers of the cosine in the sum for ``free`` degrees of freedom, and their factors."""
    powers = np.arange(free % 2, free - 1, 2, dtype=np.float64)
    ratios = np.ones(powers.size)
    ratios[1:] = (powers[1:] - 1) / powers[1:]
    return powers, np.asarray(np.cumprod(ratios), dtype=np.float64)


@lru_cache(maxsize=256)
def _quantile(free: int, probability: float) -> float:
    if probability < 0.5:
        return -_quantile(free, 1 - probability)
    student, high = Student(free), np.array(1.0)
    while student.below(high) < probability:
        high *= 2

    def at(t: float) -> tuple[float, float]:
        return float(student.below(np.array(t))), float(student.density(np.array(t)))

    return crossing(at, probability, 0.0, float(high))


def crossing(at: Callable[[float], tuple[float, float]], wanted: float, low: float, high: float) -> float:
    """Where a rising function between ``low`` and ``high`` is ``wanted``; ``at`` gives its value and slope.

    Newton's steps, and halvings where a step would leave what is left of the interval.
    """
    if low == high:
        return low
    x = (low + high) / 2
    for _ in range(MOST_STEPS):
        value, slope = at(x)
        low, high = (x, high) if value < wanted else (low, x)
        step = (wanted - value) / slope if slope > 0 else math.inf
        after = x + step if low < x + step < high else (low + high) / 2
        if after == x or abs(after - x) <= EXACT * max(abs(after), abs(x)):
            return after
        x = after
    return x


def line(x: Series, y: Series) -> tuple[float, float]:
    """Slope and intercept of the least squares line through points, shape (points,), not all at one x."""
    away = x - x.mean()
    slope = float(away @ (y - y.mean()) / (away @ away))
    return slope, float(y.mean() - slope * x.mean())


def deviation(values: Series) -> float:
    """The median absolute deviation, scaled to be the standard deviation of what is normal."""
    return float(np.median(np.abs(values - np.median(values)))) / _QUARTILE


@dataclass(frozen=True)
class SenSlope:
    """The median slope of all pairs of points, with its 95 % interval; NaN where no two points differ in x.

    Sen, Estimates of the regression coefficient based on Kendall's tau, 1968; the interval is by its (2.6).
    """

    slope: float
    intercept: float
    low: float
    high: float


def sen_slope(x: Series, y: Series) -> SenSlope:
    """Theil and Sen's line through points of shape (points,)."""
    first, second = np.triu_indices(x.size, 1)
    run = x[second] - x[first]
    use = run != 0
    slopes = np.sort((y[second] - y[first])[use] / run[use])
    if not slopes.size:
        nan = float("nan")
        return SenSlope(nan, nan, nan, nan)
    slope = float(np.median(slopes))
    squared = (_pairs(np.array([x.size])) - _pairs(_ties(x)) - _pairs(_ties(y))) / 18
    reach = _TWO_SIDED_95 * np.sqrt(max(squared, 0.0))
    low = max(round((slopes.size - reach) / 2) - 1, 0)
    high = min(round((slopes.size + reach) / 2), slopes.size - 1)
    return SenSlope(slope, float(np.median(y) - slope * np.median(x)), float(slopes[low]), float(slopes[high]))


def kendall_tau(values: Series) -> float:
    """Kendall's tau-b of ``values``, shape (values,), against their order; NaN if all are alike."""
    first, second = np.triu_indices(values.size, 1)
    rises = np.sign(values[second] - values[first])
    pairs = rises.size
    return float(rises.sum() / np.sqrt(pairs * np.count_nonzero(rises))) if rises.any() else float("nan")


def _ties(values: Series) -> NDArray[np.int64]:
    """How often each value occurs that occurs more than once."""
    _, counts = np.unique(values, return_counts=True)
    return np.asarray(counts[counts > 1], dtype=np.int64)


def _pairs(counts: NDArray[np.int64]) -> float:
    return float(np.sum(counts * (counts - 1) * (2 * counts + 5)))
