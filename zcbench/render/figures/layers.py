"""What is drawn in a panel, in the panel's own values: lines, areas, marks, names.

Each layer writes itself as SVG. An element of class ``span`` is stretched when the page zooms in time; one
of class ``at`` keeps its shape and moves. Outside of the page the classes mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from zcbench.render.figures import theme
from zcbench.render.figures.scales import Range
from zcbench.render.figures.texts import xml

Series = NDArray[np.float64]
Align = Literal["start", "middle", "end"]
Shape = Literal["circle", "diamond", "triangle-down", "cross", "square"]

# Their corners, about 0, of radius 1.
_CORNERS: dict[str, tuple[tuple[float, float], ...]] = {
    "diamond": ((0, -1.4), (1.2, 0), (0, 1.4), (-1.2, 0)),
    "triangle-down": ((-1.2, -1), (1.2, -1), (0, 1.2)),
    "cross": (
        (-1.2, -0.4), (-0.4, -0.4), (-0.4, -1.2), (0.4, -1.2), (0.4, -0.4), (1.2, -0.4),
        (1.2, 0.4), (0.4, 0.4), (0.4, 1.2), (-0.4, 1.2), (-0.4, 0.4), (-1.2, 0.4),
    ),
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
}  # fmt: skip
# A stroke keeps its width whatever the zoom; programs that do not know this never zoom.
_UNSTRETCHED = 'vector-effect="non-scaling-stroke"'


@dataclass(frozen=True)
class Plot:
    """The area that layers draw in: ``width`` and ``height`` in px, the ranges of its axes."""

    x: Range
    y: Range
    width: float
    height: float

    def across(self, values: Series) -> Series:
        """Px from the left of ``values``."""
        return self.x.shares(values) * self.width

    def down(self, values: Series) -> Series:
        """Px from the top of ``values``."""
        return (1 - self.y.shares(values)) * self.height


class Layer(Protocol):
    """Something drawn in a panel."""

    def svg(self, plot: Plot) -> Iterator[str]:
        """Its elements."""


@dataclass(frozen=True)
class Curve:
    """A line through ``x`` and ``y``, broken where ``y`` is NaN; with ``dots`` each reading is a point too.

    ``name`` and ``unit`` are what the page calls the value under the pointer; without a name it is not said.
    With ``step`` a value holds until the next x.
    """

    x: Series
    y: Series
    colour: str
    width: float = 1.6
    dash: tuple[int, ...] = ()
    opacity: float = 1.0
    step: bool = False
    dots: float = 0.0  # their radius, px
    name: str = ""
    unit: str = ""

    def svg(self, plot: Plot) -> Iterator[str]:
        """A path, and a mark a reading."""
        across, down = plot.across(self.x), plot.down(self.y)
        yield (
            f'<path class="span" d="{_path(across, down, step=self.step)}" fill="none" '
            f'stroke="{self.colour}" stroke-width="{self.width:g}"{_dashed(self.dash)}'
            f'{_opacity(self.opacity)} stroke-linecap="{"butt" if self.dash else "round"}" '
            f'stroke-linejoin="round" {_UNSTRETCHED}/>'
        )
        if self.dots:
            yield from Marks(self.x, self.y, self.colour, radius=self.dots).svg(plot)


@dataclass(frozen=True)
class Area:
    """What lies between ``low`` and ``high``."""

    x: Series
    low: Series
    high: Series
    colour: str
    opacity: float = 0.25

    def svg(self, plot: Plot) -> Iterator[str]:
        """A closed path."""
        across = plot.across(np.concatenate([self.x, self.x[::-1]]))
        down = plot.down(np.concatenate([self.high, self.low[::-1]]))
        yield f'<path class="span" d="{_path(across, down)}Z" fill="{self.colour}"{_opacity(self.opacity)}/>'


@dataclass(frozen=True)
class Stretch:
    """A part of the x axis in the background, with its name at its top."""

    start: float
    stop: float
    name: str
    colour: str = theme.SHADE
    opacity: float = 0.45

    def svg(self, plot: Plot) -> Iterator[str]:
        """A rectangle and its name."""
        left, right = plot.across(np.array([self.start, self.stop])).tolist()
        yield (
            f'<rect class="span" x="{left:.2f}" y="0" width="{right - left:.2f}" '
            f'height="{plot.height:g}" fill="{self.colour}"{_opacity(self.opacity)}/>'
        )
        yield _text(left, 0, self.name, theme.FAINT_INK, dx=3, dy=13, size=10)


@dataclass(frozen=True)
class Segments:
    """Straight strokes from ``(x0, y0)`` to ``(x1, y1)``; a bar is a thick one."""

    x0: Series
    y0: Series
    x1: Series
    y1: Series
    colour: str
    width: float = 1.0
    dash: tuple[int, ...] = ()

    def svg(self, plot: Plot) -> Iterator[str]:
        """One path for all."""
        left, top = plot.across(self.x0), plot.down(self.y0)
        right, bottom = plot.across(self.x1), plot.down(self.y1)
        each = zip(left.tolist(), top.tolist(), right.tolist(), bottom.tolist(), strict=True)
        yield _strokes("".join(f"M{a:.2f} {b:.1f}L{c:.2f} {d:.1f}" for a, b, c, d in each), self)


@dataclass(frozen=True)
class Moments:
    """A vertical line at each x, from top to bottom or, with ``length``, so many px up from the bottom.

    ``names`` stand at the top, on the side of the line that ``align`` says.
    """

    x: Series
    colour: str
    width: float = 1.2
    dash: tuple[int, ...] = ()
    length: float | None = None
    names: Sequence[str] = ()
    align: Align = "start"

    def svg(self, plot: Plot) -> Iterator[str]:
        """One path for all, and a text each."""
        top = 0.0 if self.length is None else plot.height - self.length
        across = plot.across(self.x).tolist()
        yield _strokes("".join(f"M{x:.2f} {top:g}V{plot.height:g}" for x in across), self)
        dx = 4 if self.align == "start" else -4
        for x, name in zip(across, self.names, strict=False):
            yield _text(x, 0, name, self.colour, dx=dx, dy=14, align=self.align)


@dataclass(frozen=True)
class Marks:
    """A shape at each reading."""

    x: Series
    y: Series
    colour: str
    shape: Shape = "circle"
    radius: float = 3.0

    def svg(self, plot: Plot) -> Iterator[str]:
        """A path each; a reading that is missing has none."""
        path = _outline(self.shape, self.radius)
        for x, y in zip(plot.across(self.x).tolist(), plot.down(self.y).tolist(), strict=True):
            if x == x and y == y:
                at = f"translate({x:.2f} {y:.2f})"
                yield f'<path class="at" transform="{at}" d="{path}" fill="{self.colour}"/>'


@dataclass(frozen=True)
class Name:
    """A text beside a point."""

    x: float
    y: float
    text: str
    colour: str
    dx: float = 7.0

    def svg(self, plot: Plot) -> Iterator[str]:
        """Its text."""
        (x,), (y,) = plot.across(np.array([self.x])), plot.down(np.array([self.y]))
        yield _text(float(x), float(y), self.text, self.colour, dx=self.dx, dy=4)


def _path(across: Series, down: Series, *, step: bool = False) -> str:
    """Through the points, lifted where one is missing."""
    parts: list[str] = []
    pen, last = "M", 0.0
    for x, y in zip(across.tolist(), down.tolist(), strict=True):
        if x != x or y != y:
            pen = "M"
        elif step and pen == "L":
            parts.append(f"H{x:.2f}V{y:.2f}")
        elif pen == "L" and y == last:
            parts.append(f"H{x:.2f}")
        else:
            parts.append(f"{pen}{x:.2f} {y:.2f}")
            pen = "L"
        last = y
    return "".join(parts)


def _strokes(path: str, of: Segments | Moments) -> str:
    return (
        f'<path class="span" d="{path}" fill="none" stroke="{of.colour}" stroke-width="{of.width:g}"'
        f"{_dashed(of.dash)} {_UNSTRETCHED}/>"
    )


def _text(
    x: float,
    y: float,
    text: str,
    colour: str,
    *,
    dx: float = 0.0,
    dy: float = 0.0,
    size: int = 11,
    align: Align = "start",
) -> str:
    return (
        f'<text class="at" transform="translate({x:.2f} {y:.2f})" x="{dx:g}" y="{dy:g}" '
        f'fill="{colour}" font-size="{size}" text-anchor="{align}">{xml(text)}</text>'
    )


def _dashed(dash: Sequence[int]) -> str:
    return f' stroke-dasharray="{" ".join(map(str, dash))}"' if dash else ""


def _opacity(share: float) -> str:
    return "" if share == 1 else f' opacity="{share:g}"'


def _outline(shape: Shape, radius: float) -> str:
    """A path about 0, 0."""
    if shape == "circle":
        r = f"{radius:g}"
        return f"M-{r} 0A{r} {r} 0 1 1 {r} 0A{r} {r} 0 1 1 -{r} 0Z"
    return "M" + "L".join(f"{x * radius:g} {y * radius:g}" for x, y in _CORNERS[shape]) + "Z"
