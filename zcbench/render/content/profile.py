"""Memory at about ten moments of the run: the section "Memory profile"."""

from __future__ import annotations

from zcbench.analysis import memory
from zcbench.quantities.registry import STANDARD
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.content.cells import count, moment, share, size
from zcbench.render.content.document import Cell, Section, Table, columns, paragraph
from zcbench.render.content.results import heap_name


def section(record: Record, _result: Result) -> Section:
    """The original's table, with the collections between its rows."""
    rows = memory.profile(record)
    # Of a program it is called by its name: malloc's bytes are not the heap of a runtime.
    ours = memory.heap(record).name in STANDARD
    heap = "Heap" if ours else heap_name(record)
    private = any(row.private_bytes is not None for row in rows)
    sizes = (heap, "Private memory", "RSS") if private else (heap, "RSS")
    table = Table(
        "Memory profile",
        columns("Time", "Packets", *sizes, "Pool hit rate", "GC"),
        tuple(
            (
                moment(row.elapsed_s),
                count(row.packets),
                size(row.heap_bytes),
                *([size(row.private_bytes)] if private else []),
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
        what = f"Heap is the {heap_name(record)}" if ours else f"{heap}: {memory.heap(record).title}"
        said.append(f"{what}{untraced if record.can('worker') else ''}.")
    if private:
        said.append("Private memory is what no file stands behind, with what was swapped out of it.")
    if any(row.gc for row in rows) or record.can("worker"):
        said.append("GC counts the collections since the row above.")
    return Section("Memory profile", (table, *([paragraph(" ".join(said))] if said else [])))
