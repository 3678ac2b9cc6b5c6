"""Memory over the run: what the system sees, what Python holds, what malloc holds, and whether each grows."""

from __future__ import annotations

import numpy as np

from zcbench.analysis.fitted import FittedLine, fitted_line
from zcbench.analysis.growth import growths
from zcbench.quantities.names import (
    ELAPSED_S,
    GC_FULL_COLLECTIONS,
    NATIVE_HEAP_BYTES,
    PYTHON_HEAP_BYTES,
    RSS_BYTES,
)
from zcbench.quantities.units import typeset
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.figures import theme
from zcbench.render.figures.figure import Figure
from zcbench.render.figures.layers import Area, Curve
from zcbench.render.figures.lines import Line, draw_lines, y_axis
from zcbench.render.figures.scales import range_of
from zcbench.render.figures.timeline import Strip, rose, stack, ticks
from zcbench.render.placing import TITLES

MIB = 2.0**20
HEIGHT = 120
LEAST_MIB = 0.125  # shown by a panel: 32 pages. Below, resident memory jitters
GAUGES = {
    RSS_BYTES: ("RSS", theme.BLUE),
    PYTHON_HEAP_BYTES: ("Python heap", theme.GREEN),
    NATIVE_HEAP_BYTES: ("native heap", theme.PURPLE),
}
# Of a program's own counters: those that decide, and those of the system.
COLOURS = {"exact": theme.GREEN, "pages": theme.PURPLE}
MOST_PANELS = 5  # a screen's height


def draw(record: Record, _result: Result) -> Figure | None:
    """RSS, Python heap and native heap, of a program what is judged of it, one panel each; None if none was
    measured."""
    shown = _shown(record)
    if not shown:
        return None
    fits = {
        growth.counter.column: fit
        for growth in growths(record)
        if (fit := fitted_line(record, growth)) is not None
    }
    panels = [_panel(record, column, *shown[column], fits.get(column)) for column in shown]
    return Figure("memory", TITLES["memory"], stack(record, panels))


def _shown(record: Record) -> dict[str, tuple[str, str]]:
    """The title and the colour of each gauge that was measured."""
    shown = {name: look for name, look in GAUGES.items() if np.isfinite(record.samples[name]).any()}
    if record.can("worker"):
        return shown
    for growth in growths(record):
        column = growth.counter.column or ""
        if column in record.samples and growth.counter.is_judged and len(shown) < MOST_PANELS:
            shown.setdefault(column, (growth.counter.name, COLOURS[growth.counter.kind]))
    return shown


def _slope(fit: FittedLine) -> str:
    return typeset(f"{round(fit.slope, 1) + 0.0:+,.1f}")


def _panel(record: Record, column: str, name: str, colour: str, fit: FittedLine | None) -> Strip:
    line = Line(name, record.samples[ELAPSED_S], record.samples[column] / MIB, colour)
    across = range_of(line.values, least=LEAST_MIB, floor=0.0)
    collected = record.samples[ELAPSED_S][rose(record, GC_FULL_COLLECTIONS)]
    said = [] if fit is None else [f"dashed: trend {_slope(fit)} ± {fit.half_width:,.1f} B/s (95 %)"]
    if collected.size:
        said.append("ticks: full gc")
    return Strip(
        title=name,
        subtitle="; ".join(said),
        height=HEIGHT,
        y=y_axis(across, "MiB"),
        layers=[
            *ticks(record, collected),
            *([] if fit is None else [_interval(fit)]),
            *draw_lines([line], "MiB"),
            *([] if fit is None else [_trend(fit)]),
        ],
    )


def _interval(fit: FittedLine) -> Area:
    """Where the trend may lie: widest at its ends, since it turns about its middle."""
    _, low, high = (np.array(of) / MIB for of in zip(*map(fit.at, _corners(fit)), strict=True))
    return Area(np.array(_corners(fit)), low, high, theme.ORANGE)


def _trend(fit: FittedLine) -> Curve:
    values = np.array([fit.at(time_s)[0] for time_s in _corners(fit)]) / MIB
    return Curve(np.array(_corners(fit)), values, theme.ORANGE, dash=(6, 4))


def _corners(fit: FittedLine) -> list[float]:
    """Where the line or its interval bends, s."""
    middle_s = (fit.start_s + fit.stop_s) / 2
    at_step = [] if fit.step is None else [np.nextafter(fit.step.at_s, 0.0), fit.step.at_s]
    return sorted([fit.start_s, middle_s, fit.stop_s, *at_step])
