"""What was delivered, and what it took of memory: the section "Test results"."""

from __future__ import annotations

from zcbench.analysis import memory
from zcbench.analysis.delivery import delivery
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.content.cells import count, rate, seconds, signed_size, size, text, together
from zcbench.render.content.document import Section, Table, columns


def section(record: Record, result: Result) -> Section:
    """The figures of the original's "test results"."""
    found, seen = result.totals, delivery(record, result.totals)
    heap = memory.gauge(record, memory.heap_column(record))
    rows = (
        ("Duration of the run", seconds(result.end.elapsed_s)),
        ("Duration of the stream", seconds(seen.streamed_s)),
        ("Packets due", count(seen.due)),
        ("Packets delivered", count(found["engine.delivered"])),
        ("Packets missing", count(seen.missing)),
        (
            "Gaps, duplicates, reordered",
            together(*(count(found[f"consumer.{name}"]) for name in ("gaps", "duplicates", "reordered"))),
        ),
        ("Drops, xruns", together(count(found["engine.drops"]), count(found["engine.xruns"]))),
        ("Data delivered", size(found["engine.delivered_bytes"])),
        ("Average rate", rate(seen.rate_per_s)),
        (
            "Packets compared on delivery, before return",
            together(count(found["consumer.checked"]), count(found["consumer.rechecked"])),
        ),
        (f"Final heap ({heap_name(record)})", size(None if heap is None else heap.final)),
        (
            "Heap delta (no verdict: see Memory behaviour)",
            signed_size(None if heap is None else heap.delta),
        ),
    )
    table = Table(
        "Test results",
        columns("<Metric", "Value"),
        tuple((text(name), value) for name, value in rows),
    )
    return Section("Test results", (table,), figures=("rate",))


def heap_name(record: Record) -> str:
    """Which heap stands for "the heap"."""
    return "Python heap" if record.run.tracemalloc else "native heap"
