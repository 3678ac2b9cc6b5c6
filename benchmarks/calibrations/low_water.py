"""The rule of low-water increments, which judged memory before zcbench/analysis/trend: to compare with.

End minus start, least squares and rank tests call healthy allocators leaking on a fifth to a third of settled
5-minute windows (docs/verdict.md has the measurements). What holds is the lowest reading of each of 12
equal blocks: garbage, bursts and sawteeth lie above it, a leak lifts it. The increments between
neighbouring low-water marks are then few, honest numbers for Student's t: 11 of 12 blocks, into each of
which two collections fall (gc.every). Below 6, t at 0.998 is above 6 and nothing could be seen.

Everything here takes times in s and values in the counter's own unit ("units"), as float64 arrays of
shape (readings,), and is pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported at their first use, which a short run does not reach
from numpy.typing import NDArray

from zcbench.analysis.trend import FEWEST_BLOCKS, Outcome, Readings, Step, Window, equal_blocks

# A warm-up of unknown length: the run without its first tenth, third and half. A fail must hold in one
# and not be contradicted by the last, where a warm-up is longest over.
DROPPED = (0.1, 1 / 3, 1 / 2)
FAIL_ALPHA = 0.002  # for all counters of a run together: Bonferroni's share each
PASS_CONFIDENCE = 0.95
SHARE_CONTRADICTING = 0.5  # of the budget, that the last window's slope must still reach for a fail
SLOWING = 0.6  # the second half's mean increment over the first's, below which growth is dying away
OUTLYING_SD = 6.5  # an increment this far from the others is a step; Student's t rarely sees 6 by chance
LARGEST_STEP_BYTES = 2 * 2**20  # that a pass may set aside: two of malloc's or pymalloc's 1 MiB arenas
STEP_NOT_AFTER = 2 / 3  # of the run: a later step could be the first of many
SHORTEST_PASS_S = 60.0  # of run: 30 s hold no settled half long enough for a byte counter
SHORTEST_PAGES_FAIL_S = 120.0  # RSS moves in jumps of many pages while a process settles
POWER_FACTOR = 2.0  # the plain formula was optimistic by up to 2 on held-out series


@dataclass(frozen=True)
class Trend:
    """The answer for one counter: ``window`` is the one the answer rests on, None without enough readings."""

    outcome: Outcome
    why: str
    window: Window | None
    windows: tuple[Window, ...] = ()


def trend(
    times: Readings,
    values: Readings,
    *,
    budget: float,
    resolution: float,
    collected: NDArray[np.bool_] | None = None,
    pages: bool = False,
    counters: int = 1,
) -> Trend:
    """Judge one counter.

    ``times`` rise; ``budget`` is the growth (units/s) that does not matter; ``resolution`` the counter's
    smallest step. ``collected`` marks the readings made right after a full garbage collection: with it,
    only those are used, and every block must hold one. ``pages`` is for RSS and USS, which allocators keep
    and scatter: such a counter may fail and never passes. ``counters`` share FAIL_ALPHA.
    """
    known = np.isfinite(values) & np.isfinite(times)
    if known.sum() < FEWEST_BLOCKS:
        return Trend("inconclusive", f"{int(known.sum())} readings are too few", None)
    first, last = float(times[known][0]), float(times[known][-1])
    use = known if collected is None else known & collected
    alpha = FAIL_ALPHA / counters
    windows = []
    for dropped in DROPPED:
        start = first + dropped * (last - first)
        found = _window(times, values, use, start, last, budget, resolution, alpha)
        if found is None and collected is not None:
            # Not to judge by, but to say what could have been seen.
            found = _window(times, values, known, start, last, budget, resolution, alpha,
                            unjudged="too few collections: not every block holds one")  # fmt: skip
        if found is not None:
            windows.append(found)
    if not windows:
        return Trend("inconclusive", "the readings do not fill 6 blocks", None)
    return _conclude(tuple(windows), last - first, budget, pages)


def _conclude(windows: tuple[Window, ...], run_s: float, budget: float, pages: bool) -> Trend:
    judged = [w for w in windows if w.unjudged is None]
    if not judged:
        # The one that could have seen least: a sawtooth shows its teeth only where the window holds some.
        widest = max(windows, key=lambda w: w.smallest_seen)
        return Trend("inconclusive", widest.unjudged or "", widest, windows)
    last = judged[-1]
    failing = [w for w in judged if w.low > budget and not w.slowing]
    if failing:
        if pages and run_s < SHORTEST_PAGES_FAIL_S:
            why = f"growing, but resident memory is not judged below {SHORTEST_PAGES_FAIL_S:.0f} s"
            return Trend("inconclusive", why, last, windows)
        if last.slope > SHARE_CONTRADICTING * budget:
            return Trend("fail", "growing steadily", failing[-1], windows)
        return Trend("inconclusive", "still warming up: it grew, then stopped", last, windows)
    if pages:
        return Trend("inconclusive", "resident memory can show a leak, not its absence",
                     _tightest(judged), windows)  # fmt: skip
    over = [w for w in judged if w.slope > budget]
    if over:
        slowing = all(w.slowing for w in over) or last.slope <= budget
        why = "still warming up: growth is slowing" if slowing else "noise hides what it does"
        return Trend("inconclusive", why, over[-1], windows)
    sound = [w for w in judged if w.high < budget and _may_set_aside(w, windows, run_s)]
    if run_s < SHORTEST_PASS_S:
        why = f"a run below {SHORTEST_PASS_S:.0f} s cannot show the absence of a leak"
        return Trend("inconclusive", why, _tightest(judged), windows)
    if sound:
        best = _tightest(sound)
        return Trend("pass", "flat", best, windows)
    if any(w.high < budget for w in judged):
        return Trend("inconclusive", "a step too large or too late to set aside", last, windows)
    return Trend("inconclusive", "noise hides the budget", _tightest(judged), windows)


def _tightest(windows: list[Window]) -> Window:
    return min(windows, key=lambda w: w.smallest_seen)


def _may_set_aside(window: Window, windows: tuple[Window, ...], run_s: float) -> bool:
    if window.step is None:
        return True
    latest = windows[0].stop_s - run_s * (1 - STEP_NOT_AFTER)
    return abs(window.step.size) <= LARGEST_STEP_BYTES and window.step.at_s <= latest


def _window(
    times: Readings,
    values: Readings,
    use: NDArray[np.bool_],
    start: float,
    stop: float,
    budget: float,
    resolution: float,
    alpha: float,
    unjudged: str | None = None,
) -> Window | None:
    inside = use & (times >= start)
    t, y = times[inside], values[inside]
    blocks = equal_blocks(t, start, stop)
    if blocks is None:
        return None
    count = int(blocks.max()) + 1
    length = (stop - start) / count
    # Two passes: the second reads the marks against the line of the first, from which a step is gone already.
    kept, step = _set_step_aside(_increments(t, y, blocks, count, length, 0.0), start, length)
    increments = _increments(t, y, blocks, count, length, float(kept.mean()))
    kept, step = _set_step_aside(increments, start, length)
    if unjudged is not None:  # a fall may be a collection nobody told of: the only one seen, and no step
        kept, step = increments, None
    mean, free = float(kept.mean()), kept.size - 1
    floor = resolution / (math.sqrt(count) * (stop - start))
    error = max(float(scipy.stats.sem(kept)), floor)
    t_fail, t_pass = (float(t) for t in scipy.stats.t.ppf([1 - alpha, PASS_CONFIDENCE], free))
    half = kept.size // 2
    early, late = float(kept[:half].mean()), float(kept[-half:].mean())
    return Window(
        start_s=start,
        stop_s=stop,
        blocks=count,
        slope=mean,
        standard_error=error,
        low=mean - t_fail * error,
        high=mean + t_pass * error,
        slowing=late < SLOWING * early,
        step=step,
        smallest_seen=POWER_FACTOR * (budget + (t_fail + t_pass) * error),
        unjudged=unjudged,
    )


def _increments(
    t: Readings, y: Readings, block: NDArray[np.intp], count: int, length: float, slope: float
) -> Readings:
    """Growth between neighbouring marks, units/s. A mark is a block's lowest reading against a line of
    ``slope``: of a rising counter, the lowest reading as such would always be the block's first."""
    marks = np.full(count, np.inf)
    np.minimum.at(marks, block, y - slope * t)
    return np.asarray(slope + np.diff(marks) / length)


def _set_step_aside(increments: Readings, start: float, length: float) -> tuple[Readings, Step | None]:
    worst = int(np.abs(increments - np.median(increments)).argmax())
    others = np.delete(increments, worst)
    spread = float(others.std(ddof=1))
    away = float(increments[worst] - others.mean())
    if others.size < FEWEST_BLOCKS - 2 or abs(away) <= OUTLYING_SD * max(spread, 1e-9):
        return increments, None
    return others, Step(start + (worst + 1) * length, away * length)
