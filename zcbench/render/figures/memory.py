"""Memory over the run: what the system sees, what Python holds, what malloc holds, and whether each grows."""

from __future__ import annotations

import altair as alt
import numpy as np

from zcbench.analysis.fitted import FittedLine, fitted_line
from zcbench.analysis.growth import growths
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.figures import theme
from zcbench.render.figures.datasets import Datasets, Row
from zcbench.render.figures.figure import Figure
from zcbench.render.figures.lines import Line, draw_lines, range_of
from zcbench.render.figures.timeline import Panel, rose, stack, ticks, time_x
from zcbench.render.placing import TITLES

MIB = 2.0**20
HEIGHT = 120
LEAST_MIB = 0.125  # shown by a panel: 32 pages. Below, resident memory jitters
GAUGES = {
    "rss_bytes": ("RSS", theme.BLUE),
    "python_heap_bytes": ("Python heap", theme.GREEN),
    "native_heap_bytes": ("native heap", theme.PURPLE),
}


def draw(record: Record, _result: Result) -> Figure | None:
    """RSS, Python heap and native heap, one panel each; None if none was measured."""
    data = Datasets()
    measured = [name for name in GAUGES if np.isfinite(record.samples[name]).any()]
    if not measured:
        return None
    fits = {
        growth.counter.column: fit
        for growth in growths(record)
        if (fit := fitted_line(record, growth)) is not None
    }
    panels = [_panel(record, data, column, fits.get(column)) for column in measured]
    return Figure("memory", TITLES["memory"], stack(record, data, panels), data.rows)


def _panel(record: Record, data: Datasets, column: str, fit: FittedLine | None) -> Panel:
    name, colour = GAUGES[column]
    line = Line(name, record.samples["elapsed_s"], record.samples[column] / MIB, colour)
    across = range_of(line.values, least=LEAST_MIB, floor=0.0)
    collected = record.samples["elapsed_s"][rose(record, "gc_full_collections")]
    said = (
        []
        if fit is None
        else [f"dashed: trend {round(fit.slope, 1) + 0.0:+,.1f} ± {fit.half_width:,.1f} B/s (95 %)"]
    )
    if collected.size:
        said.append("ticks: full gc")
    return Panel(
        title=name,
        subtitle="; ".join(said),
        height=HEIGHT,
        layers=[
            *ticks(record, data, collected, HEIGHT),
            *([] if fit is None else _interval(data, fit)),
            *draw_lines(data, [line], across, "MiB", HEIGHT, named=False),
            *([] if fit is None else _trend(data, fit)),
        ],
    )


def _interval(data: Datasets, fit: FittedLine) -> list[alt.Chart]:
    """Where the trend may lie: widest at its ends, since it turns about its middle."""
    rows: list[Row] = []
    for time_s in _corners(fit):
        _, low, high = fit.at(time_s)
        rows.append({"t": round(time_s * 1000), "low": low / MIB, "high": high / MIB})
    area = alt.Chart(data.add(rows)).mark_area(color=theme.ORANGE, opacity=0.25, clip=True)
    return [area.encode(x=time_x(), y=alt.Y("low", type="quantitative"), y2="high")]


def _trend(data: Datasets, fit: FittedLine) -> list[alt.Chart]:
    rows: list[Row] = [
        {"t": round(time_s * 1000), "v": fit.at(time_s)[0] / MIB} for time_s in _corners(fit)
    ]
    line = alt.Chart(data.add(rows)).mark_line(
        color=theme.ORANGE, strokeWidth=1.6, strokeDash=[6, 4]
    )
    return [line.encode(x=time_x(), y=alt.Y("v", type="quantitative"))]


def _corners(fit: FittedLine) -> list[float]:
    """Where the line or its interval bends, s."""
    middle_s = (fit.start_s + fit.stop_s) / 2
    at_step = [] if fit.step is None else [np.nextafter(fit.step.at_s, 0.0), fit.step.at_s]
    return sorted([fit.start_s, middle_s, fit.stop_s, *at_step])
