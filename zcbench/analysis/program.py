"""The memory of a program that does not run in our worker: what is counted exactly, and what the system says.

Exact counters are malloc's bytes, the heaps that a runtime tells of, and bytes that the subject itself
publishes as memory. The system's are pages: private memory that no file stands behind, and mapped files.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis import heaps
from zcbench.analysis.compiled import least_growth
from zcbench.analysis.counter import Counter, Readings
from zcbench.analysis.inventories import process_names, unread_runtimes
from zcbench.analysis.stream import streaming
from zcbench.analysis.trend.growing import FEWEST_CELLS
from zcbench.quantities.known import PAGE_BYTES
from zcbench.quantities.names import (
    ANONYMOUS_BYTES,
    CGROUP_ANONYMOUS_BYTES,
    CGROUP_BYTES,
    ELAPSED_S,
    GPU_BYTES,
    MACHINE_COMMITTED_BYTES,
    MACHINE_USED_BYTES,
    MALLOC_ARENA_BYTES,
    MALLOC_LIVE_BYTES,
    POOL_SLAB_BYTES,
    PRIVATE_BYTES,
    PSS_BYTES,
    RSS_BYTES,
    SWAP_BYTES,
    USS_BYTES,
    V8_ARRAY_BUFFERS_BYTES,
    V8_EXTERNAL_BYTES,
    V8_FOREIGN_BYTES,
    VIRTUAL_BYTES,
)
from zcbench.quantities.quantity import Kind, Memory, Origin, Quantity, Reckoning
from zcbench.quantities.registry import VOCABULARY
from zcbench.quantities.units import BYTES
from zcbench.record.reader import Record

PRIVATE, MAPPED_FILES = "private memory", "mapped files"
MALLOC = MALLOC_LIVE_BYTES
# A gauge of bytes that the subject publishes under a name with this ending counts memory exactly: its own word.
LIVE = "live_bytes"
_PUBLISHED = Memory(Reckoning.EXACT, 1)
SLAB = POOL_SLAB_BYTES
# Memory in pages that other tools show, where resident memory was not read.
_STAND_INS = (
    PSS_BYTES,
    CGROUP_ANONYMOUS_BYTES,
    CGROUP_BYTES,
    VIRTUAL_BYTES,
    MACHINE_USED_BYTES,
    MACHINE_COMMITTED_BYTES,
)


# Programs that collect garbage in memory of their own, when they like: a JVM's young generation alone may grow
# for many minutes, evenly, to a quarter of the machine's memory (V8's is bounded: trend/pages.py).
_COLLECTORS = ("java", "dotnet", "mono")


def has(record: Record, name: str) -> bool:
    """Whether the quantity ``name`` was read."""
    return name in record.samples and bool(np.isfinite(record.samples[name]).any())


def counters(record: Record, known: frozenset[str]) -> list[Counter]:
    """The memory counters of a program beside those called ``known``, which are judged already."""
    rows = streaming(record)
    times, after = record.samples[ELAPSED_S][rows], heaps.after_collection(record)[rows]
    # Of malloc's bytes some are garbage where it serves a runtime's buffers: no more than comes between two
    # collections, where there are enough of those; else it may be all that it gained.
    unbounded = heaps.has_collected_malloc(record) and int(after.sum()) < FEWEST_CELLS
    found = []
    for quantity, memory in exact(record):
        if quantity.name in known:
            continue
        managed = memory.reckoning is Reckoning.MANAGED or (quantity.name == MALLOC and unbounded)
        values, code = readings(record, quantity.name)[rows], heaps.code_in(record, quantity.name)
        if code is not None:
            values = values - code[rows]
        found.append(
            Counter(
                quantity.label or quantity.name,
                "exact",
                memory.resolution_bytes,
                times,
                heaps.at_marks(times, values, after) if managed else values,
                after if managed else None,
                quantity.name,
                least=None if code is None else _least(record, quantity.name, code, after),
            )
        )
    return found + _pages(record, rows, times)


def _least(record: Record, name: str, code: Readings, after: NDArray[np.bool_]) -> Readings:
    """The least that the heap ``name`` has grown by without its ``code``, at each sample of the stream."""
    rows = streaming(record)
    times = record.samples[ELAPSED_S][rows]
    least = least_growth(times, readings(record, name)[rows], code[rows], after)
    return heaps.without_lone(times, least)


def readings(record: Record, name: str) -> Readings:
    """The column ``name``; of foreign buffers that nobody wrote down, what V8 keeps outside its heap beyond its
    array buffers."""
    if name == V8_FOREIGN_BYTES and name not in record.samples:
        return np.asarray(record.samples[V8_EXTERNAL_BYTES] - record.samples[V8_ARRAY_BUFFERS_BYTES])
    return record.samples[name]


def exact(record: Record) -> list[tuple[Quantity, Memory]]:
    """The quantities that count memory exactly, or as a collector manages it, and were read."""
    wanted = (Reckoning.EXACT, Reckoning.MANAGED)
    quantities = list(record.quantities.values())
    if has(record, V8_EXTERNAL_BYTES) and has(record, V8_ARRAY_BUFFERS_BYTES):
        quantities += [] if V8_FOREIGN_BYTES in record.quantities else [VOCABULARY[V8_FOREIGN_BYTES]]
    counted = ((quantity, _memory(quantity)) for quantity in quantities)
    return [
        (quantity, memory)
        for quantity, memory in counted
        if memory is not None and memory.reckoning in wanted
        if bool(np.isfinite(readings(record, quantity.name)).any())
        if quantity.origin in (Origin.ALLOCATOR, Origin.RUNTIME, Origin.SUBJECT)
    ]


def _memory(quantity: Quantity) -> Memory | None:
    is_bytes = quantity.kind is Kind.GAUGE and quantity.unit == BYTES
    published = quantity.origin is Origin.SUBJECT and is_bytes and quantity.name.endswith(LIVE)
    return _PUBLISHED if quantity.memory is None and published else quantity.memory


def explained(record: Record, *, judged: bool = False, free: bool = False) -> Readings:
    """The bytes that exact counters account for at each sample of the stream, each byte once; 0 where none is
    known. With ``judged`` only those whose growth is judged: a managed heap without known collections is not.
    With ``free`` what malloc keeps free in its arenas too, at least: blocks that are mapped one by one are live
    and in no arena.

    What the subject publishes may lie in malloc: of the two the larger counts. The sum is so never above what
    they account for. A heap accounts for the pages that its runtime has for it, where those are known: private
    memory has them, and what is in use of them is judged.
    """
    rows = streaming(record)
    times = record.samples[ELAPSED_S][rows]
    malloc, runtime, published = (np.zeros(times.shape) for _ in range(3))
    metered = has(record, MALLOC)
    seen = int(heaps.after_collection(record)[rows].sum()) >= FEWEST_CELLS
    counted = exact(record)
    once = heaps.each_once(one.name for one, _ in counted)
    for quantity, memory in counted:
        if judged and not seen and memory.reckoning is Reckoning.MANAGED:
            continue
        values = filled(times, readings(record, quantity.name)[rows])
        if quantity.origin is Origin.SUBJECT:
            published += values
        elif quantity.origin is Origin.ALLOCATOR:
            malloc += values if quantity.name in once else 0.0
        elif quantity.name in once and not (metered and quantity.name in heaps.FROM_MALLOC):
            runtime += _pages_of_heap(record, quantity.name, values) if seen else values
    if seen:
        runtime += sum(filled(times, _column(record, name)[rows]) for name in heaps.BOUNDED)
    if free and metered:
        malloc = np.maximum(malloc, filled(times, _column(record, MALLOC_ARENA_BYTES)[rows]))
    # A slab is never given back, and need not be judged; what it takes is known all the same.
    published += filled(times, _column(record, SLAB)[rows])
    return np.maximum(malloc, published) + runtime


def _pages_of_heap(record: Record, name: str, values: Readings) -> Readings:
    """What of private memory the heap ``name`` has, of which ``values`` are in use; they where nobody knows."""
    rows = streaming(record)
    for pages in heaps.COMMITTED.get(name, ()):
        if has(record, pages):
            found = filled(record.samples[ELAPSED_S][rows], record.samples[pages][rows])
            return found if pages in heaps.IN_MEMORY else np.maximum(values, found)
    return values


def private(record: Record) -> tuple[str, Readings] | None:
    """The memory that is the subject's own as the system has it, at each sample of the stream, and its name."""
    rows = streaming(record)
    times = record.samples[ELAPSED_S][rows]
    if has(record, ANONYMOUS_BYTES):
        anonymous = record.samples[ANONYMOUS_BYTES][rows]
        return PRIVATE, anonymous + filled(times, _column(record, SWAP_BYTES)[rows])
    for name in (PRIVATE_BYTES, USS_BYTES, RSS_BYTES):
        if has(record, name):
            return record.quantities[name].label, record.samples[name][rows]
    return None


