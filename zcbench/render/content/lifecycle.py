"""The way of a buffer: the section "Buffer lifecycle, as measured"."""

from __future__ import annotations

from zcbench.analysis import lifecycle
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.content.cells import count, nanoseconds, text
from zcbench.render.content.document import Quoted, Section, Table, columns, paragraph


def section(record: Record, result: Result) -> Section:
    """How many passed each stage, how many are there now, and how long it takes."""
    table = Table(
        "Buffer lifecycle",
        columns("<Stage", "Passed", "There now", "p50", "p99", "Max"),
        tuple(
            (
                text(stage.name),
                count(stage.passed),
                count(stage.now),
                nanoseconds(stage.p50_ns),
                nanoseconds(stage.p99_ns),
                nanoseconds(stage.max_ns),
            )
            for stage in lifecycle.lifecycle(record, result.totals)
        ),
    )
    return Section(
        "Buffer lifecycle, as measured",
        (
            Quoted("acquired → queued → delivered → held → returned"),
            table,
            paragraph("Percentiles are upper bounds of histogram buckets, at most 1/16 too high."),
        ),
        figures=("percentiles", "latency"),
    )
