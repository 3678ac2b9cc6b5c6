"""The difference between two runs in one figure, with an interval. Pure: arrays and counts in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

Series = NDArray[np.float64]

MOST_CORRELATION = 0.8  # of neighbouring blocks; what 12 points show beyond that is a trend, not noise
MOST_FREE = 1e6  # degrees of freedom: the normal distribution, to all that is printed


@dataclass(frozen=True)
class Effect:
    """``base`` and ``new`` in the figure's unit, and the interval of their difference, new minus base."""

    base: float
    new: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """New minus base."""
        return self.new - self.base

    @property
    def excludes_zero(self) -> bool:
        """Whether chance is no explanation."""
        return self.low > 0 or self.high < 0


def of_means(base: Series, new: Series, run_to_run: float, alpha: float) -> Effect:
    """Welch's interval at 1 - ``alpha`` for the means of block values, each of shape (blocks,), 2 or more.

    ``run_to_run`` is the standard deviation between runs of one and the same thing, in the figure's unit: one
    run's blocks share its placement, its core, its neighbours, and know nothing of it. It is added to the
    variance of either mean (B. L. Welch, Biometrika 34, 1947, with a known part).
    """
    difference = float(new.mean() - base.mean())
    half = _half_width(base, new, 2 * run_to_run**2, alpha)
    return Effect(float(base.mean()), float(new.mean()), difference - half, difference + half)


def of_ratios(base: Series, new: Series, run_to_run: float, alpha: float) -> Effect:
    """As :func:`of_means` for values above 0 that spread in proportion to their size, as latencies do: by their
    logarithms, and said in the figure's own unit. ``run_to_run`` is relative; ``base`` and ``new`` become
    geometric means."""
    logs = np.log(base), np.log(new)
    ratio = float(logs[1].mean() - logs[0].mean())
    half = _half_width(*logs, 2 * run_to_run**2, alpha)
    middle = math.exp(float(logs[0].mean()))
    low, high = (middle * math.expm1(min(bound, 700)) for bound in (ratio - half, ratio + half))
    return Effect(middle, middle * math.exp(ratio), low, high)


def of_estimates(base: tuple[float, float, float], new: tuple[float, float, float], alpha: float) -> Effect:
    """Of two estimates, (value, standard error, degrees of freedom) each: Welch's interval."""
    parts = [(error**2, free) for _, error, free in (base, new)]
    difference, half = new[0] - base[0], _student(parts, 0.0, alpha)
    return Effect(base[0], new[0], difference - half, difference + half)


def of_counts(
    base: tuple[int, float],
    new: tuple[int, float],
    dispersion: float,
    alpha: float,
    run_to_run: float = 0.0,
) -> Effect:
    """Of two event rates: (events, packets) each; the rates are per packet.

    The exact Poisson interval of either (F. Garwood, Biometrika 28, 1936) joined by the method of variance
    estimates recovery (G. Y. Zou & A. Donner, Stat. Med. 27, 2008). Events in bursts count as ``dispersion``
    times fewer; ``run_to_run`` as in :func:`of_means`.
    """
    (low_b, rate_b, high_b), (low_n, rate_n, high_n) = (
        _poisson(*side, dispersion, alpha) for side in (base, new)
    )
    difference = rate_n - rate_b
    apart = float(scipy.stats.norm.isf(alpha / 2)) * math.sqrt(2) * run_to_run
    low = difference - math.hypot(rate_n - low_n, high_b - rate_b, apart)
    high = difference + math.hypot(high_n - rate_n, rate_b - low_b, apart)
    return Effect(rate_b, rate_n, low, high)


def _half_width(base: Series, new: Series, known: float, alpha: float) -> float:
    return _student([(_variance_of_mean(s), s.size - 1.0) for s in (base, new)], known, alpha)


def _student(parts: list[tuple[float, float]], known: float, alpha: float) -> float:
    """Half of the interval for variances, each with its degrees of freedom, and one that is known."""
    total = sum(part for part, _ in parts) + known
    if total == 0:
        return 0.0
    estimated = sum(part**2 / free for part, free in parts)
    # Rounding may leave a variance so small that its square is 0: then all of the variance is known.
    free = total**2 / estimated if estimated > 0 else math.inf
    return float(scipy.stats.t.isf(alpha / 2, min(free, MOST_FREE))) * math.sqrt(total)


def _variance_of_mean(values: Series) -> float:
    """Of the mean of ``values``, which may be correlated with their neighbours (AR(1))."""
    beside = values - values.mean()
    squares = float(np.sum(beside**2))
    if squares == 0:
        return 0.0
    r = float(np.sum(beside[1:] * beside[:-1])) / squares
    r = min(max(r, 0.0), MOST_CORRELATION)
    return squares / (values.size - 1) / values.size * (1 + r) / (1 - r)


def _poisson(events: int, packets: float, dispersion: float, alpha: float) -> tuple[float, float, float]:
    independent = events / dispersion
    low = float(scipy.stats.chi2.ppf(alpha / 2, 2 * independent)) / 2 if independent else 0.0
    high = float(scipy.stats.chi2.isf(alpha / 2, 2 * (independent + 1))) / 2
    return low * dispersion / packets, events / packets, high * dispersion / packets
