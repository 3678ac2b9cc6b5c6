"""What the subject counts beside the standard quantities: the section "What else was measured"."""

from __future__ import annotations

import numpy as np

from zcbench.analysis.totals import mean_per_s
from zcbench.quantities.quantity import Kind, Origin, Quantity
from zcbench.quantities.registry import STANDARD
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.content.cells import of, text
from zcbench.render.content.document import Block, Cell, Section, Table, columns, paragraph

TITLE = "What else was measured"


def section(record: Record, _result: Result) -> Section | None:
    """Each quantity that the subject brought, over the whole run; None if it brought none that was read."""
    read = [
        one
        for one in record.quantities.sampled
        if one.name not in STANDARD
        and one.origin is not Origin.SUPERVISOR
        and one.memory is None  # has the section of memory
        and np.isfinite(record.samples[one.name]).any()
    ]
    moved = [one for one in read if np.nanmax(np.abs(record.samples[one.name])) > 0]
    blocks: list[Block] = []
    if moved:
        heads = columns("<Quantity", "First", "Last", "Lowest", "Highest", "A second", "<What it is")
        blocks.append(Table(TITLE, heads, tuple(_row(record, one) for one in moved)))
    if still := [one.name for one in read if one not in moved]:
        blocks.append(paragraph(f"0 all the time: {', '.join(still)}."))
    return Section(TITLE, tuple(blocks), figures=("own",)) if blocks else None


def _row(record: Record, one: Quantity) -> tuple[Cell, ...]:
    values = record.samples[one.name]
    known = values[np.isfinite(values)]
    per_s = mean_per_s(record, values) if one.kind is Kind.TOTAL else None
    shown = (known[0], known[-1], known.min(), known.max())
    return (
        text(one.name),
        *(of(one.unit, float(value)) for value in shown),
        of(one.unit.per_second, None if per_s is None else per_s * one.unit.in_base),
        text(one.title),
    )
