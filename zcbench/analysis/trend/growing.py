"""What a line, a line behind a warm-up of any plausible length, and the last half say of a counter's growth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.trend.answer import Step
from zcbench.analysis.trend.fit import Fits, fits
from zcbench.analysis.trend.views import View

Array = NDArray[np.float64]

# A warm-up is 1 - exp(-t/tau). These are its tau over the window's length; beyond 1.5 windows a warm-up and
# a leak look alike, and only one of 450 s or less is allowed for: longer ones were not seen.
_WARM_UPS = (0.05, 0.08, 0.13, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.25, 1.5)
_SLOW_WARM_UPS = (2.0, 3.0, 4.5, 6.0)
LONGEST_WARM_UP_S = 450.0
VIEWING_WARM_UP = 0.2  # the one that views are compared by
PLAUSIBLE = 2.0  # log likelihood below the best: 95 % of chi-square with one degree of freedom is 1.92
WARM_UP_ALPHA = 0.1  # of each plausible warm-up, of which the least counts
HALF_ALPHA = 0.1  # of the last half
PASS_CONFIDENCE = 0.95
OUTLYING_SD = 6.5  # a change this far from the others is a step
STEP_SHARE = 0.25  # of what the budget allows over the window: a smaller one is no step worth a regressor
FEWEST_CELLS = 8
FEWEST_HALF_CELLS = 5  # of the last half: a line with a step leaves two free
SHARE_LASTING = 1 / 3  # of the last half's slope, that must be sure to last where a warm-up is


@dataclass(frozen=True)
class Growing:
    """Bounds of a counter's growth, units/s. ``low`` is the least of all lower bounds that a fail needs,
    ``high`` the upper bound that a pass needs (infinite without one)."""

    slope: float
    error: float
    low: float
    high: float
    half_slope: float
    half_error: float
    straight: bool  # a line without a warm-up is plausible
    half_clearer: bool  # the last half bounds growth closer than the whole does
    slowing: bool  # it is not, and little of the last half's growth is sure to last
    smallest_seen: float


def warm_ups(length_s: float) -> list[float]:
    """The taus (s) of warm-ups that a window of ``length_s`` allows for."""
    slow = [share * length_s for share in _SLOW_WARM_UPS]
    return [share * length_s for share in _WARM_UPS] + [s for s in slow if s <= LONGEST_WARM_UP_S]


def clearest(views: list[View], resolution: float) -> View:
    """The view whose slope is known best, a warm-up allowed for."""

    def error(view: View) -> float:
        warming = _warming(view.times, [VIEWING_WARM_UP * float(np.ptp(view.times))])
        return fits(view.times, view.values, resolution, _none(view), warming)[1].error

    return min((v for v in views if v.times.size >= FEWEST_CELLS), key=error)


def step_in(view: View, budget: float) -> Step | None:
    """The largest change between neighbouring cells, if it is unlike the others and large enough to matter."""
    changes = np.diff(view.values)
    at = int(np.abs(changes - np.median(changes)).argmax())
    others = np.delete(changes, at)
    away = float(changes[at] - others.mean())
    if abs(away) <= OUTLYING_SD * float(others.std(ddof=1)):
        return None
    if abs(away) <= budget * float(np.ptp(view.times)) * STEP_SHARE:
        return None
    return Step(float(view.times[at : at + 2].mean()), away)


def growing(view: View, budget: float, resolution: float, alpha: float, step: Step | None) -> Growing:
    """Bounds of ``view``'s growth, with ``step`` as a regressor if there is one. ``alpha`` is the line's."""
    t, y = view.times, view.values
    others = _none(view) if step is None else (t > step.at_s).astype(float)[:, None]
    line, *curves = fits(t, y, resolution, others, _warming(t, warm_ups(float(np.ptp(t)))))
    best = max(fit.likelihood for fit in (line, *curves))
    straight = best - line.likelihood <= PLAUSIBLE
    curves = [fit for fit in curves if best - fit.likelihood <= PLAUSIBLE]
    half = _last_half(view, resolution, step)
    lows = [
        line.mixed(alpha),
        *(fit.bound(WARM_UP_ALPHA) for fit in curves),
        half.mixed(HALF_ALPHA),
    ]
    highs = [
        line.mixed(PASS_CONFIDENCE),
        *(fit.bound(PASS_CONFIDENCE) for fit in curves),
        half.mixed(PASS_CONFIDENCE),
    ]
    needed = max(max(high - low, -low) for low, high in zip(lows, highs, strict=True))
    dying = max(0.0, half.slope / 3 - min(lows)) if not straight else 0.0
    return Growing(
        slope=line.slope,
        error=line.error,
        low=min(lows),
        high=_high(line, curves, half, straight),
        half_slope=half.slope,
        half_error=half.error,
        straight=straight,
        half_clearer=highs[-1] < highs[0],
        slowing=not straight and min(lows) <= SHARE_LASTING * half.slope,
        smallest_seen=max(budget + needed, 1.5 * dying),
    )


def _last_half(view: View, resolution: float, step: Step | None) -> Fits:
    t = view.times
    late = t >= (t[0] + t[-1]) / 2
    late[-FEWEST_HALF_CELLS:] = True
    t, y = t[late], view.values[late]
    others = np.empty((t.size, 0))
    if step is not None and t[1] < step.at_s < t[-2]:
        others = (t > step.at_s).astype(float)[:, None]
    return fits(t, y, resolution, others, np.empty((t.size, 0)))[0]


def _high(line: Fits, curves: list[Fits], half: Fits, straight: bool) -> float:
    ends = [half.mixed(PASS_CONFIDENCE)]
    if straight:
        ends.append(line.mixed(PASS_CONFIDENCE))
    elif all(fit.amplitude > 0 for fit in curves):
        ends.append(max(fit.bound(PASS_CONFIDENCE) for fit in curves))
    return min(ends)


def _none(view: View) -> Array:
    return np.empty((view.times.size, 0))


def _warming(t: Array, taus: list[float]) -> Array:
    return np.asarray(1 - np.exp(-(t - t[0])[:, None] / np.asarray(taus)))
