"""Single moments, marked on a panel: each kind with its own shape, and named beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
from numpy.typing import NDArray

from zcbench.render.figures import theme
from zcbench.render.figures.datasets import Datasets
from zcbench.render.figures.lines import Range
from zcbench.render.figures.timeline import time_x

Series = NDArray[np.float64]

MOST_MARKS = 400  # of a kind; more are thinned to the highest of each column of pixels
_SHAPES = ("diamond", "triangle-down", "cross", "square", "circle")


@dataclass(frozen=True)
class Mark:
    """Moments ``times_s`` of one kind, at ``values`` on the y axis."""

    name: str
    times_s: Series
    values: Series
    colour: str = theme.RED


def draw_marks(data: Datasets, marks: Sequence[Mark], across: Range) -> list[alt.Chart]:
    """Every kind that occurred; the first of each kind has its name beside it."""
    charts: list[alt.Chart] = []
    for shape, mark in zip(_SHAPES, marks, strict=False):
        if not mark.times_s.size:
            continue
        times, values = _thinned(mark)
        y = alt.Y("v", type="quantitative", scale=across.scale())
        charts.append(
            alt.Chart(data.points(times, values))
            .mark_point(shape=shape, color=mark.colour, filled=True, size=46, opacity=1, clip=True)
            .encode(x=time_x(), y=y)
        )
        first = alt.Chart(data.points(times[:1], values[:1])).mark_text(
            text=mark.name,
            color=mark.colour,
            fontSize=11,
            align="left",
            baseline="middle",
            dx=7,
            clip=True,
        )
        charts.append(first.encode(x=time_x(), y=y))
    return charts


def _thinned(mark: Mark) -> tuple[Series, Series]:
    if mark.times_s.size <= MOST_MARKS:
        return mark.times_s, mark.values
    column = np.floor((mark.times_s - mark.times_s[0]) / np.ptp(mark.times_s) * (MOST_MARKS - 1))
    order = np.lexsort((-mark.values, column))
    _, first = np.unique(column[order], return_index=True)
    kept = np.sort(order[first])
    return mark.times_s[kept], mark.values[kept]
