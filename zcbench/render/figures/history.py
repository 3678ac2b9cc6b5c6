"""A metric over many runs: a panel for each, a colour for each scenario, changes of level marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from zcbench.render.figures import theme
from zcbench.render.figures.figure import Axis, Figure, Key, Panel
from zcbench.render.figures.layers import Curve, Layer, Marks, Moments
from zcbench.render.figures.scales import Range, Series, Tick, round_ticks
from zcbench.render.figures.times import MOST_TICKS, STEPS_S
from zcbench.render.history import Story

HEIGHT = 110
_COLOURS = (theme.BLUE, theme.ORANGE, theme.GREEN, theme.PURPLE, theme.GREY)
_MARGIN = 0.05  # of the values' range, above and below
MOST_LETTERS = 12  # of a commit beside its change


def draw(told: Sequence[Story]) -> Figure | None:
    """Every metric that any run has a value of, over the runs in time order; None if there is none."""
    metrics = [series.metric for series in told[0].series]
    times = [_times(story) for story in told]
    shown = [at for at in range(len(metrics)) if any(np.isfinite(_values(s, at)).any() for s in told)]
    if not shown:
        return None
    x = _time_axis(np.concatenate(times))
    panels = [
        _panel(told, times, at, x if at == shown[-1] else Axis(x.across, x.ticks, shown=False)) for at in shown
    ]
    many = len(told) > 1
    keys = [Key(story.scenario, _colour(at)) for at, story in enumerate(told)] if many else []
    return Figure("history", "Runs over time", panels, timeline=False, legend=keys)


def _colour(at: int) -> str:
    return _COLOURS[at % len(_COLOURS)]


def _times(story: Story) -> Series:
    """When each run started, s."""
    starts = [datetime.fromisoformat(row.started_at).timestamp() for row in story.rows]
    return np.array(starts, dtype=np.float64)


def _values(story: Story, at: int) -> Series:
    factor, _ = story.series[at].metric.unit.axis
    known = [np.nan if value is None else value for value in story.series[at].values]
    return np.array(known, dtype=np.float64) * factor


def _panel(told: Sequence[Story], times: Sequence[Series], at: int, x: Axis) -> Panel:
    metric = told[0].series[at].metric
    layers: list[Layer] = []
    for number, (story, when) in enumerate(zip(told, times, strict=True)):
        values = _values(story, at)
        known = np.isfinite(values)
        layers.append(Curve(when[known], values[known], _colour(number), 1.2, opacity=0.6))
        layers.append(Marks(when, values, _colour(number), radius=2.4))
        changed = [change.at for change in story.series[at].changed]
        names = [(story.rows[run].commit or "?")[:MOST_LETTERS] for run in changed]
        layers.append(Moments(when[changed], theme.RED, 1.0, (4, 3), names=names))
    found = np.concatenate([_values(story, at) for story in told])
    found = found[np.isfinite(found)]
    low, high = float(found.min()), float(found.max())
    beside = _MARGIN * (high - low) or _MARGIN * abs(high) or 1.0
    across = Range(low - beside, high + beside)
    _, unit = metric.unit.axis
    return Panel(
        title=f"{metric.name}, {unit}",
        x=x,
        y=Axis(across, round_ticks(across), grid=True),
        layers=layers,
        height=HEIGHT,
    )


def _time_axis(times: Series) -> Axis:
    """Days and hours, UTC."""
    low, high = float(times.min()), float(times.max())
    beside = _MARGIN * (high - low) / 2 or 60.0
    across = Range(low - beside, high + beside)
    return Axis(across, _time_ticks(across), "started, UTC")


def _time_ticks(across: Range) -> list[Tick]:
    """Round times: the finest step that has few enough, then as it is written."""
    length = across.high - across.low
    step = next((s for s in STEPS_S if length / s <= MOST_TICKS), None)
    if step is None:
        step = STEPS_S[-1] * math.ceil(length / (STEPS_S[-1] * MOST_TICKS))
    form = "%Y-%m-%d" if step >= STEPS_S[-1] else "%d %b %H:%M" if step >= 60 else "%H:%M:%S"
    first = math.ceil(across.low / step)
    places = [n * step for n in range(first, math.floor(across.high / step) + 1)]
    return [(float(s), datetime.fromtimestamp(s, UTC).strftime(form)) for s in places]
