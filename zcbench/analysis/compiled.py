"""What a runtime that compiles as it runs gains by that: no leak, and told from one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.trend import Readings, Trend
from zcbench.analysis.trend.rule import SHORTEST_WARM_UP_S, WARM_UP_S

# What a runtime that compiles as it runs gains in its heap and in malloc while it warms up: a healthy web
# service of Java's 0.3 MiB in a minute, as evenly as a leak; of Node's 0.4 in five.
WARMING_BYTES = 2 * 2**20
# Beside what V8 counts as code come literals, feedback and lists of what depends on it: 0.3 to 0.6 of it more
# (heap snapshots of Node 20, three in five minutes).
BESIDE_CODE = 0.6
ALIKE_BYTES = 64.0  # by which code may differ that is the same: an entry of a table
FEWEST_ALIKE = 6  # pairs of readings with the same code, for a usual rate
_WARMING = f"growing, but a run below {WARM_UP_S:.0f} s cannot tell a leak from a warm-up"
_CODE = "growing, and what compiled code needs may be all of it"


def unless_warming(found: Trend, length_s: float) -> Trend:
    """``found`` over ``length_s``; below five minutes, what a runtime that compiles as it runs gains is no leak
    unless it is much."""
    window = found.window
    if found.outcome != "fail" or window is None or length_s >= SHORTEST_WARM_UP_S:
        return found
    if window.slope * length_s >= WARMING_BYTES:
        return found
    return replace(found, outcome="inconclusive", why=_WARMING)


def least_growth(times: Readings, heap: Readings, code: Readings, marks: NDArray[np.bool_]) -> Readings:
    """The least that ``heap`` (bytes) has grown by without the ``code`` in it and what belongs to that, at
    ``marks``; NaN elsewhere. All have the shape (readings,).

    Between two marks with the same code the heap grew by itself. Where code came, so much of the growth is its
    own as brings the rest down to the usual rate between such marks, but no more than the code and BESIDE_CODE
    of it; where code went, the other way round.
    """
    at = np.flatnonzero(marks & np.isfinite(heap) & np.isfinite(code))
    least = np.full(heap.shape, np.nan)
    if not at.size:
        return least
    apart, grown, compiled = np.diff(times[at]), np.diff(heap[at]), np.diff(code[at])
    alike = np.abs(compiled) <= ALIKE_BYTES
    most = (1 + BESIDE_CODE) * compiled
    low, high = grown - np.maximum(most, 0.0), grown - np.minimum(most, 0.0)
    if alike.sum() >= FEWEST_ALIKE:
        usual = float(np.median(grown[alike] / apart[alike]))
        low = np.where(alike, grown, np.clip(usual * apart, low, high))
    least[at] = heap[at[0]] + np.concatenate([[0.0], np.cumsum(low)])
    return least


def unless_code(most: Trend, least: Trend) -> Trend:
    """``most``, the trend of a heap without its code, beside the ``least`` that it may have grown by without
    all that belongs to code: a leak shows in both."""
    shown, beside = least.window, most.window
    if least.outcome == "fail" and shown and beside and beside.slope >= shown.slope / 2:
        return least
    return replace(most, outcome="inconclusive", why=_CODE) if most.outcome == "fail" else most
