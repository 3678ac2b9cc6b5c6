"""Delivery latency and hold time of all packets: how long, for which share of them.

The x axis is HdrHistogram's: 1 / (1 - p), in decades, so that 99 %, 99.9 % and 99.99 % are as far apart as
they are rare (http://hdrhistogram.org, "percentile distribution").
"""

from __future__ import annotations

import altair as alt
import numpy as np
from numpy.typing import NDArray

from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.figures import theme
from zcbench.render.figures.datasets import Datasets, Row
from zcbench.render.figures.figure import Figure
from zcbench.render.figures.lines import Range, names_at_the_end, range_of
from zcbench.render.figures.times import SECONDS_LABEL, decades
from zcbench.render.placing import TITLES
from zcbench.scoreboard import Histogram, bucket_bounds

HEIGHT = 260
TIMINGS = {
    "delivery_ns": ("delivery", theme.BLUE, ()),
    "hold_ns": ("hold time", theme.ORANGE, (7, 3)),
}
_ROUND_NUMBERS = "datum.value < 1.5 ? '0 %' : format(100 - 100 / datum.value, '.9~r') + ' %'"


def draw(record: Record, _result: Result) -> Figure | None:
    """Percentile curves from the page's histograms; None if they hold nothing."""
    if record.board is None:
        return None
    found = {name: record.board.histogram(name) for name in TIMINGS}
    curves = {name: curve(histogram) for name, histogram in found.items() if histogram.count}
    if not curves:
        return None
    across = range_of(*(y for _, y in curves.values()), least=10.0, log=True)
    most = max(float(x[-1]) for x, _ in curves.values())
    data = Datasets()
    layers = [
        part for name, (x, y) in curves.items() for part in _curve(data, name, x, y, across, most)
    ]
    ends = [(*TIMINGS[name][:2], float(y[-1])) for name, (_, y) in curves.items()]
    layers += names_at_the_end(data, ends, across, HEIGHT)
    chart = alt.layer(*layers).properties(width=theme.WIDTH, height=HEIGHT)
    return Figure("percentiles", TITLES["percentiles"], chart, data.rows, timeline=False)


def curve(histogram: Histogram) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The steps of a histogram's percentile curve: x = 1 / (1 - p) at which a step begins, y in s.

    The last x is the number of readings: the percentile of the slowest one alone. Shape (steps + 1,).
    """
    used = np.flatnonzero(histogram.buckets)
    counts = histogram.buckets[used].astype(np.float64)
    total = counts.sum()
    before = np.concatenate([[0.0], np.cumsum(counts)])
    bounds = bucket_bounds()[used]
    if histogram.max_ns:
        bounds = np.minimum(bounds, histogram.max_ns)
    x = total / np.maximum(total - before, 1.0)
    return x, np.concatenate([bounds, bounds[-1:]]) / 1e9


def _curve(
    data: Datasets,
    name: str,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    across: Range,
    most: float,
) -> list[alt.Chart]:
    _, colour, dash = TIMINGS[name]
    rows: list[Row] = [
        {"x": float(f"{at:.6g}"), "v": float(f"{value:.6g}")}
        for at, value in zip(x.tolist(), y.tolist(), strict=True)
    ]
    ticks = [1.0, 2.0, *(10.0**n for n in range(1, 10) if 10**n <= most)]
    axis_x = alt.Axis(
        title="percentile", values=ticks, labelExpr=_ROUND_NUMBERS, grid=True, labelOverlap=True
    )
    axis_y = alt.Axis(title="time (log)", values=decades(across), labelExpr=SECONDS_LABEL)
    encoded = {
        "x": alt.X("x", type="quantitative", axis=axis_x,
                   scale=alt.Scale(type="log", domain=[1, max(most, 2)], nice=False)),
        "y": alt.Y("v", type="quantitative", axis=axis_y, scale=across.scale()),
    }  # fmt: skip
    line = alt.Chart(data.add(rows)).mark_line(
        color=colour, interpolate="step-after", strokeWidth=2, strokeDash=list(dash or (1, 0))
    )
    return [line.encode(**encoded)]
