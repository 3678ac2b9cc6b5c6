"""Lines over time with their names at their right end, in their own colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from zcbench.render.figures.datasets import Datasets
from zcbench.render.figures.decimation import decimate
from zcbench.render.figures.timeline import time_x

Series = NDArray[np.float64]

FEW = 60  # readings, below which each is shown as a point: a line says nothing of one alone
LABEL_PX = 13  # the least distance of two names
BELOW, ABOVE = 0.06, 0.18  # of the range, left free: above the lines, an area has its name


@dataclass(frozen=True)
class Line:
    """A named series: ``values`` at ``times_s``, NaN for no reading. ``about`` goes before its name where
    it stands alone, without its panel."""

    name: str
    times_s: Series
    values: Series
    colour: str
    width: float = 1.6
    dash: tuple[int, ...] = ()
    about: str = ""

    @property
    def is_measured(self) -> bool:
        """Whether it has any reading."""
        return bool(np.isfinite(self.values).any())


@dataclass(frozen=True)
class Range:
    """A y axis from ``low`` to ``high``; ``log`` for decades."""

    low: float
    high: float
    log: bool = False

    def scale(self) -> alt.Scale:
        """For Vega-Lite; fixed, so that zooming in time moves nothing up or down."""
        domain = [self.low, self.high]
        if self.log:
            return alt.Scale(type="log", domain=domain, nice=False)
        return alt.Scale(type="linear", domain=domain, nice=False, zero=False)

    def share(self, value: float) -> float:
        """Where ``value`` lies, from 0 (bottom) to 1."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = np.log10([low, high, max(value, low)]).tolist()
        return (at - low) / (high - low)


def range_of(
    *values: Series, least: float, zero: bool = False, floor: float | None = None, log: bool = False
) -> Range:
    """The range that shows all ``values``; at least ``least`` wide (times ``least``, if ``log``).

    With ``zero`` it starts there; it never goes below ``floor``.
    """
    known = np.concatenate([v[np.isfinite(v)] for v in values])
    if log:
        known = known[known > 0]
        low, high = (float(known.min()), float(known.max())) if known.size else (1.0, 1.0)
        centre, half = (low * high) ** 0.5, max(high / low, least) ** 0.5
        return Range(centre / half ** (1 + BELOW), centre * half ** (1 + 2 * ABOVE), log=True)
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if zero:
        low = min(0.0, low)
        return Range(low, low + max(high - low, least) * (1 + ABOVE))
    middle, length = (low + high) / 2, max(high - low, least)
    bottom = middle - length * (0.5 + BELOW)
    return Range(bottom if floor is None else max(bottom, floor), middle + length * (0.5 + ABOVE))


def draw_lines(
    data: Datasets,
    lines: Sequence[Line],
    across: Range,
    unit: str,
    height: int,
    *,
    named: bool = True,
    label_expr: str | None = None,
    values: Sequence[float] | None = None,
) -> list[alt.Chart]:
    """``lines`` over ``across``; with ``named``, each one's name is at its right end."""
    # A log scale is one of times here, whose labels carry units of their own.
    axis = alt.Axis(title="time (log)" if across.log else unit, tickCount=4)
    if label_expr is not None:
        axis["labelExpr"] = label_expr
    if values is not None:
        axis["values"] = list(values)
    charts: list[alt.Chart] = []
    for line in lines:
        times, shown = decimate(line.times_s, line.values)
        mark: dict[str, Any] = {"color": line.colour, "strokeWidth": line.width}
        if line.dash:
            mark["strokeDash"] = list(line.dash)
        if np.isfinite(line.values).sum() <= FEW and not line.dash:
            mark["point"] = {"color": line.colour, "size": 22, "filled": True}
        charts.append(
            alt.Chart(data.points(times, shown, f"{line.about} {line.name} ({unit})".strip()))
            .mark_line(**mark)
            .encode(x=time_x(), y=alt.Y("v", type="quantitative", scale=across.scale(), axis=axis))
        )
    return charts + (_names(data, lines, across, height) if named else [])


def _names(data: Datasets, lines: Sequence[Line], across: Range, height: int) -> list[alt.Chart]:
    ends = [float(line.values[np.isfinite(line.values)][-1]) for line in lines]
    named = [(line.name, line.colour, end) for line, end in zip(lines, ends, strict=True)]
    return names_at_the_end(data, named, across, height)


def names_at_the_end(
    data: Datasets, named: Sequence[tuple[str, str, float]], across: Range, height: int
) -> list[alt.Chart]:
    """Each name in its colour at the right edge, at its value or as near as the others allow."""
    at = spread([height * (1 - across.share(end)) for *_, end in named], LABEL_PX, height)
    return [
        alt.Chart(data.add([{"name": name}]))
        .mark_text(align="left", baseline="middle", dx=6, color=colour, fontSize=11, clip=False)
        .encode(x=alt.value("width"), y=alt.value(y), text=alt.Text("name", type="nominal"))
        for (name, colour, _), y in zip(named, at, strict=True)
    ]


def spread(wanted: Sequence[float], apart: float, most: float) -> list[float]:
    """Places near ``wanted``, in the same order, at least ``apart`` from one another, within 0..``most``."""
    order = np.argsort(wanted, kind="stable")
    places = np.asarray(wanted, dtype=np.float64)[order]
    for _ in range(2):
        for i in range(1, places.size):  # down, then up from the bottom
            places[i] = max(places[i], places[i - 1] + apart)
        places = np.minimum(places, most - apart * np.arange(places.size)[::-1])
    out = np.empty_like(places)
    out[order] = places
    return [float(place) for place in out]
