"""Descriptors, threads and child processes of the subject over the run."""

from __future__ import annotations

from zcbench.analysis.resources import KINDS
from zcbench.quantities.names import ELAPSED_S
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.figures import theme
from zcbench.render.figures.figure import Figure
from zcbench.render.figures.lines import Line, draw_lines, names_of, y_axis
from zcbench.render.figures.scales import range_of
from zcbench.render.figures.timeline import Strip, stack
from zcbench.render.placing import TITLES

HEIGHT = 130
_COLOURS = {"fds": theme.BLUE, "threads": theme.ORANGE, "children": theme.GREEN}


def draw(record: Record, _result: Result) -> Figure | None:
    """The counts of what is open; None if none was measured."""
    rows = record.samples
    lines = [Line(name, rows[ELAPSED_S], rows[column], _COLOURS[column]) for column, name in KINDS.items()]
    lines = [line for line in lines if line.is_measured]
    if not lines:
        return None
    across = range_of(*(line.values for line in lines), least=4, zero=True)
    strip = Strip(
        title="Open at each sample",
        layers=draw_lines(lines, "number"),
        y=y_axis(across, "number"),
        names=names_of(lines, across, HEIGHT),
        height=HEIGHT,
    )
    return Figure(
        "resources",
        TITLES["resources"],
        stack(record, [strip]),
    )
