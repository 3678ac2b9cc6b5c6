"""Panels over the run's time: one axis of time for all, that pans and zooms as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import altair as alt
import numpy as np
from numpy.typing import NDArray

from zcbench.record.reader import Record
from zcbench.record.schema import Ending
from zcbench.render.figures import theme
from zcbench.render.figures.datasets import Datasets
from zcbench.render.figures.decimation import thin

Series = NDArray[np.float64]

SHORTEST_S = 10.0  # shown: Vega sets ticks below a second at odd places
LEAST_INTERVAL = 0.25  # of the usual one: a packet more or less in 5 ms is no rate
_MINUTES_SECONDS = (
    "floor(datum.value / 60000) + ':' + slice(format(100 + floor(datum.value / 1000) % 60, 'd'), 1)"
)
_MILLISECONDS = (
    " + (datum.value % 1000 ? '.' + slice(format(1000 + datum.value % 1000, 'd'), 1) : '')"
)
_HOURS_MINUTES_SECONDS = (
    "floor(datum.value / 3600000) + ':' + "
    "slice(format(100 + floor(datum.value / 60000) % 60, 'd'), 1) + "
    "(datum.value % 60000 ? ':' + slice(format(100 + floor(datum.value / 1000) % 60, 'd'), 1) : '')"
)


_DISTURBING = ("suspend", "interrupt")  # kinds of events


@dataclass(frozen=True)
class Panel:
    """One plotting area. ``layers`` are drawn in order; ``height`` in px."""

    title: str
    layers: Sequence[alt.Chart]
    subtitle: str = ""
    height: int = 120


def time_x(field: str = "t") -> alt.X:
    """``field`` (ms into the run) on the shared axis of time."""
    return alt.X(field, type="temporal", scale=alt.Scale(type="utc"))


def stack(record: Record, data: Datasets, panels: Sequence[Panel]) -> alt.VConcatChart:
    """``panels`` above one another over the whole run, the axis of time below the last.

    In each of them the warm-up is shaded, and where the run was disturbed or cut off there is a line.
    """
    axis_s = shown_s(record)
    names = [f"panel{number}" for number in range(len(panels))]
    drawn = [
        _panel(name, _framed(record, data, panel), axis_s, is_last=panel is panels[-1])
        for name, panel in zip(names, panels, strict=True)
    ]
    stacked: alt.VConcatChart = alt.vconcat(*drawn, spacing=14)
    stacked.resolve = alt.Resolve(scale=alt.ScaleResolveMap(x="shared"))
    return stacked


def end_of(record: Record) -> float:
    """When the run was over, s."""
    elapsed = record.samples["elapsed_s"]
    return float(elapsed[-1]) if elapsed.size else 0.0


def shown_s(record: Record) -> float:
    """How long the axis of time is, s."""
    return max(end_of(record), SHORTEST_S)


def _panel(
    name: str, panel: Panel, axis_s: float, *, is_last: bool
) -> alt.LayerChart | alt.FacetChart:
    hours = axis_s >= 3600
    title = f"time into the run ({'h:min:s' if hours else 'min:s'})"
    axis = alt.Axis(
        title=title if is_last else None,
        labels=is_last,
        labelExpr=(_HOURS_MINUTES_SECONDS if hours else _MINUTES_SECONDS) + _MILLISECONDS,
        labelOverlap=True,
        labelSeparation=6,
        tickCount=8,
    )
    scale = alt.Scale(type="utc", domain=alt.ExprRef(f"[0, {round(1000 * axis_s)}]"), nice=False)
    frame = (
        alt.Chart(alt.InlineData(values=[{"t": 0}]), name=name)
        .mark_point(opacity=0)
        .encode(x=alt.X("t", type="temporal", scale=scale, axis=axis))
    )
    return alt.layer(frame, *panel.layers).properties(
        width=theme.WIDTH,
        height=panel.height,
        title=alt.TitleParams(
            panel.title,
            subtitle=panel.subtitle,
            fontSize=12,
            subtitleFontSize=11,
            offset=4,
            frame="group",
        ),
    )


def shaded(data: Datasets, from_s: float, to_s: float, label: str) -> list[alt.Chart]:
    """A stretch of time in the background, with its name at its top."""
    row = data.add([{"t": round(from_s * 1000), "u": round(to_s * 1000), "name": label}])
    stretch = alt.Chart(row).encode(x=time_x(), x2="u")
    area = stretch.mark_rect(color=theme.SHADE, opacity=0.45, clip=True)
    name = alt.Chart(row).encode(x=time_x(), y=alt.value(4), text=alt.Text("name", type="nominal"))
    return [
        area,
        name.mark_text(
            align="left", baseline="top", dx=3, color=theme.FAINT_INK, fontSize=10, clip=True
        ),
    ]


def _framed(record: Record, data: Datasets, panel: Panel) -> Panel:
    seconds = min(record.run.scenario.warmup, end_of(record))
    behind = shaded(data, 0.0, seconds, "warm-up") if seconds > 0 else []
    return replace(panel, layers=[*behind, *panel.layers, *_disturbances(record, data)])


def _disturbances(record: Record, data: Datasets) -> list[alt.Chart]:
    """A named line at each of the events that explain what a figure shows, and at an end before time."""
    found = [(event.elapsed_s, event.kind) for event in record.events if event.kind in _DISTURBING]
    if (
        record.end.ending not in (Ending.FINISHED, Ending.UNKNOWN)
        and record.end.elapsed_s is not None
    ):
        found.append((record.end.elapsed_s, record.end.ending.value))
    half_s = shown_s(record) / 2
    early = [row for row in found if row[0] <= half_s]
    late = [row for row in found if row[0] > half_s]
    # Each name on the side where there is room.
    return _named_lines(data, early, "left", 4) + _named_lines(data, late, "right", -4)


def _named_lines(
    data: Datasets, moments: Sequence[tuple[float, str]], align: Literal["left", "right"], dx: int
) -> list[alt.Chart]:
    if not moments:
        return []
    rows = data.add([{"t": round(time_s * 1000), "name": name} for time_s, name in moments])
    line = alt.Chart(rows).encode(x=time_x())
    name = line.encode(y=alt.value(4), text=alt.Text("name", type="nominal"))
    return [
        line.mark_rule(color=theme.RED, strokeWidth=1.2, clip=True),
        name.mark_text(align=align, baseline="top", dx=dx, color=theme.RED, fontSize=11, clip=True),
    ]


def ticks(record: Record, data: Datasets, times_s: Series, height: int) -> list[alt.Chart]:
    """Short strokes along the bottom at ``times_s``, thinned where they would lie on one another."""
    if not times_s.size:
        return []
    kept = thin(times_s, end_of(record))
    rows = data.add([{"t": round(t * 1000)} for t in kept.tolist()])
    return [
        alt.Chart(rows)
        .mark_rule(color=theme.FAINT_INK, strokeWidth=1, clip=True)
        .encode(x=time_x(), y=alt.value(height - 7), y2=alt.value(height))
    ]


def rates(record: Record, columns: Iterable[str]) -> Series:
    """The increase per second of the sum of ``columns`` (totals) between samples; NaN where not known.

    Of an interval counts only what lies between the stream's beginning, when nothing was counted yet, and its
    end. What is left of the first and the last may be too short for a rate.
    """
    total = np.sum([record.samples[column] for column in columns], axis=0)
    began_s, ended_s = _stream_s(record)
    streamed = np.minimum(record.samples["elapsed_s"], ended_s)
    seconds = np.diff(streamed, prepend=began_s)
    usual = np.median(seconds[np.isfinite(seconds)]) if np.isfinite(seconds).any() else np.nan
    known = np.isfinite(seconds) & (seconds >= LEAST_INTERVAL * usual)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.diff(total, prepend=0.0) / seconds
    return np.where(known & np.isfinite(rate), rate, np.nan)


def _stream_s(record: Record) -> tuple[float, float]:
    """When the stream began and ended, s into the run; NaN and infinity where that is not known."""
    found = [record.samples[name] for name in ("engine_start_ns", "engine_stop_ns")]
    began, ended = (column[column > 0] for column in found)
    start_ns = record.run.started_ns
    return (
        (float(began[0]) - start_ns) / 1e9 if began.size else np.nan,
        (float(ended[-1]) - start_ns) / 1e9 if ended.size else np.inf,
    )


def rose(record: Record, column: str) -> NDArray[np.bool_]:
    """At which samples the total ``column`` stood higher than at the one before (at the first: above 0)."""
    return np.asarray(np.diff(np.nan_to_num(record.samples[column]), prepend=0.0) > 0)
