"""Growth in few large steps: an array or a table that leaks doubles when it is full, and rests between."""

from __future__ import annotations

import numpy as np

from zcbench.analysis.trend.views import Readings

# Of the readings' time: what leaks evenly from the start, and doubles, does so again before twice the time of a
# step, so that an earlier one without another is none of a leak's. Less than half: it may have begun before.
EARLY = 0.47


def staircase(times: Readings, values: Readings, start: float, stop: float) -> float:
    """The largest leak, units/s, that may fill what one step has made: each as large as the step, all the time
    since. 0 if no step is left to explain.

    ``times`` rise from ``start`` to ``stop``. A step is what all later readings are above all earlier ones, so
    that noise has none. An array grows to 1.5 or 2 times its size, and as much as it grew must be filled before
    it grows again: rate * (stop - step's time) < step.
    """
    if values.size < 2:
        return 0.0
    before = np.maximum.accumulate(values)[:-1]
    after = np.minimum.accumulate(values[::-1])[::-1][1:]
    late = times[1:] > start + EARLY * (times[-1] - start)
    # It may have come right after the reading before.
    rates = np.where(late, after - before, 0.0) / (stop - times[:-1])
    return max(0.0, float(rates.max()))
