"""Delivery latency and hold time of all packets: how long, for which share of them.

The x axis is HdrHistogram's: 1 / (1 - p), in decades, so that 99 %, 99.9 % and 99.99 % are as far apart as
they are rare (http://hdrhistogram.org, "percentile distribution").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zcbench.page.scoreboard import Histogram, bucket_bounds
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.figures import theme
from zcbench.render.figures.figure import Axis, Figure, Panel
from zcbench.render.figures.layers import Curve
from zcbench.render.figures.lines import log_axis, names_at_the_end
from zcbench.render.figures.scales import Range, decades, labelled, range_of
from zcbench.render.figures.times import length_label
from zcbench.render.placing import TITLES

HEIGHT = 260
TIMINGS: dict[str, tuple[str, str, tuple[int, ...]]] = {
    "delivery_ns": ("delivery", theme.BLUE, ()),
    "hold_ns": ("hold time", theme.ORANGE, (7, 3)),
}


def draw(record: Record, _result: Result) -> Figure | None:
    """Percentile curves from the page's histograms; None if they hold nothing."""
    found = {name: times for name in TIMINGS if (times := record.histogram(name)) is not None}
    curves = {name: curve(histogram) for name, histogram in found.items() if histogram.count}
    if not curves:
        return None
    across = range_of(*(y for _, y in curves.values()), least=10.0, log=True)
    most = max(float(x[-1]) for x, _ in curves.values())
    ends = [(*TIMINGS[name][:2], float(y[-1])) for name, (_, y) in curves.items()]
    ticks = [1.0, 2.0, *(10.0**n for n in range(1, 10) if 10**n <= most)]
    panel = Panel(
        title="",
        x=Axis(Range(1.0, max(most, 2.0), "log"), labelled(ticks, _percentile), "percentile", grid=True),
        y=log_axis(across, decades(across), length_label),
        layers=[
            Curve(x, y, TIMINGS[name][1], 2.0, TIMINGS[name][2], step=True) for name, (x, y) in curves.items()
        ],
        names=names_at_the_end(ends, across, HEIGHT),
        height=HEIGHT,
    )
    return Figure("percentiles", TITLES["percentiles"], [panel], timeline=False)


def _percentile(of: float) -> str:
    """What 1 / (1 - p) stands for: "99.9 %"."""
    return f"{100 - 100 / of:.9g} %"


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
