"""Does the memory of a function come to rest, that is read between its calls?

Such readings have no noise of the harness's: of a function that keeps nothing they are the same to the byte.
So what a run of seconds shows is told by the number of its calls, and not by how long it lasted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.growth import Growth, calls_per_s, growths
from zcbench.analysis.resources import staircase
from zcbench.analysis.trend import equal_blocks
from zcbench.record.reader import Record

# What other threads and the harness itself keep now and then is less.
BAND_BYTES = 1024
# What a leak has gained at least: in few calls a budget by time is a few hundred bytes, and an event loop's own
# bookkeeping was seen to gain 2 KiB in 500 calls, and no more.
LEAST_LEAK_BYTES = 4 * BAND_BYTES
# Of the readings of the stream, that must lie in the band at its end: what filled before was filled once.
SHORTEST_REST = 1 / 3
FEWEST_READINGS = 8
STEP_NOT_AFTER = 2 / 3  # of the run: see trend.rule
# Of the intervals between readings, that grow by at least half of their median, of what grows steadily.
STEADY_SHARE = 0.9
# Of the gain of the middle third of a run, that the last third gains at least: less is a warm-up.
LASTING = 0.5
# A call; a run that cannot see an empty dict left by each call has seen nothing.
MOST_UNSEEN_BYTES = 64.0
MOST_SLOWING_BYTES = 16.0  # of what still fills: less than the smallest object a call


@dataclass(frozen=True)
class Rest:
    """An exact counter at rest for the last ``calls`` calls: a leak of ``unseen_bytes`` a call or more would
    have shown."""

    name: str
    calls: float
    unseen_bytes: float


@dataclass(frozen=True)
class Stairs:
    """A counter whose lowest readings climb to the end in steps, by ``gained_bytes`` in all."""

    name: str
    gained_bytes: float


def at_rest(record: Record) -> list[Rest] | None:
    """How each exact counter came to rest; None if one of them did not, or nobody reads it between calls."""
    if not record.can("rest"):
        return None
    calls, exact = calls_per_s(record), _exact(record)
    found = [rest for growth in exact if (rest := _rest(growth, calls)) is not None]
    return found if found and len(found) == len(exact) else None


def leaks(growth: Growth) -> bool:
    """Whether a counter that is read at rest grows for certain: by its trend, or from reading to reading."""
    _, values = _known(growth)
    gained = float(values[-1] - values[0]) if values.size else 0.0
    if growth.counter.kind == "exact" and gained < LEAST_LEAK_BYTES:
        return False
    return growth.trend.outcome == "fail" or _grows_steadily(growth)


def _grows_steadily(growth: Growth) -> bool:
    """Whether it grows from nearly every reading to the next, to the end, and never falls by more than that."""
    _, values = _known(growth)
    if growth.counter.kind != "exact" or values.size < 3 * FEWEST_READINGS:
        return False
    third = values.size // 3
    steps = np.diff(values[third:])
    typical = float(np.median(steps))
    middle, last = values[-third] - values[third], values[-1] - values[-third]
    return bool(
        typical > 0
        and steps.min() > -typical
        and (steps >= typical / 2).mean() >= STEADY_SHARE
        and last >= LASTING * middle
        and last + middle > BAND_BYTES
    )


def stairs(record: Record) -> list[Stairs]:
    """Exact counters that climb in steps and never fall, of a subject that is read at rest; else none.

    A list that grows is enlarged by an eighth at a time: no line goes through that, and nobody who reads at
    rest may call it noise.
    """
    if not record.can("rest"):
        return []
    found = []
    for growth in _exact(record):
        times, values = _known(growth)
        if values.size and _climbs(times, values):
            found.append(Stairs(growth.counter.name, float(values[-1] - values[0])))
    return found


def _exact(record: Record) -> list[Growth]:
    return [one for one in growths(record) if one.counter.kind == "exact"]


def _known(growth: Growth) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = np.isfinite(growth.counter.values)
    return growth.counter.times[known], growth.counter.values[known]


def _climbs(times: NDArray[np.float64], values: NDArray[np.float64]) -> bool:
    blocks = equal_blocks(times, float(times[0]), float(times[-1]))
    if blocks is None:
        return False
    marks = np.array([values[blocks == block].min() for block in range(int(blocks.max()) + 1)])
    return staircase(marks, BAND_BYTES)


def _leaps_at_the_end(growth: Growth, values: NDArray[np.float64]) -> bool:
    """Whether two or more last readings are above all others, or a step is so late that more may follow."""
    late_readings = round((1 - STEP_NOT_AFTER) * values.size)
    if any(values[-n:].min() > values[:-n].max() + BAND_BYTES for n in range(2, late_readings)):
        return True
    window = growth.trend.window
    step = None if window is None else window.step
    late = float(growth.counter.times[0]) + STEP_NOT_AFTER * float(np.ptp(growth.counter.times))
    return step is not None and step.size > BAND_BYTES and step.at_s > late


def _rest(growth: Growth, calls_per_s: float) -> Rest | None:
    """The rest at the end, or readings that go up and down without a trend."""
    times, values = _known(growth)
    window = growth.trend.window
    if window is None or not calls_per_s or growth.trend.rising or _climbs(times, values):
        return None
    # The longest stretch to the end that lies in the band.
    high, low = np.maximum.accumulate(values[::-1]), np.minimum.accumulate(values[::-1])
    still = int((high - low <= BAND_BYTES).sum())
    if still >= max(FEWEST_READINGS, SHORTEST_REST * values.size):
        calls = float(times[-1] - times[values.size - still]) * calls_per_s
        unseen = BAND_BYTES / calls
    elif _leaps_at_the_end(growth, values):
        return None
    else:
        calls = window.length_s * calls_per_s
        # Growth is below its bound, and what falls may hide as much.
        unseen = (max(0.0, window.high) + max(0.0, -window.slope)) / calls_per_s
        if window.slowing and window.slope > 0 and unseen > MOST_SLOWING_BYTES:
            return None
    return Rest(growth.counter.name, calls, float(unseen)) if unseen <= MOST_UNSEEN_BYTES else None
