"""Lines over time with their names at their right end, in their own colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.render.figures.decimation import decimate
from zcbench.render.figures.figure import Axis, EdgeName
from zcbench.render.figures.layers import Curve
from zcbench.render.figures.scales import Range, labelled, round_ticks

Series = NDArray[np.float64]

FEW = 60  # readings, below which each is shown as a point: a line says nothing of one alone
DOT_PX = 2.3  # radius of such a point
LABEL_PX = 13  # the least distance of two names


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


def draw_lines(lines: Sequence[Line], unit: str) -> list[Curve]:
    """``lines``, whose values the page says in ``unit``."""
    curves = []
    for line in lines:
        times, shown = decimate(line.times_s, line.values)
        few = np.isfinite(line.values).sum() <= FEW and not line.dash
        curves.append(
            Curve(
                times,
                shown,
                line.colour,
                line.width,
                line.dash,
                dots=DOT_PX if few else 0.0,
                name=f"{line.about} {line.name}".strip(),
                unit=unit,
            )
        )
    return curves


def y_axis(across: Range, unit: str) -> Axis:
    """The axis of linear values."""
    return Axis(across, round_ticks(across), unit, grid=True)


def log_axis(across: Range, values: Sequence[float], label: Callable[[float], str]) -> Axis:
    """The axis of times in decades, whose labels carry units of their own."""
    return Axis(across, labelled(values, label), "time (log)", grid=True)


def names_of(lines: Sequence[Line], across: Range, height: int) -> list[EdgeName]:
    """The name of each line, beside its last reading."""
    ends = [float(line.values[np.isfinite(line.values)][-1]) for line in lines]
    named = [(line.name, line.colour, end) for line, end in zip(lines, ends, strict=True)]
    return names_at_the_end(named, across, height)


def names_at_the_end(named: Sequence[tuple[str, str, float]], across: Range, height: int) -> list[EdgeName]:
    """Each name in its colour at the right edge, at its value or as near as the others allow."""
    at = spread([height * (1 - across.share(end)) for *_, end in named], LABEL_PX, height)
    return [EdgeName(name, colour, y) for (name, colour, _), y in zip(named, at, strict=True)]


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
