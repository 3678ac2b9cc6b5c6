"""Memory at about ten moments of the run: the section "Memory profile"."""

from __future__ import annotations

from zcbench.analysis import memory
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.content.cells import count, moment, share, size
from zcbench.render.content.document import Cell, Section, Table, columns, paragraph
from zcbench.render.content.results import heap_told


def section(record: Record, _result: Result) -> Section:
    """The original's table, with the collections between its rows."""
    rows = memory.profile(record)
    table = Table(
        "Memory profile",
        columns("Time", "Packets", "Heap", "RSS", "Pool hit rate", "GC"),
        tuple(
            (
                moment(row.elapsed_s),
                count(row.packets),
                size(row.heap_bytes),
                size(row.rss_bytes),
                share(row.hit_rate),
                Cell(f"♻ {row.gc}" if row.gc else "", row.gc),
            )
            for row in rows
        ),
    )
    untraced = "" if record.run.tracemalloc else " (Python's own was not traced in this run)"
    said = []
    if any(row.heap_bytes is not None for row in rows) or record.can("worker"):
        said.append(f"Heap is {heap_told(record)}{untraced if record.can('worker') else ''}.")
    if any(row.gc for row in rows) or record.can("worker"):
        said.append("GC counts the collections since the row above.")
    return Section("Memory profile", (table, *([paragraph(" ".join(said))] if said else [])))
