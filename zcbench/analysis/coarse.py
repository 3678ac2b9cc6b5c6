"""Readings in coarse steps: a log that prints whole MiB says nothing of what grows within one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.counter import Counter, Readings
from zcbench.analysis.trend import Trend

# What tools print: MiB and KiB, MB and kB, with up to two decimals. The largest that fits is the step.
_STEPS = tuple(
    sorted(unit / part for unit in (2**30, 10**9, 2**20, 10**6, 2**10, 10**3) for part in (1, 10, 100))
)[::-1]
_ROUNDED = 1.0  # bytes by which a reading may be off, as it was made a whole number of bytes
# One reading in so many is a multiple of a step by chance; as many that all are, is none.
FEWEST = 8


def step_of(values: Readings) -> float:
    """The step in bytes that all of ``values`` are multiples of; 1 where it is none that a tool prints in."""
    known = np.unique(values[np.isfinite(values) & (values != 0)])
    if not known.size:
        return 1.0
    for step in _STEPS:
        # A decimal of a byte is none; a step above the readings leaves nothing of them.
        if step >= FEWEST and np.all(np.abs(known - np.round(known / step) * step) <= _ROUNDED):
            return float(step)
    return 1.0


def unless_coarse(found: Trend, counter: Counter, life: NDArray[np.bool_], most: float) -> Trend:
    """``found`` in one life, with what a step of the readings may hide: so much more, over that life's length.

    A pass that this takes beyond ``most`` bytes/s is none.
    """
    step, window = step_of(counter.values), found.window
    if window is None or step <= counter.resolution:
        return found
    hidden = step / float(np.ptp(counter.times[life & np.isfinite(counter.values)]))
    window = replace(window, high=window.high + hidden, smallest_seen=window.smallest_seen + hidden)
    if found.outcome != "pass" or window.high < most:
        return replace(found, window=window)
    why = f"read in steps of {step:,.0f} bytes, which hide the limit"
    return replace(found, outcome="inconclusive", why=why, window=window)
