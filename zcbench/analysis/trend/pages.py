"""Does resident memory grow? Allocators keep pages and scatter them, so RSS and USS may fail and never pass.

What they show beyond the exact counters is what matters: mapped memory, a library's own arena.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zcbench.analysis.trend.answer import Trend
from zcbench.analysis.trend.rule import SLACK_SHARE, trend
from zcbench.analysis.trend.views import MOST_BLOCKS, Readings, equal_blocks

SHORTEST_PAGES_FAIL_S = 120.0  # RSS moves in jumps of many pages while a process settles
# Growth over the last half that healthy processes reach: 1.1 MiB was seen of CPython's in 2 minutes.
SETTLING_BYTES = 2 * 2**20
SETTLED_AFTER_S = 1800.0
SETTLED_BYTES = 256 * 2**10  # from half an hour on; with growth as even as below, 0.1 MiB was seen
# Where no exact counter explains any of it, a heap of V8 may lie behind: healthy ones that did not collect grew
# by 22 kB/s for 20 minutes, up to three semi-spaces of 16 MiB and a margin.
UNEXPLAINED_BYTES_PER_S = 24_000.0
MOST_UNEXPLAINED_BYTES = 64 * 2**20
# The rise of the last two twelfths over that of the seventh and eighth: growth that dies away is
# fragmentation, growth that comes in one leap at the end is a heap that was enlarged (V8: 6 and more).
SLOWEST, FASTEST = 0.6, 1 / 0.6


def pages_trend(
    times: Readings,
    resident: Readings,
    explained: Readings,
    *,
    budget: float,
    resolution: float,
    counters: int = 1,
    is_explained: bool | None = None,
) -> Trend:
    """Judge RSS or USS (``resident``, bytes): a fail, or inconclusive.

    ``explained`` are the bytes that exact counters account for at the same times (0 where none is). Growth
    counts only where ``resident`` grows, and by more than these do. ``is_explained`` says whether they account
    for most of the memory; by default, whether for any.
    """
    rest = resident - explained
    shown = trend(times, resident, budget=budget, resolution=resolution, counters=counters)
    if shown.window is None:
        return shown
    beyond = trend(times, rest, budget=budget, resolution=resolution, counters=counters)
    rising = shown.rising and beyond.rising and beyond.window is not None
    if not rising:
        why = "resident memory can show a leak, not its absence"
        return replace(shown, outcome="inconclusive", why=why, rising=False)
    known = np.isfinite(rest) & np.isfinite(times)
    t = times[known]
    length = float(t[-1] - t[0])
    if length < (1 - SLACK_SHARE) * SHORTEST_PAGES_FAIL_S:
        why = f"growing, but resident memory is not judged below {SHORTEST_PAGES_FAIL_S:.0f} s"
        return Trend("inconclusive", why, beyond.window, rising=True)
    if is_explained is None:
        is_explained = bool(np.any(explained > 0))
    least = _slack(length, is_explained) + budget * length / 2
    if all(_climbs(t, y[known], least) for y in (resident, rest)):
        return Trend("fail", "growing steadily", beyond.window, rising=True)
    why = "growing, but no more than pages that an allocator keeps"
    return Trend("inconclusive", why, beyond.window, rising=True)


def _slack(length: float, explained: bool) -> float:
    """Bytes by which a healthy process may grow over the last half of ``length`` s."""
    if not explained:
        growth = SETTLING_BYTES + UNEXPLAINED_BYTES_PER_S * length / 2
        return min(growth, MOST_UNEXPLAINED_BYTES)
    return SETTLED_BYTES if length >= (1 - SLACK_SHARE) * SETTLED_AFTER_S else SETTLING_BYTES


def _climbs(t: Readings, y: Readings, least: float) -> bool:
    """Whether the lowest readings of the last six twelfths rise evenly, by more than ``least`` in all."""
    blocks = equal_blocks(t, float(t[0]), float(t[-1]))
    if blocks is None or blocks.max() + 1 < MOST_BLOCKS:
        return False
    marks = np.full(MOST_BLOCKS, np.inf)
    np.minimum.at(marks, blocks, y)
    sixth, eighth, tenth, last = marks[[5, 7, 9, 11]]
    even = SLOWEST * (eighth - sixth) < last - tenth < FASTEST * (eighth - sixth)
    return bool(sixth < eighth < tenth < last and even and last - sixth > least)
