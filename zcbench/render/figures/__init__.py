"""Figures of a run: one chart specification each, for the page (altair, Vega-Lite) and for files (SVG, PNG)."""

from __future__ import annotations

from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.figures import cost, latency, memory, percentiles, pool, rate, resources
from zcbench.render.figures.figure import Figure

__all__ = ["Figure", "draw"]

# In the order of a report. Each draws its figure, or gives None where there is nothing to show.
_FIGURES = (memory, pool, percentiles, latency, rate, cost, resources)


def draw(record: Record, result: Result) -> list[Figure]:
    """Every figure of a run that has something to show."""
    from altair.utils.schemapi import debug_mode

    with debug_mode(
        False
    ):  # the tests hold every figure against Vega-Lite's schema; a run need not
        drawn = [module.draw(record, result) for module in _FIGURES]
    return [figure for figure in drawn if figure is not None]
