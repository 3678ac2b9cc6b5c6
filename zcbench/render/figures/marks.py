"""Single moments, marked on a panel: each kind with its own shape, and named beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.render.figures import theme
from zcbench.render.figures.layers import Layer, Marks, Name, Shape

Series = NDArray[np.float64]

MOST_MARKS = 400  # of a kind; more are thinned to the highest of each column of pixels
RADIUS_PX = 3.4
_SHAPES: tuple[Shape, ...] = ("diamond", "triangle-down", "cross", "square", "circle")


@dataclass(frozen=True)
class Mark:
    """Moments ``times_s`` of one kind, at ``values`` on the y axis."""

    name: str
    times_s: Series
    values: Series
    colour: str = theme.RED


def draw_marks(marks: Sequence[Mark]) -> list[Layer]:
    """Every kind that occurred; the first of each kind has its name beside it."""
    layers: list[Layer] = []
    for shape, mark in zip(_SHAPES, marks, strict=False):
        if mark.times_s.size:
            times, values = _thinned(mark)
            layers.append(Marks(times, values, mark.colour, shape, RADIUS_PX))
            layers.append(Name(float(times[0]), float(values[0]), mark.name, mark.colour))
    return layers


def _thinned(mark: Mark) -> tuple[Series, Series]:
    if mark.times_s.size <= MOST_MARKS:
        return mark.times_s, mark.values
    column = np.floor((mark.times_s - mark.times_s[0]) / np.ptp(mark.times_s) * (MOST_MARKS - 1))
    order = np.lexsort((-mark.values, column))
    _, first = np.unique(column[order], return_index=True)
    kept = np.sort(order[first])
    return mark.times_s[kept], mark.values[kept]
