"""One memory counter as the trend reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Readings = NDArray[np.float64]
CounterKind = Literal["exact", "pages"]


@dataclass(frozen=True)
class Counter:
    """``values`` in bytes at ``times`` (s), shape (readings,).

    ``kind`` "exact" decides; "pages" (RSS, USS) may fail a run and never passes one. ``collected`` marks
    readings right after a full collection, for a counter that the garbage collector manages.
    """

    name: str
    kind: CounterKind
    resolution: float
    times: Readings
    values: Readings
    collected: NDArray[np.bool_] | None = None
    column: str | None = None  # of the samples, where it is one
    # Of blocks whose sizes are not known ``values`` are the most bytes they may hold; this share, the least.
    least_share: float = 1.0
    unit: float = 0.0  # the least it can leak, where that is more than the resolution: a packet
    bounded: bool = True  # False: blocks may be larger than any that ``values`` allow for
    is_judged: bool = True  # False: its trend is told, and decides nothing
    garbage_bytes: float = 0.0  # of pages: so much of their growth a runtime may just not have collected yet
    # ``values`` without all that may be no leak, shape (readings,): where these do not grow, none does.
    least: Readings | None = None
    # Of pages: the bytes that exact counters account for, where they are others than the whole run's.
    explained: Readings | None = None
