"""A figure: one chart specification, for the page and for files alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zcbench.render.conversion import PNG_SCALE
from zcbench.render.figures.datasets import Row
from zcbench.render.figures.theme import config

if TYPE_CHECKING:
    import altair as alt

ZOOM = "zoom"  # the parameter that the page reads and sets; the signal of its domain is "zoom_t"
# Dragging moves the time. The wheel zooms with Ctrl (a trackpad's pinch sends the same), so that the page still
# scrolls.
_ZOOM_EVENTS = "wheel![event.ctrlKey]"


@dataclass(frozen=True)
class Figure:
    """``name`` is its file's stem and its anchor on the page; ``title`` says what it shows.

    ``rows`` are those the chart refers to by name (:class:`Datasets`). ``timeline`` is True if its x axis
    is the run's time: such figures pan and zoom together.
    """

    name: str
    title: str
    chart: alt.TopLevelMixin
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    timeline: bool = True

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The chart as Vega-Lite; ``datasets`` holds every series once, as rows."""
        # Checking it against Vega-Lite's schema takes longer than all else: the tests do.
        chart: dict[str, Any] = self.chart.to_dict(validate=False)
        datasets = {**chart.get("datasets", {}), **self.rows}
        if self.timeline:
            chart["params"] = [_zoom(chart)]
        said = {"title": self.title, "description": self.title, "config": config()}
        return chart | said | {"datasets": datasets}

    def svg(self) -> str:
        """As SVG, on white, with nothing outside itself. A renderer that dies takes this process with it."""
        import vl_convert

        return str(vl_convert.vegalite_to_svg(self.spec))

    def png(self) -> bytes:
        """As PNG, 2 pixels for each of the SVG."""
        import vl_convert

        return bytes(vl_convert.vegalite_to_png(self.spec, scale=PNG_SCALE))


def _zoom(chart: dict[str, Any]) -> dict[str, Any]:
    """Panning and zooming of the x axis in every panel; they are found by their names, which altair changes."""
    return {
        "name": ZOOM,
        "select": {"type": "interval", "encodings": ["x"], "zoom": _ZOOM_EVENTS},
        "bind": "scales",
        "views": [
            part["name"] for panel in chart["vconcat"] for part in panel["layer"] if "name" in part
        ],
    }
