"""A run in up to twelve equal blocks of time: what one value each says of how steady a figure is.

Samples a second apart are no independent readings: a scheduler's mood lasts longer. The blocks are the memory
trend's (:func:`zcbench.analysis.trend.equal_blocks`), over the running stream without its start-up.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.stream import streaming
from zcbench.analysis.trend import equal_blocks
from zcbench.quantities.names import ELAPSED_S
from zcbench.record.reader import Record
from zcbench.scenario.tables import WARM_UP_SHARE

Series = NDArray[np.float64]
Reduce = Callable[[Series], float]

MOST_WARM_UP = 1 / 3  # of the stream: a scenario's warm-up may be meant for a longer run


def median(values: Series) -> float:
    """The middle value."""
    return float(np.median(values))


def lowest(values: Series) -> float:
    """The low-water mark: garbage, bursts and sawteeth lie above it."""
    return float(values.min())


def highest(values: Series) -> float:
    """The largest value."""
    return float(values.max())


def of_gauge(record: Record, values: Series, reduce: Reduce) -> Series:
    """``reduce`` of each block's readings of ``values``, shape (blocks,); empty with fewer than 6 blocks."""
    rows, block = _blocks(record, np.isfinite(values))
    kept = values[rows]
    return np.array([reduce(kept[block == i]) for i in range(_count(block))])


def of_quotient(record: Record, numerator: Series, denominator: Series) -> Series:
    """The rise of ``numerator`` over that of ``denominator`` in each block, shape (blocks,).

    Both are running totals. Blocks in which ``denominator`` stands still are left out.
    """
    rows, block = _blocks(record, np.isfinite(numerator) & np.isfinite(denominator))
    if not rows.size:
        return np.empty(0)
    # From the first reading of each block to the first of the next, so that nothing falls between two.
    edges = rows[np.append(np.flatnonzero(np.diff(block, prepend=-1)), rows.size - 1)]
    over, under = np.diff(numerator[edges]), np.diff(denominator[edges])
    return np.asarray(over[under > 0] / under[under > 0])


def dispersion(record: Record, column: str) -> float | None:
    """How many times more a counter's rises in the blocks vary than independent events would: the variance
    over the mean, at least 1 (quasi-Poisson). None if there are too few blocks to say."""
    events = record.samples[column]
    rows, block = _blocks(record, np.isfinite(events))
    if not rows.size:
        return None
    edges = rows[np.append(np.flatnonzero(np.diff(block, prepend=-1)), rows.size - 1)]
    rises = np.diff(events[edges])
    mean = float(rises.mean())
    return max(1.0, float(rises.var(ddof=1)) / mean) if mean > 0 else 1.0


def _blocks(record: Record, use: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows in use, and the block of each; both empty if they do not fill 6."""
    elapsed, running = record.samples[ELAPSED_S], streaming(record)
    times = elapsed[running]
    none = np.empty(0, np.intp)
    if not times.size:
        return none, none
    first, last = float(times[0]), float(times[-1])
    warm = max(WARM_UP_SHARE * (last - first), record.run.scenario.warmup - first)
    start = first + min(warm, MOST_WARM_UP * (last - first))
    rows = np.flatnonzero(running & use & (elapsed >= start))
    block = equal_blocks(elapsed[rows], start, last)
    return (none, none) if block is None else (rows, block)


def _count(block: NDArray[np.intp]) -> int:
    return int(block.max()) + 1 if block.size else 0
