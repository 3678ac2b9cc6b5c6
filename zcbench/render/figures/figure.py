"""A figure: panels above or beside one another, written as SVG by Python alone.

There is one drawing of each, for files and for the page: the page zooms it by moving what is in it
(``page.js``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from zcbench.render.figures import theme
from zcbench.render.figures.layers import Curve, Layer, Plot
from zcbench.render.figures.scales import Range, Tick
from zcbench.render.figures.texts import width_px, xml

PNG_SCALE = 2  # device pixels for a CSS pixel: sharp on today's screens and in print
LEFT = 72  # px from the figure's left edge to every plotting area: one moment is at one place in all figures
_PADDING, _SPACING = 8, 14
_TITLE, _LEGEND, _PANEL_TITLE, _SUBTITLE = 26, 22, 17, 14  # heights, px
_LABELS, _AXIS_TITLE = 18, 18  # below a plotting area
_NAMED_AT = 6  # px right of the plotting area: the names of lines
_KEY = 24  # px: the stroke of a legend's entry
_LEAST_APART = 6  # px between two labels of an axis


@dataclass(frozen=True)
class Axis:
    """An axis: its range, its ticks, what it is. ``shown`` is False where a panel below has its labels."""

    across: Range
    ticks: Sequence[Tick] = ()
    title: str = ""
    grid: bool = False
    shown: bool = True


@dataclass(frozen=True)
class EdgeName:
    """A name in its colour right of the plotting area, ``y`` px from its top."""

    text: str
    colour: str
    y: float


@dataclass(frozen=True)
class Panel:
    """One plotting area. ``layers`` are drawn in order; ``height`` and ``width`` in px."""

    title: str
    x: Axis
    y: Axis
    layers: Sequence[Layer]
    names: Sequence[EdgeName] = ()
    subtitle: str = ""
    height: int = 120
    width: int = theme.WIDTH

    @property
    def above(self) -> int:
        """Px that its titles take."""
        return (_PANEL_TITLE if self.title else 0) + (_SUBTITLE if self.subtitle else 0) + 4

    @property
    def below(self) -> int:
        """Px that its x axis takes."""
        return (_LABELS if self.x.shown else 0) + (_AXIS_TITLE if self.x.title else 0)


@dataclass(frozen=True)
class Key:
    """An entry of a legend."""

    text: str
    colour: str
    dash: tuple[int, ...] = ()


@dataclass(frozen=True)
class Figure:
    """``name`` is its file's stem and its anchor on the page; ``title`` says what it shows.

    ``timeline`` is True if its x axis is the run's time, in s: such figures pan and zoom together.
    ``columns`` of panels stand beside one another. ``left`` px are for the labels of y axes.
    """

    name: str
    title: str
    panels: Sequence[Panel]
    timeline: bool = True
    columns: int = 1
    left: int = LEFT
    legend: Sequence[Key] = field(default_factory=tuple)

    @property
    def curves(self) -> list[Curve]:
        """The lines whose values the page says."""
        layers = [layer for panel in self.panels for layer in panel.layers]
        return [layer for layer in layers if isinstance(layer, Curve) and layer.name]

    @property
    def right(self) -> int:
        """Px right of every plotting area, for the names of lines."""
        named = [width_px(name.text, 11) for panel in self.panels for name in panel.names]
        return _PADDING + round(max([_NAMED_AT + width for width in named], default=8))

    def svg(self, *, on_page: bool = False) -> str:
        """As SVG with nothing outside itself. ``on_page`` has no title and no paper: the page has them."""
        body, y = [], _PADDING
        if not on_page:
            body.append(_text(_PADDING, y + 13, self.title, theme.INK, 15, ' font-weight="bold"'))
            y += _TITLE
        rows = [self.panels[at : at + self.columns] for at in range(0, len(self.panels), self.columns)]
        pitch = self.left + self.right + max(panel.width for panel in self.panels)
        width = pitch * min(self.columns, len(self.panels))
        for keys in _lines_of(self.legend, width - self.left):
            body += _legend(keys, self.left, y)
            y += _LEGEND
        for row in rows:
            above = max(panel.above for panel in row)
            for column, panel in enumerate(row):
                number = len(body)
                body += _panel(panel, f"{self.name}-{number}", self.left + column * pitch, y + above)
            y += above + max(panel.height + panel.below for panel in row) + _SPACING
        height = y - _SPACING + _PADDING
        paper = "" if on_page else f'<rect width="{width}" height="{height}" fill="{theme.PAPER}"/>'
        beside = f' data-left="{self.left}" data-right="{self.right}"' if on_page else ""
        # A file says in words what it shows; on the page, the element around it does.
        said = "" if on_page else f"<title>{xml(self.title)}</title>"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="{theme.FONT}"{beside}>{said}{paper}'
            f"{''.join(body)}</svg>"
        )

    def png(self) -> bytes:
        """As PNG, 2 pixels for each of the SVG. Raises ImportError without resvg_py (``zcbench[png]``)."""
        import resvg_py

        return bytes(resvg_py.svg_to_bytes(svg_string=self.svg(), zoom=PNG_SCALE))


def _panel(panel: Panel, name: str, left: int, top: int) -> list[str]:
    plot = Plot(panel.x.across, panel.y.across, panel.width, panel.height)
    return [
        f'<g class="panel" transform="translate({left} {top})">',
        *_titles(panel),
        f'<clipPath id="{name}"><rect y="-2" width="{panel.width}" height="{panel.height + 4}"/></clipPath>',
        *_y_axis(panel, plot, left),
        f'<g clip-path="url(#{name})">',
        *_grid(panel, plot),
        *(element for layer in panel.layers for element in layer.svg(plot)),
        "</g>",
        *_x_axis(panel, plot),
        *(
            f'<text class="end" x="{panel.width + _NAMED_AT}" y="{edge.y + 4:.1f}" fill="{edge.colour}" '
            f'font-size="11">{xml(edge.text)}</text>'
            for edge in panel.names
        ),
        "</g>",
    ]


def _titles(panel: Panel) -> Iterator[str]:
    y = 8 - panel.above
    if panel.title:
        yield _text(0, y + 4, panel.title, theme.INK, 12, ' font-weight="bold"')
        y += _PANEL_TITLE - 2
    if panel.subtitle:
        yield _text(0, y + 4, panel.subtitle, theme.FAINT_INK, 11)


def _grid(panel: Panel, plot: Plot) -> Iterator[str]:
    path = ""
    if panel.y.grid:
        path += "".join(f"M0 {y:.1f}H{panel.width}" for y in _places(panel.y, plot, across=False))
    if panel.x.grid:
        path += "".join(f"M{x:.2f} 0V{panel.height}" for x in _places(panel.x, plot, across=True))
    if path:
        yield f'<path class="span" d="{path}" stroke="{theme.GRID}" vector-effect="non-scaling-stroke"/>'


def _y_axis(panel: Panel, plot: Plot, left: int) -> Iterator[str]:
    for (_, label), y in zip(panel.y.ticks, _places(panel.y, plot, across=False), strict=True):
        yield _text(-6, y + 4, label, theme.FAINT_INK, 11, ' text-anchor="end"')
    if panel.y.title:
        middle = panel.height / 2
        turned = f' text-anchor="middle" transform="rotate(-90 {16 - left} {middle:g})"'
        yield _text(16 - left, middle, panel.y.title, theme.INK, 12, turned)


def _x_axis(panel: Panel, plot: Plot) -> Iterator[str]:
    yield f'<g class="x" transform="translate(0 {panel.height})">'
    yield (
        f'<path class="span" d="M0 .5H{panel.width}" stroke="{theme.GREY}" vector-effect="non-scaling-stroke"/>'
    )
    free = -1e9
    for (_, label), x in zip(panel.x.ticks, _places(panel.x, plot, across=True), strict=True):
        yield f'<path class="at tick" transform="translate({x:.2f} 0)" d="M0 0V5" stroke="{theme.GREY}"/>'
        half = width_px(label, 11) / 2
        if panel.x.shown and x - half >= free + _LEAST_APART:
            yield (
                f'<text class="at label" transform="translate({x:.2f} 0)" y="16" fill="{theme.FAINT_INK}" '
                f'font-size="11" text-anchor="middle">{xml(label)}</text>'
            )
            free = x + half
    if panel.x.title:
        y = _LABELS + 13
        yield (
            f'<text class="title" x="{panel.width / 2:g}" y="{y}" fill="{theme.INK}" font-size="12" '
            f'text-anchor="middle">{xml(panel.x.title)}</text>'
        )
    yield "</g>"


def _places(axis: Axis, plot: Plot, *, across: bool) -> list[float]:
    """Where the ticks of an axis are, px."""
    import numpy as np

    at = np.array([value for value, _ in axis.ticks], dtype=np.float64)
    places: list[float] = (plot.across(at) if across else plot.down(at)).tolist()
    return places


def _legend(keys: Sequence[Key], left: int, top: int) -> list[str]:
    parts, x, y = [], float(left), top + 9
    for key in keys:
        dash = f' stroke-dasharray="{" ".join(map(str, key.dash))}"' if key.dash else ""
        parts.append(f'<path d="M{x:g} {y}h{_KEY}" stroke="{key.colour}" stroke-width="2"{dash}/>')
        parts.append(_text(x + _KEY + 5, y + 4, key.text, theme.INK, 11))
        x += _taken(key)
    return parts


def _taken(key: Key) -> float:
    """Px that an entry of a legend takes."""
    return _KEY + 5 + width_px(key.text, 11) + 16


def _lines_of(keys: Sequence[Key], room: float) -> list[list[Key]]:
    """The entries of a legend, in lines of at most ``room`` px."""
    lines: list[list[Key]] = []
    used = 0.0
    for key in keys:
        if not lines or used + _taken(key) > room:
            lines.append([])
            used = 0.0
        lines[-1].append(key)
        used += _taken(key)
    return lines


def _text(x: float, y: float, text: str, colour: str, size: int, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:.1f}" fill="{colour}" font-size="{size}"{more}>{xml(text)}</text>'