def garbage_bytes(record: Record) -> float:
    """How much of the growth of private memory may be garbage that the subject's runtime has not collected.

    Any amount of a runtime whose heap nobody reads. Where full collections were counted, and were too few to
    judge a heap by, what a heap may gain until the next one.
    """
    heaps_read = [one.name for one, memory in exact(record) if memory.reckoning is Reckoning.MANAGED]
    if not heaps_read:
        names = process_names(record) or (record.run.subject.title or "").split()[:1]
        if unread_runtimes(record):
            return np.inf
        return np.inf if any(name.rpartition("/")[2].startswith(_COLLECTORS) for name in names) else 0.0
    rows = streaming(record)
    marks = heaps.after_collection(record)[rows]
    if not heaps.counts_collections(record) or int(marks.sum()) >= FEWEST_CELLS:
        return 0.0
    largest = max(float(np.nanmax(record.samples[name][rows], initial=0.0)) for name in heaps_read)
    return max(heaps.LEAST_LIMIT_BYTES, (heaps.MOST_GROWTH - 1) * largest)


def _pages(record: Record, rows: NDArray[np.bool_], times: Readings) -> list[Counter]:
    known = private(record)
    found = _other_pages(record, rows, times)
    if known is not None and has(record, PRIVATE_BYTES):
        found.append(Counter(known[0], "pages", PAGE_BYTES, times, known[1], None, PRIVATE_BYTES))
    if not has(record, ANONYMOUS_BYTES) or known is None:
        return found
    anonymous = record.samples[ANONYMOUS_BYTES][rows]
    files = record.samples[RSS_BYTES][rows] - anonymous
    virtual = _column(record, VIRTUAL_BYTES)[rows]
    first = np.flatnonzero(np.isfinite(files) & np.isfinite(virtual))
    if first.size:
        # Pages of a file that was mapped before are the system's cache: only more mappings can be a leak.
        more = np.maximum(0.0, virtual - virtual[first[0]])
        files = np.minimum(files, files[first[0]] + more)
    own = Counter(known[0], "pages", PAGE_BYTES, times, known[1], None, ANONYMOUS_BYTES)
    nothing = np.zeros(times.shape)
    return [*found, own, replace(own, name=MAPPED_FILES, values=files, column=None, explained=nothing)]


def _other_pages(record: Record, rows: NDArray[np.bool_], times: Readings) -> list[Counter]:
    """What stands in for resident memory where nobody read that; a GPU's memory in any case."""
    found = [name for name in _STAND_INS if has(record, name)]
    names = [GPU_BYTES] if has(record, GPU_BYTES) else []
    if private(record) is None:
        names += found[:1]
    return [
        Counter(
            record.quantities[name].label or name,
            "pages",
            PAGE_BYTES,
            times,
            record.samples[name][rows],
            None,
            name,
        )
        for name in names
    ]


def _column(record: Record, name: str) -> Readings:
    return record.samples[name] if name in record.samples else np.full(record.rows, np.nan)


def filled(times: Readings, values: Readings) -> Readings:
    """``values``, with a missing reading from those around it; 0 where all are missing."""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(times.shape)
    return np.asarray(np.interp(times, times[known], values[known]))
