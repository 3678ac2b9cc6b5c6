"""The few statistics that judging every run needs, by their closed forms.

``scipy.stats`` has each of them, but takes longer to import than the report of a short run takes to make.
``scipy.special``, which the quantiles need, takes a third of that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

_QUARTILE = 0.6744897501960817  # of the standard normal: what its median absolute deviation is
_TWO_SIDED_95 = 1.959963984540054  # its quantile of 97.5 %


def t_quantile(probability: float, free: float) -> float:
    """The quantile of Student's distribution with ``free`` degrees of freedom."""
    import scipy.special

    return float(scipy.special.stdtrit(free, probability))


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
