"""Does a counter of bytes grow? The rule for counters that are exact.

End minus start, least squares and rank tests call healthy heaps leaking on a fifth to a third of 5-minute
windows: garbage piles up, caches fill, an engine compiles. So growth is called a leak only where neither
noise that remembers nor a warm-up of any plausible length explains it, and its absence is only told below a
limit that the answer states (docs/verdict.md has the rule, docs/memory-measured.md how often it errs).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.trend.answer import Step, Trend, Window
from zcbench.analysis.trend.growing import FEWEST_CELLS, Growing, clearest, growing, step_in
from zcbench.analysis.trend.staircase import staircase
from zcbench.analysis.trend.views import Readings, View, views

FAIL_ALPHA = 0.002  # of the straight line, for all counters of a run together: Bonferroni's share each
SHORTEST_PASS_S = 60.0  # of run: 30 s hold no settled half long enough for a byte counter
# Readings come at intervals: those of a run of 60 s span a second or two less.
SLACK_SHARE = 0.05
LEAST_PASS_S = (1 - SLACK_SHARE) * SHORTEST_PASS_S  # between the first reading and the last
# Below five minutes, a warm-up and a leak are told apart by a straight line alone.
WARM_UP_S = 300.0
SHORTEST_WARM_UP_S = (1 - SLACK_SHARE) * WARM_UP_S
# Or by how little of the growth a warm-up could explain: of healthy ones in 30 s to 4 min, 13 % or more.
SHARE_SURE = 0.95  # of the last half's slope
DEFAULT_LIMIT = 3.0  # times the budget: the largest growth that a pass may leave open
LARGEST_STEP_BYTES = 2.25 * 2**20  # two of malloc's or pymalloc's 1 MiB arenas, with what they hold besides
STEP_NOT_AFTER = 2 / 3  # of the run: a later step could be the first of many
LONGEST_GAP = 1 / 4  # of the run, between two usable readings, or one and an end
CUT = 1 / 3  # of a run that warmed up: its growth must be there in the rest, judged by itself
# Of the rest's line where compiled code is taken off. The whole run need not tell a warm-up from a leak then.
COLD_ALPHA = 0.02
_STEP = "a step too large or too late to set aside"
EVENTS = 3.0  # 95 % of Poisson's distributions of a mean of 3 hold one event or more


@dataclass(frozen=True)
class _Readings:
    """One counter, known readings only, of a run from ``start`` to ``stop`` (s)."""

    start: float
    stop: float
    times: Readings
    values: Readings
    settled: NDArray[np.bool_] | None

    def after(self, start: float) -> _Readings:
        """Those from ``start`` on."""
        late = self.times >= start
        marks = None if self.settled is None else self.settled[late]
        return _Readings(start, self.stop, self.times[late], self.values[late], marks)

    @property
    def length(self) -> float:
        """Seconds from the first to the last."""
        return float(self.times[-1] - self.times[0])

    @property
    def staircase(self) -> float:
        """What may leak between steps (units/s): of readings at collections, which are what is in use."""
        if self.settled is None:
            return 0.0
        return staircase(self.times[self.settled], self.values[self.settled], self.start, self.stop)

    @property
    def is_long(self) -> bool:
        """Whether they are of a run that is longer than warm-ups: readings at two dozen collections leave its
        first and last few per cent out."""
        return self.stop - self.start >= SHORTEST_WARM_UP_S

    def lacking(self) -> str | None:
        """Why nothing may be concluded from them; None if something may."""
        t = self.times if self.settled is None else self.times[self.settled]
        what = "readings" if self.settled is None else "collections"
        if t.size < FEWEST_CELLS:
            return f"too few {what}: {t.size} where {FEWEST_CELLS} are needed"
        gaps = np.diff(np.concatenate([[self.start], t, [self.stop]]))
        if gaps.max() > LONGEST_GAP * (self.stop - self.start):
            return f"too few {what}: {gaps.max():,.0f} s lie between two of them"
        return None


@dataclass(frozen=True)
class _Judged:
    """What readings show: with the step, if there is one, and for a fall without it as well."""

    view: View
    step: Step | None
    shown: Growing
    all: tuple[Growing, ...]

    def fails(self, budget: float) -> bool:
        """Whether growth beyond ``budget`` is sure."""
        return all(one.low > budget and not one.slowing for one in self.all)

    def window(self, unit: float, fails: bool) -> Window:
        """The stretch that the answer rests on: all of it, or the last half if that is clearer."""
        whole = self.shown.straight and (fails or not self.shown.half_clearer)
        return _window(self.view, self.shown, self.step, unit, whole=whole)


def trend(
    times: Readings,
    values: Readings,
    *,
    budget: float,
    resolution: float,
    collected: NDArray[np.bool_] | None = None,
    counters: int = 1,
    limit: float = DEFAULT_LIMIT,
    in_flight: Readings | None = None,
    unit: float = 0.0,
    cold: bool = False,
) -> Trend:
    """Judge one exact counter.

    ``times`` rise; ``budget`` is the growth (units/s) that does not matter, ``limit`` how many budgets of it
    a pass may leave open. ``resolution`` is how exactly the counter is read, ``unit`` the least by which it can
    leak (a packet). ``collected`` marks the readings made right after a full garbage collection: with it, only
    those count. ``in_flight`` are units known to be in use at each reading; they are taken off where that
    makes the counter quieter. ``counters`` share FAIL_ALPHA. ``cold`` says that what a runtime compiles is
    taken off already: growth that lasts beyond the first third is enough.
    """
    readings = _prepared(times, values, collected, in_flight)
    if readings.times.size < FEWEST_CELLS:
        return Trend("inconclusive", _too_few(readings.times.size), None)
    alpha = FAIL_ALPHA / counters
    lacking = readings.lacking()
    if lacking is not None:
        return _unjudged(readings, lacking, budget, resolution, alpha, unit)
    judged = _judge(readings, budget, resolution, alpha)
    fails = judged.fails(budget)
    window = judged.window(unit, fails)
    if judged.shown.straight:
        if fails:
            return Trend("fail", "growing steadily", window, rising=True)
        return _unless_failed(judged, window, budget, limit, readings, fails)
    # It warmed up: what is left without its first third must grow as well, where that can be judged.
    rest = readings.after(readings.start + CUT * (readings.stop - readings.start))
    later = (
        None if rest.lacking() is not None else _judge(rest, budget, resolution, COLD_ALPHA if cold else alpha)
    )
    lasting = fails if later is None else later.fails(budget)
    enough = later is not None and (cold or later.shown.straight)
    sure = all(one.low > SHARE_SURE * one.half_slope for one in judged.all)
    if lasting and (enough or (fails and (sure or readings.is_long))):
        window = window if later is None else later.window(unit, fails=True)
        return Trend("fail", "growing steadily", window, rising=True)
    rising = fails and not readings.is_long
    return _unless_failed(judged, window, budget, limit, readings, rising)


def _too_few(readings: int) -> str:
    return f"{readings} reading{' is' if readings == 1 else 's are'} too few"


def _unjudged(
    readings: _Readings, lacking: str, budget: float, resolution: float, alpha: float, unit: float
) -> Trend:
    """Not to judge by, but to say what could have been seen: of every reading, and no step, since a fall may
    be a collection nobody told of."""
    every = clearest(views(readings.times, readings.values, None), resolution)
    shown = growing(every, budget, resolution, alpha, None)
    window = _window(every, shown, None, unit, whole=shown.straight)
    return Trend("inconclusive", lacking, replace(window, unjudged=lacking))


def _unless_failed(
    judged: _Judged, window: Window, budget: float, limit: float, readings: _Readings, rising: bool
) -> Trend:
    """A pass, or why not; first answer wins."""
    shown, most, length = judged.shown, limit * budget, readings.length

    def unknown(why: str) -> Trend:
        return Trend("inconclusive", why, window, rising=rising)

    if rising:
        return unknown(f"growing, but a run below {WARM_UP_S:.0f} s cannot tell a leak from a warm-up")
    if shown.half_slope <= -most:
        return unknown("falling: a leak could hide in it")
    if window.high >= most or shown.half_slope >= most:
        warming = not shown.straight and shown.half_slope > budget
        return unknown("still warming up: growth is slowing" if warming else "noise hides the limit")
    if length < LEAST_PASS_S:
        return unknown(f"a run below {SHORTEST_PASS_S:.0f} s cannot show the absence of a leak")
    step, times = judged.step, judged.view.times
    late = float(times[0]) + STEP_NOT_AFTER * length
    if step is not None and (abs(step.size) > LARGEST_STEP_BYTES or step.at_s > late):
        return unknown(_STEP)
    if readings.staircase >= most:
        return unknown(_STEP)
    return Trend("pass", "flat", window)


def _prepared(
    times: Readings,
    values: Readings,
    collected: NDArray[np.bool_] | None,
    in_flight: Readings | None,
) -> _Readings:
    timed = times[np.isfinite(times)]
    if not timed.size:
        return _Readings(0.0, 0.0, timed, timed, None)
    start, stop = float(timed.min()), float(timed.max())
    marks = np.ones(times.shape, bool) if collected is None else collected
    known = _distinct(times, np.isfinite(values) & np.isfinite(times), marks)
    if in_flight is not None:
        rest = values - in_flight
        use = np.isfinite(rest) & known & marks
        quieter = use.sum() >= FEWEST_CELLS and np.diff(rest[use]).std() < np.diff(values[use]).std()
        if quieter:
            values, known = rest, known & np.isfinite(rest)
    return _Readings(start, stop, times[known], values[known], None if collected is None else marks[known])


def _distinct(times: Readings, known: NDArray[np.bool_], marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``known``, without all but one of the readings at one time: the marked one stays, else the first."""
    at = np.flatnonzero(known)
    at = at[np.lexsort((~marks[at], times[at]))]
    out = np.zeros(times.shape, bool)
    out[at[np.unique(times[at], return_index=True)[1]]] = True
    return out


def _judge(readings: _Readings, budget: float, resolution: float, alpha: float) -> _Judged:
    view = clearest(views(readings.times, readings.values, readings.settled), resolution)
    step = step_in(view, budget)
    shown = growing(view, budget, resolution, alpha, step)
    if step is None or step.size > 0:
        return _Judged(view, step, shown, (shown,))
    return _Judged(view, step, shown, (shown, growing(view, budget, resolution, alpha, None)))


def _window(view: View, shown: Growing, step: Step | None, unit: float, *, whole: bool) -> Window:
    start, stop = float(view.times[0]), float(view.times[-1])
    half = (start + stop) / 2
    return Window(
        start_s=start if whole else half,
        stop_s=stop,
        blocks=view.times.size if whole else int((view.times >= half).sum()),
        slope=shown.slope if whole else shown.half_slope,
        standard_error=shown.error if whole else shown.half_error,
        low=shown.low,
        high=shown.high,
        slowing=shown.slowing,
        step=step if whole or (step is not None and step.at_s > half) else None,
        smallest_seen=max(shown.smallest_seen, EVENTS * unit / (stop - start)),
    )
