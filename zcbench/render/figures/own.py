"""What the subject publishes of its own: a strip for each quantity that moved, totals by their rate."""

from __future__ import annotations

import numpy as np

from zcbench.quantities.names import ELAPSED_S
from zcbench.quantities.quantity import Kind, Origin, Quantity
from zcbench.quantities.registry import STANDARD
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.figures import theme
from zcbench.render.figures.figure import Figure
from zcbench.render.figures.lines import Line, draw_lines, y_axis
from zcbench.render.figures.scales import Series, range_of
from zcbench.render.figures.timeline import Strip, stack
from zcbench.render.placing import TITLES

HEIGHT = 80
MOST_STRIPS = 8  # a screen of them; the table has all


def draw(record: Record, _result: Result) -> Figure | None:
    """None if the subject published nothing of its own that moved."""
    moved = [
        one
        for one in record.quantities.sampled
        if one.origin is Origin.SUBJECT and one.name not in STANDARD and _moves(record.samples[one.name])
    ]
    strips = [_strip(record, one) for one in moved[:MOST_STRIPS]]
    return Figure("own", TITLES["own"], stack(record, strips)) if strips else None


def _moves(values: Series) -> bool:
    known = values[np.isfinite(values)]
    return bool(known.size > 1 and known.max() > known.min())


def _strip(record: Record, one: Quantity) -> Strip:
    elapsed, values = record.samples[ELAPSED_S], record.samples[one.name]
    unit = one.unit
    if one.kind is Kind.TOTAL:
        values, unit = _a_second(elapsed, values) * unit.in_base, unit.base.per_second
    factor, axis = unit.axis
    line = Line(one.name, elapsed, values * factor, theme.BLUE)
    across = range_of(line.values, least=0, zero=True)
    return Strip(
        title=f"{one.label or one.name}, {axis}",
        layers=draw_lines([line], axis),
        y=y_axis(across, axis),
        height=HEIGHT,
    )


def _a_second(elapsed: Series, values: Series) -> Series:
    """The rise of a total a second since its reading before."""
    known = np.flatnonzero(np.isfinite(values) & np.isfinite(elapsed))
    rates = np.full(values.shape, np.nan)
    seconds = np.diff(elapsed[known])
    rises = np.diff(values[known])
    rates[known[1:]] = np.divide(rises, seconds, out=np.full(rises.shape, np.nan), where=seconds > 0)
    return rates
