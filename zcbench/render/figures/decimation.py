"""Long series made short enough to draw, without losing an extreme or closing a gap.

M4 keeps, for each column of pixels, the first, the last, the lowest and the highest reading, which is all that
a line drawn there can show (Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", PVLDB
7(10), 2014).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

POINTS = 1200  # of a drawn line: 300 columns of 4, at the figures' 720 pixels a column is 2.4 wide
MOST_GAPS = 100  # whose edges are kept beside them, the widest first
# A gauge that is read now and then is no row of gaps: a gap is half as long again as what is usual.
GAP_RATIO = 1.5


def decimate(times: Series, values: Series, points: int = POINTS) -> tuple[Series, Series]:
    """At most ``points`` (8 or more) + 3 * MOST_GAPS of the readings, the extremes among them.

    A gap stays one NaN. ``times`` rise, shape (readings,) as ``values``; NaN is no reading.
    """
    known = np.flatnonzero(np.isfinite(values) & np.isfinite(times))
    x = np.ascontiguousarray(times[known], dtype=np.float64)
    y = np.ascontiguousarray(values[known], dtype=np.float64)
    before_gap = _gaps(known)
    kept = np.arange(known.size) if known.size <= points else _m4(x, y, points)
    kept = np.union1d(kept, np.concatenate([before_gap, before_gap + 1]))
    after = np.searchsorted(kept, before_gap) + 1  # where in the kept ones a gap goes
    return (
        np.insert(x[kept], after, (x[before_gap] + x[before_gap + 1]) / 2 if x.size else []),
        np.insert(y[kept], after, np.nan),
    )


def _gaps(known: NDArray[np.intp]) -> NDArray[np.intp]:
    """Index (in ``known``, the rows with a reading) of the last reading before each gap, the widest of them."""
    steps = np.diff(known)
    if not steps.size:
        return np.empty(0, dtype=np.intp)
    wide = np.flatnonzero(steps > GAP_RATIO * np.median(steps))
    widest = wide[np.argsort(steps[wide], kind="stable")[::-1][:MOST_GAPS]]
    return np.sort(widest)


def _m4(x: Series, y: Series, points: int) -> NDArray[np.intp]:
    """Index of the first, last, lowest and highest reading of each of ``points // 4`` equal stretches of x."""
    columns = points // 4
    column = np.minimum((x - x[0]) * (columns / (x[-1] - x[0])), columns - 1).astype(np.intp)
    # Where each column that has readings begins.
    first = np.flatnonzero(np.diff(column, prepend=-1))
    last = np.append(first[1:], x.size) - 1
    # By column, then by value: the ends of each column's stretch are its extremes.
    order = np.lexsort((y, column))
    return np.unique(np.concatenate([first, last, order[first], order[last]]))


def thin(times: Series, span: float, columns: int = POINTS // 4) -> Series:
    """The first of ``times`` in each column of pixels of ``span``: marks that would lie on one another."""
    if not times.size or not span:
        return times
    _, first = np.unique(np.floor(times / span * columns), return_index=True)
    return times[first]
