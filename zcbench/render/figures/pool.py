"""The pool over the run: how many leases are out against its slots, and what it could not serve."""

from __future__ import annotations

import numpy as np

from zcbench.quantities.derived import HIT_RATE
from zcbench.quantities.names import (
    ELAPSED_S,
    POOL_HIGH_WATER,
    POOL_HITS,
    POOL_IN_FLIGHT,
    POOL_MISSES,
    POOL_SLOTS,
)
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.figures import theme
from zcbench.render.figures.figure import Figure
from zcbench.render.figures.lines import Line, draw_lines, names_of, y_axis
from zcbench.render.figures.scales import range_of
from zcbench.render.figures.timeline import Strip, rates, stack
from zcbench.render.placing import TITLES

HEIGHT = 120


def draw(record: Record, _result: Result) -> Figure | None:
    """In flight, hits and misses, hit rate; None if the pool was not measured."""
    panels = [
        panel for panel in (_in_flight(record), _acquires(record), _hit_rate(record)) if panel is not None
    ]
    if not panels:
        return None
    return Figure("pool", TITLES["pool"], stack(record, panels))


def _in_flight(record: Record) -> Strip | None:
    rows = record.samples
    lines = [
        Line("slots", rows[ELAPSED_S], rows[POOL_SLOTS], theme.GREY, 1.6, (6, 4)),
        Line("high water", rows[ELAPSED_S], rows[POOL_HIGH_WATER], theme.ORANGE, 3.2),
        Line("in flight", rows[ELAPSED_S], rows[POOL_IN_FLIGHT], theme.BLUE),
    ]
    lines = [line for line in lines if line.is_measured]
    if not lines:
        return None
    across = range_of(*(line.values for line in lines), least=1, zero=True)
    return Strip(
        title="Leases in flight, high water, slots",
        layers=draw_lines(lines, "leases"),
        y=y_axis(across, "leases"),
        names=names_of(lines, across, HEIGHT),
        height=HEIGHT,
    )


def _acquires(record: Record) -> Strip | None:
    elapsed = record.samples[ELAPSED_S]
    lines = [
        Line("hits", elapsed, rates(record, [POOL_HITS]), theme.BLUE),
        Line("misses", elapsed, rates(record, [POOL_MISSES]), theme.RED),
    ]
    lines = [line for line in lines if line.is_measured]
    if not lines:
        return None
    across = range_of(*(line.values for line in lines), least=1, zero=True)
    return Strip(
        title="Acquires: hits and misses",
        layers=draw_lines(lines, "acquires/s"),
        y=y_axis(across, "acquires/s"),
        names=names_of(lines, across, HEIGHT),
        height=HEIGHT,
    )


def _hit_rate(record: Record) -> Strip | None:
    share = 100 * HIT_RATE.over({name: rates(record, [name]) for name in HIT_RATE.names})
    line = Line("hit rate", record.samples[ELAPSED_S], share, theme.BLUE)
    if not line.is_measured:
        return None
    across = range_of(np.array([0.0, 100.0]), least=1, zero=True)
    return Strip(
        title="Hit rate since the sample before",
        layers=draw_lines([line], "%"),
        y=y_axis(across, "%"),
        height=80,
    )
