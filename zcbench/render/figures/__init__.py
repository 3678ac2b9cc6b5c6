"""Figures of a run, drawn as SVG: the same for files and for the page."""

from __future__ import annotations

from typing import Any

from zcbench.foreign import of_error
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.figures import cost, latency, memory, own, percentiles, pool, rate, resources
from zcbench.render.figures.figure import Figure
from zcbench.render.pictures import tell_lost

__all__ = ["Figure", "draw"]

# In the order of a report. Each draws its figure, or gives None where there is nothing to show.
_FIGURES = (memory, pool, percentiles, latency, rate, cost, resources, own)


def draw(record: Record, result: Result) -> list[Figure]:
    """Every figure of a run that has something to show. One that cannot be drawn is named on stderr."""
    drawn = [_drawn(module, record, result) for module in _FIGURES]
    return [figure for figure in drawn if figure is not None]


def _drawn(module: Any, record: Record, result: Result) -> Figure | None:
    try:
        figure: Figure | None = module.draw(record, result)
    except Exception as error:
        tell_lost({module.__name__.rpartition(".")[2]: of_error(error)})
        return None
    return figure
