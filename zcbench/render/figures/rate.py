"""Packets over the run: how many came against how many were due, and what went wrong on their way."""

from __future__ import annotations

import numpy as np

from zcbench.quantities.names import (
    CONSUMER_ALIASED,
    CONSUMER_CORRUPT_BEFORE_RETURN,
    CONSUMER_CORRUPT_ON_DELIVERY,
    CONSUMER_DUPLICATES,
    CONSUMER_GAPS,
    CONSUMER_REORDERED,
    CONSUMER_WRONG_SIZE,
    CONSUMER_XRUNS,
    ELAPSED_S,
    ENGINE_DELIVERED,
    ENGINE_DROPS,
    ENGINE_QUEUED,
    ENGINE_XRUNS,
)
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.figures import theme
from zcbench.render.figures.figure import Figure
from zcbench.render.figures.lines import Line, draw_lines, names_of, y_axis
from zcbench.render.figures.marks import Mark, draw_marks
from zcbench.render.figures.scales import range_of
from zcbench.render.figures.timeline import Strip, rates, rose, stack
from zcbench.render.placing import TITLES

HEIGHT = 150
# What a mark says, and the totals whose rise it marks.
FAULTS = {
    "gap": (CONSUMER_GAPS,),
    "drop": (ENGINE_DROPS,),
    "xrun": (ENGINE_XRUNS, CONSUMER_XRUNS),
    "out of order": (CONSUMER_DUPLICATES, CONSUMER_REORDERED),
    "wrong bytes": (
        CONSUMER_CORRUPT_ON_DELIVERY,
        CONSUMER_CORRUPT_BEFORE_RETURN,
        CONSUMER_WRONG_SIZE,
        CONSUMER_ALIASED,
    ),
}


def draw(record: Record, _result: Result) -> Figure | None:
    """The rate against the due rate, and how far behind; None if no packets were counted."""
    panels = [panel for panel in (_rate(record), _behind(record)) if panel is not None]
    if not panels:
        return None
    return Figure("rate", TITLES["rate"], stack(record, panels))


def _rate(record: Record) -> Strip | None:
    elapsed = record.samples[ELAPSED_S]
    lines = [
        Line("due", elapsed, rates(record, ["due"]), theme.GREY, 4.5),
        Line("delivered", elapsed, rates(record, [ENGINE_DELIVERED]), theme.BLUE, 1.8),
    ]
    lines = [line for line in lines if line.is_measured]
    if not lines:
        return None
    across = range_of(*(line.values for line in lines), least=1, zero=True)
    return Strip(
        title="Packets delivered per second",
        layers=[
            *draw_lines(lines, "packets/s"),
            *draw_marks(_marks(record, across.high)),
        ],
        y=y_axis(across, "packets/s"),
        names=names_of(lines, across, HEIGHT),
        height=HEIGHT,
    )


def _marks(record: Record, top: float) -> list[Mark]:
    """Each kind of fault in a row of its own, the first at the bottom."""
    elapsed = record.samples[ELAPSED_S]
    marks = []
    for row, (name, columns) in enumerate(FAULTS.items()):
        times = elapsed[np.any([rose(record, column) for column in columns], axis=0)]
        marks.append(Mark(name, times, np.full(times.size, top * (0.1 + 0.16 * row))))
    return marks


def _behind(record: Record) -> Strip | None:
    rows = record.samples
    behind = rows["due"] - rows[ENGINE_DELIVERED] - np.nan_to_num(rows[ENGINE_QUEUED])
    line = Line("behind", rows[ELAPSED_S], behind, theme.PURPLE)
    if not line.is_measured:
        return None
    across = range_of(line.values, least=4)
    return Strip(
        title="Packets behind",
        subtitle="due, and neither delivered nor ready to be read",
        layers=draw_lines([line], "packets"),
        y=y_axis(across, "packets"),
        height=90,
    )
