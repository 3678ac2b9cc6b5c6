"""Where a series of runs changed its level: change points in a history of one metric. Pure: an array in.

PELT (R. Killick et al., J. Am. Stat. Assoc. 107, 2012; the library ruptures) proposes, a rank test confirms:
one odd run moves neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

Series = NDArray[np.float64]

FEWEST_RUNS = 5  # below, no split of the runs could be told from chance
MOST_RUNS = 1000  # the newest: the search takes time with the square of them, 2 s for 10,000
FEWEST_A_SIDE = 2
# BIC takes 2 to 3 log n for a change of the mean; 4 log n kept false alarms at 1 to 3 % of 400 histories of 20,
# 50 and 200 independent runs each (benchmarks/calibrations/changes.py).
PENALTY = 4.0
OUTLIER_DEVIATIONS = 4.0  # beyond the median of 5 neighbours: cut down to that
NEIGHBOURS = 5
RANK_ALPHA = 0.005  # Mann and Whitney's: two sides of 5 runs each cannot reach it
# Short histories: two sides that do not overlap at all, and means apart by Welch's test.
APART_ALPHA = 0.001
LEAST_CHANGE = 0.02  # of the larger level: less is no change that anybody would look for
LEAST_NOISE = 0.002  # of the level, of a series that stands still: its first move is not infinitely unlikely


@dataclass(frozen=True)
class Change:
    """The series has another level from index ``at`` on; ``before`` and ``after`` are the medians beside it."""

    at: int
    before: float
    after: float


def changes(values: Series) -> tuple[Change, ...]:
    """The changes of level in ``values``, shape (runs,), in time order; NaN is a run without a reading.

    None for fewer than 5 readings; of more than 1,000, the newest are looked at.
    """
    known = np.flatnonzero(np.isfinite(values))[-MOST_RUNS:]
    series = values[known]
    if series.size < FEWEST_RUNS:
        return ()
    edges = [0, *_proposed(series), series.size]
    while len(edges) > 2:
        # The least convincing goes first: the sides of the others grow.
        doubts = [_doubt(series[a:b], series[b:c]) for a, b, c in _sides(edges)]
        worst = int(np.argmax(doubts))
        if doubts[worst] <= 1.0:
            break
        edges.pop(worst + 1)
    return tuple(
        Change(int(known[b]), float(np.median(series[a:b])), float(np.median(series[b:c])))
        for a, b, c in _sides(edges)
    )


def _sides(edges: list[int]) -> list[tuple[int, int, int]]:
    return list(zip(edges, edges[1:], edges[2:], strict=False))


def _proposed(series: Series) -> list[int]:
    import ruptures

    noise = float(scipy.stats.median_abs_deviation(np.diff(series), scale="normal")) / np.sqrt(2)
    noise = max(noise, LEAST_NOISE * abs(float(np.median(series))))
    if noise == 0:  # it stands at 0 but for a few: in units of those
        noise = float(np.abs(series).max()) / OUTLIER_DEVIATIONS or 1.0
    level = (series - np.median(series)) / noise
    middle = scipy.ndimage.median_filter(level, NEIGHBOURS, mode="nearest")
    cut = np.clip(level, middle - OUTLIER_DEVIATIONS, middle + OUTLIER_DEVIATIONS)
    search = ruptures.KernelCPD(kernel="linear", min_size=FEWEST_A_SIDE).fit(cut[:, None])
    found = search.predict(pen=PENALTY * np.log(series.size))
    return [int(at) for at in found[:-1]]


def _doubt(before: Series, after: Series) -> float:
    """How doubtful a change is: above 1, too much so."""
    levels = abs(float(np.median(before))), abs(float(np.median(after)))
    difference = abs(float(np.median(after) - np.median(before)))
    if difference <= LEAST_CHANGE * max(levels):
        return np.inf
    doubt = float(scipy.stats.mannwhitneyu(before, after).pvalue) / RANK_ALPHA
    overlap = before.max() >= after.min() and after.max() >= before.min()
    if doubt > 1 and not overlap:
        doubt = min(doubt, _welch(before, after) / APART_ALPHA)
    return doubt


def _welch(before: Series, after: Series) -> float:
    """The probability of means so far apart; 0 of two sides that each stand still."""
    if not np.ptp(before) and not np.ptp(after):
        return 0.0
    return float(scipy.stats.ttest_ind(before, after, equal_var=False).pvalue)
