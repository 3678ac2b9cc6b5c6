"""Delivery latency and hold time over the run: half of the packets, nearly all, and the slowest one."""

from __future__ import annotations

import numpy as np

from zcbench.analysis.timing import stalls
from zcbench.quantities.names import ELAPSED_S
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.figures import theme
from zcbench.render.figures.figure import Figure
from zcbench.render.figures.lines import Line, draw_lines, log_axis, names_of
from zcbench.render.figures.marks import Mark, draw_marks
from zcbench.render.figures.scales import decades, range_of
from zcbench.render.figures.timeline import Strip, stack
from zcbench.render.figures.times import length_label
from zcbench.render.placing import TITLES

HEIGHT = 130
LEAST_RATIO = 10.0  # of a panel's ends: a decade
_TIMINGS = (
    ("delivery", "Delivery latency", "from capture until the application has the packet"),
    ("hold", "Hold time", "from acquire until return"),
)
_STATISTICS = (("max", theme.ORANGE, 1.9), ("p99", theme.PURPLE, 1.0), ("p50", theme.BLUE, 1.6))


def draw(record: Record, result: Result) -> Figure | None:
    """p50, p99 and maximum since the sample before, in log scale; None if neither was measured."""
    panels = [
        panel
        for name, title, subtitle in _TIMINGS
        if (panel := _panel(record, result, name, title, subtitle)) is not None
    ]
    if not panels:
        return None
    return Figure("latency", TITLES["latency"], stack(record, panels))


def _panel(record: Record, result: Result, name: str, title: str, subtitle: str) -> Strip | None:
    rows = record.samples
    lines = [
        Line(
            statistic,
            rows[ELAPSED_S],
            _positive(rows[f"{name}_{statistic}_ns"]) / 1e9,
            colour,
            width,
            about=name,
        )
        for statistic, colour, width in _STATISTICS
    ]
    lines = [line for line in lines if line.is_measured]
    if not lines:
        return None
    across = range_of(*(line.values for line in lines), least=LEAST_RATIO, log=True)
    late = stalls(record, result.totals) if name == "delivery" else None
    marks = [] if late is None else [Mark("stall", np.array(late.at_s), np.array(late.late_s), theme.RED)]
    return Strip(
        title=title,
        subtitle=subtitle,
        layers=[
            *draw_lines(lines, "s"),
            *draw_marks(marks),
        ],
        y=log_axis(across, decades(across), length_label),
        names=names_of(lines, across, HEIGHT),
        height=HEIGHT,
    )


def _positive(values: np.ndarray) -> np.ndarray:
    """A log scale has no zero; a latency of 0 ns is one below what the clock can tell."""
    return np.where(values > 0, values, np.where(np.isfinite(values), 1.0, np.nan))
