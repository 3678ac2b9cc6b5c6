"""Axes of times in seconds, in decades."""

from __future__ import annotations

import math

from zcbench.render.figures.lines import Range

# As units.format_duration writes them: "100 µs", "1 ms", "10 s".
SECONDS_LABEL = (
    "datum.value < 0.9999e-6 ? format(datum.value * 1e9, '.3~r') + ' ns' : "
    "datum.value < 0.9999e-3 ? format(datum.value * 1e6, '.3~r') + ' µs' : "
    "datum.value < 0.9999 ? format(datum.value * 1e3, '.3~r') + ' ms' : format(datum.value, ',.3~r') + ' s'"
)


def decades(across: Range) -> list[float]:
    """The powers of ten within ``across``, and 2 and 5 times each where there are fewer than three."""
    low, high = math.floor(math.log10(across.low)), math.ceil(math.log10(across.high))
    whole = [10.0**n for n in range(low, high + 1) if across.low <= 10.0**n <= across.high]
    if len(whole) >= 3:
        return whole
    finer = [m * 10.0**n for n in range(low, high + 1) for m in (1, 2, 5)]
    return [value for value in finer if across.low <= value <= across.high]
