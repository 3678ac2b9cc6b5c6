"""What was delivered, and what it took of memory: the section "Test results"."""

from __future__ import annotations

from zcbench.analysis import memory
from zcbench.analysis.cost import mean_cores
from zcbench.analysis.delivery import delivery
from zcbench.analysis.totals import highest, last
from zcbench.quantities.names import (
    CONSUMER_CHECKED,
    CONSUMER_RECHECKED,
    ENGINE_DELIVERED,
    ENGINE_DELIVERED_BYTES,
    ENGINE_DROPS,
    ENGINE_XRUNS,
    OUTPUT_BYTES,
    RSS_BYTES,
)
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.content.cells import (
    count,
    rate,
    seconds,
    share,
    signed_size,
    size,
    text,
    together,
)
from zcbench.render.content.document import Cell, Section, Table, columns


def section(record: Record, result: Result) -> Section:
    """The figures of the original's "test results"."""
    rows = [
        ("Duration of the run", seconds(result.end.elapsed_s)),
        *_packets(record, result),
        *_heap(record),
        *([] if record.can("worker") else _processes(record)),
    ]
    table = Table(
        "Test results", columns("<Metric", "Value"), tuple((text(name), value) for name, value in rows)
    )
    return Section("Test results", (table,), figures=("rate",))


def _packets(record: Record, result: Result) -> list[tuple[str, Cell]]:
    found, seen = result.totals, delivery(record, result.totals)
    return [
        ("Duration of the stream", seconds(seen.streamed_s)),
        ("Packets due", count(seen.due)),
        ("Packets delivered", count(found[ENGINE_DELIVERED])),
        ("Packets missing", count(seen.missing)),
        (
            "Gaps, duplicates, reordered",
            together(*(count(found[f"consumer.{name}"]) for name in ("gaps", "duplicates", "reordered"))),
        ),
        ("Drops, xruns", together(count(found[ENGINE_DROPS]), count(found[ENGINE_XRUNS]))),
        ("Data delivered", size(found[ENGINE_DELIVERED_BYTES])),
        ("Average rate", rate(seen.rate_per_s)),
        (
            "Packets compared on delivery, before return",
            together(count(found[CONSUMER_CHECKED]), count(found[CONSUMER_RECHECKED])),
        ),
    ]


def _heap(record: Record) -> list[tuple[str, Cell]]:
    heap = memory.gauge(record, memory.heap(record).name)
    return [
        (f"Final heap ({heap_name(record)})", size(None if heap is None else heap.final)),
        (
            "Heap delta (no verdict: see Memory behaviour)",
            signed_size(None if heap is None else heap.delta),
        ),
    ]


def _processes(record: Record) -> list[tuple[str, Cell]]:
    """What the system says of a program: all that is known of one that counts nothing itself."""
    rss = memory.gauge(record, RSS_BYTES)
    most = {name: highest(record, name) for name in ("fds", "threads", "children")}
    return [
        ("Resident memory at the end", size(None if rss is None else rss.final)),
        ("Resident memory at most", size(None if rss is None else rss.peak)),
        ("CPU, of one core", share(mean_cores(record))),
        ("Descriptors, threads, child processes at most", together(*map(count, most.values()))),
        ("Printed", size(last(record, OUTPUT_BYTES))),
    ]


def heap_name(record: Record) -> str:
    """Which heap stands for "the heap"."""
    heap = memory.heap(record)
    return heap.label or heap.name
