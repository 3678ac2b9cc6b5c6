"""What resident memory did over a run, in words' terms: flat since when, rising, slowing, or up and down.

Pages say little about bytes: an allocator keeps what was freed. So this describes what was read; whether it is
a leak :mod:`zcbench.analysis.trend.pages` judges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.trend.pages import SETTLING_BYTES

Shape = Literal["flat", "rising", "slowing", "falling", "moving"]

FLAT_BYTES = 16 * 4096  # readings that stay within so much are flat: a few thread stacks and buffers
FLAT_SHARE = 0.01  # or within so much of the level, of a large process
# A flat stretch must end with the run, and be this share of it, to be what the run did.
LEAST_FLAT_SHARE = 0.25
# Rising slows where the last third adds less than this share of what the first third added.
SLOWING = 0.6
# Of all that it moved, what rising leaves as a rise from end to end.
MOSTLY = 0.5
# Of a steady rise two fifths lie in the second half of its parts; a rise that ends has less there.
LEAST_GOES_ON = 0.25
FEWEST = 6  # readings, below which nothing is said


@dataclass(frozen=True)
class Course:
    """``since_s`` is where the flat stretch begins, ``within`` the bytes it stays in, NaN where none is flat.

    ``rise`` are the bytes from the first reading to the last, ``early`` and ``late`` what of it lies in the
    first and the last third.
    """

    shape: Shape
    length_s: float
    rise: float
    early: float
    late: float
    since_s: float = float("nan")
    within: float = float("nan")
    level: float = float("nan")

    @property
    def flat_s(self) -> float:
        """How long the flat stretch is."""
        return self.length_s - self.since_s

    @property
    def seen_per_s(self) -> float:
        """The growth in bytes/s that would have shown there, beside what an allocator may have had free."""
        return (self.within + SETTLING_BYTES) / self.flat_s if self.flat_s else float("nan")


def course(times: NDArray[np.float64], values: NDArray[np.float64]) -> Course | None:
    """The course of ``values`` (bytes) at ``times`` (s), shape (readings,), NaN where missing."""
    known = np.isfinite(times) & np.isfinite(values)
    t, y = times[known] - (times[known][0] if known.any() else 0.0), values[known]
    length = float(t[-1]) if t.size else 0.0
    if t.size < FEWEST or not length:
        return None
    rise = float(y[-1] - y[0])
    third, two = np.interp([length / 3, 2 * length / 3], t, y)
    early, late = float(third - y[0]), float(y[-1] - two)
    since = _flat_since(t, y)
    climbs = since is not None and _climbs(y[since:])
    if since is not None and not climbs and length - t[since] >= LEAST_FLAT_SHARE * length:
        tail = y[since:]
        within, level = float(tail.max() - tail.min()), float(np.median(tail))
        return Course("flat", length, rise, early, late, float(t[since]), within, level)
    return Course(_shape(y, rise, early, late), length, rise, early, late)


def _flat_since(t: NDArray[np.float64], y: NDArray[np.float64]) -> int | None:
    """The first reading from which on all stay within the band; None if there are too few of them."""
    high = np.maximum.accumulate(y[::-1])[::-1]
    low = np.minimum.accumulate(y[::-1])[::-1]
    band = max(FLAT_BYTES, FLAT_SHARE * float(np.median(y)))
    flat = np.flatnonzero(high - low <= band)
    return int(flat[0]) if flat.size >= FEWEST else None


def _climbs(y: NDArray[np.float64]) -> bool:
    """Whether a stretch that stays within its band goes up all the same: each part's median above the last's or
    equal to it, most of what it moves in, beyond a few pages, and to the end."""
    parts = np.array([np.median(part) for part in np.array_split(y, FEWEST)])
    rise = float(parts[-1] - parts[0])
    goes_on = parts[-1] - parts[FEWEST // 2] >= LEAST_GOES_ON * rise
    most = rise > max(FLAT_BYTES, MOSTLY * float(y.max() - y.min()))
    return bool((np.diff(parts) >= 0).all()) and bool(goes_on) and most


def _shape(y: NDArray[np.float64], rise: float, early: float, late: float) -> Shape:
    moved = float(y.max() - y.min())
    if rise > MOSTLY * moved:
        return "slowing" if early > 0 and late < SLOWING * early else "rising"
    return "falling" if rise < -MOSTLY * moved else "moving"
