"""Which size class of Python's small objects grows, and how fast: half a diagnosis of a leak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.statistics import sen_slope
from zcbench.record.reader import Record
from zcbench.record.schema import Event, EventKind

DROPPED = 1 / 3  # of the readings' time: a warm-up fills caches and free lists
FEWEST_READINGS = 6
MOST_READINGS = 256  # the estimate looks at every pair of them


@dataclass(frozen=True)
class SizeClass:
    """Blocks of ``size`` bytes, more of them by ``blocks_per_s``. A block is an object with its header."""

    size: int
    blocks_per_s: float

    @property
    def bytes_per_s(self) -> float:
        """What they hold."""
        return self.size * self.blocks_per_s


def growing_classes(record: Record) -> list[SizeClass]:
    """The classes that grew beyond chance, the most bytes a second first; none without the readings.

    The slope is the median of those between all pairs of readings (Theil and Sen), each right after a full
    collection, so that one odd reading does not decide; its 95 % interval lies above 0.
    """
    events = _streaming(record)
    if len(events) < FEWEST_READINGS:
        return []
    times = np.array([event.elapsed_s for event in events])
    found = []
    for size in sorted({int(size) for event in events for size in event.data["blocks"]}):
        blocks = [event.data["blocks"].get(str(size), 0) for event in events]
        rate = steady_rise(times, np.array(blocks, dtype=np.float64))
        if rate > 0:
            found.append(SizeClass(size, rate))
    return sorted(found, key=lambda one: -one.bytes_per_s)


def steady_rise(times: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """The slope of ``values`` (shape (readings,)) a second, without their warm-up; 0 if it may be chance."""
    late = times >= times[0] + DROPPED * (times[-1] - times[0])
    times, values = times[late], values[late]
    if times.size < FEWEST_READINGS - 2 or times[-1] <= times[0]:
        return 0.0
    thinned = np.unique(np.linspace(0, times.size - 1, MOST_READINGS).round().astype(int))
    rise = sen_slope(times[thinned], values[thinned])
    return rise.slope if rise.low > 0 else 0.0


def _streaming(record: Record) -> list[Event]:
    """The readings made while packets flowed, oldest first."""
    draining = [e.elapsed_s for e in record.events if e.kind == EventKind.PHASE and e.message == "draining"]
    until_s = draining[0] if draining else float("inf")
    events = [event for event in record.events if event.kind == EventKind.SMALL_OBJECTS]
    return [event for event in events if event.elapsed_s <= until_s and event.data.get("blocks")]
