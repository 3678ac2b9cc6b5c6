"""What is known of the heaps of runtimes: what each is a part of, what the system sees of it, when it was read.

V8's heap is mapped, its array buffers come from malloc; a JVM's heap is mapped, its direct buffers come from
malloc. A heap's bytes in use lie in pages that the runtime has for it, used or not: private memory has those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from zcbench.quantities.names import (
    GC_COLLECTIONS,
    GC_FORCED_COLLECTIONS,
    GC_FULL_COLLECTIONS,
    GO_HEAP_BYTES,
    GO_SYS_BYTES,
    JVM_CODE_BYTES,
    JVM_DIRECT_BYTES,
    JVM_HEAP_AFTER_GC_BYTES,
    JVM_HEAP_BYTES,
    JVM_HEAP_COMMITTED_BYTES,
    JVM_HEAP_RESIDENT_BYTES,
    JVM_IMAGE_BYTES,
    JVM_OLD_BYTES,
    MALLOC_LIVE_BYTES,
    MALLOC_SETTLED_BYTES,
    RUNTIME_COLLECTIONS,
    RUNTIME_FULL_COLLECTIONS,
    V8_ARRAY_BUFFERS_BYTES,
    V8_CODE_BYTES,
    V8_EXTERNAL_BYTES,
    V8_FOREIGN_BYTES,
    V8_HEAP_BYTES,
    V8_HEAP_TOTAL_BYTES,
    V8_MALLOCED_BYTES,
)
from zcbench.record.reader import Record

# Memory of a runtime that it has from malloc: where malloc is metered, it is in that count already.
FROM_MALLOC = (V8_EXTERNAL_BYTES, V8_ARRAY_BUFFERS_BYTES, V8_MALLOCED_BYTES, JVM_DIRECT_BYTES)
# The parts of what is counted as a whole. What foreign buffers point to need not be malloc's, but where a leak
# of both is of one size it is one leak.
PARTS: Mapping[str, tuple[str, ...]] = {
    V8_EXTERNAL_BYTES: (V8_ARRAY_BUFFERS_BYTES, V8_FOREIGN_BYTES),
    MALLOC_LIVE_BYTES: (*FROM_MALLOC, V8_FOREIGN_BYTES),
    MALLOC_SETTLED_BYTES: (*FROM_MALLOC, V8_FOREIGN_BYTES),
}
# Readings of one heap, of which the first that was read says all.
ONE_HEAP = (
    (JVM_HEAP_BYTES, JVM_HEAP_AFTER_GC_BYTES, JVM_OLD_BYTES),
    (MALLOC_SETTLED_BYTES, MALLOC_LIVE_BYTES),
)
MALLOC = ONE_HEAP[1]
# The pages that a runtime has for its heap, used or not: those in memory first, which may be few of them.
COMMITTED: Mapping[str, tuple[str, ...]] = {
    V8_HEAP_BYTES: (V8_HEAP_TOTAL_BYTES,),
    JVM_HEAP_BYTES: (JVM_HEAP_RESIDENT_BYTES, JVM_HEAP_COMMITTED_BYTES),
    JVM_HEAP_AFTER_GC_BYTES: (JVM_HEAP_COMMITTED_BYTES,),
    GO_HEAP_BYTES: (GO_SYS_BYTES,),
}
# Of those, what is in memory to the page: a heap has no other private memory, though more of it be in use
# (of ZGC, whose heap is shared memory).
IN_MEMORY = (JVM_HEAP_RESIDENT_BYTES,)
# What a runtime may tell in coarse steps while it runs: the live heap of a gctrace line is whole MiB.
COARSE = (GO_HEAP_BYTES,)
# Memory of a runtime that has a limit of its own, and grows to it: a code cache cannot leak, and is known. The
# pages of the JVM's image have compiled code as well; nobody reads both.
BOUNDED = (JVM_CODE_BYTES, JVM_IMAGE_BYTES)
# Code lies in the heap that it serves, and comes for minutes: all that a healthy service gained in five was
# code. A leak of functions grows the heap without it as well: by their scripts, closures and literals.
CODE: Mapping[str, str] = {V8_HEAP_BYTES: V8_CODE_BYTES}
# Runtimes, by how the names of their quantities begin.
V8, JAVA, GO, DOTNET, PYTHON = "V8", "Java", "Go", ".NET", "Python"
COMPILING = (V8, JAVA, DOTNET)  # as they run: heap and malloc warm up for minutes
_CALLED: Mapping[str, str] = {"v8.": V8, "jvm.": JAVA, "go.": GO, "clr.": DOTNET, "python.": PYTHON}
# Away from the line between its neighbours by so many of the usual distances from that, by 2 KiB, and by half
# more than those are: chance gives no such reading.
LONE, LONE_BYTES, UNLIKE = 6.5, 2 * 2**10, 1.5
MOST_LONE = 0.15  # of the readings: more are how the heap is
FEWEST_FOR_LONE = 10
MOST_APART = 2.0  # of the usual time between two readings
# A runtime collects its whole heap when it has grown to a multiple of what the last full collection left: V8's
# is 4 at most (kMaxHeapGrowingFactor of its heap controller), Go's and the JVM's about 2. A small heap may gain
# some ten MiB at any multiple.
MOST_GROWTH = 4.0
LEAST_LIMIT_BYTES = 32.0 * 2**20
# What counts a runtime's full collections, whichever of them a subject has.
_FULL = (RUNTIME_FULL_COLLECTIONS, GC_FULL_COLLECTIONS)
_EVERY = (RUNTIME_COLLECTIONS, GC_COLLECTIONS)


def each_once(names: Iterable[str]) -> set[str]:
    """``names`` without parts whose whole is among them, and without other readings of one heap; of malloc the
    reading of all processes stays, at every sample."""
    known = set(names)
    if MALLOC_LIVE_BYTES in known:
        known -= {MALLOC_SETTLED_BYTES}
    parts = {part for whole in known - {MALLOC_LIVE_BYTES} for part in PARTS.get(whole, ())}
    return known - parts - again(known)


def again(names: Iterable[str]) -> set[str]:
    """Those of ``names`` that read a heap once more which another of them reads."""
    known = set(names)
    return {name for readings in ONE_HEAP for name in [one for one in readings if one in known][1:]}


def has_collected_malloc(record: Record) -> bool:
    """Whether malloc holds what a collector frees: array buffers, direct buffers."""
    return any(
        name in record.samples and np.isfinite(record.samples[name]).any()
        for name in (V8_EXTERNAL_BYTES, V8_ARRAY_BUFFERS_BYTES, JVM_DIRECT_BYTES)
    )


def rises(record: Record, name: str) -> NDArray[np.bool_]:
    """The samples before which the total ``name`` rose, shape (samples,); none where nobody read it."""
    if name not in record.samples:
        return np.zeros(record.rows, bool)
    values = record.samples[name]
    known = np.flatnonzero(np.isfinite(values))
    risen = np.zeros(record.rows, bool)
    # A first reading counts from 0 on; one after a gap, from the reading before the gap.
    risen[known] = np.diff(values[known], prepend=0.0) > 0
    return risen


def is_settled(record: Record) -> bool:
    """Whether somebody collected the subject's garbage on purpose, to read its heaps right after."""
    return bool(rises(record, GC_FORCED_COLLECTIONS).any())


def counts_collections(record: Record) -> bool:
    """Whether somebody counted the full collections of the subject's runtime, though there may be none."""
    names = (GC_FORCED_COLLECTIONS, *_FULL)
    return any(name in record.samples and np.isfinite(record.samples[name]).any() for name in names)


def after_collection(record: Record) -> NDArray[np.bool_]:
    """Samples before which the runtime has made a full collection: the settled ones where there are any (after
    those its finalisers have run too), else its own."""
    if is_settled(record):
        return rises(record, GC_FORCED_COLLECTIONS)
    for name in _FULL:
        if name in record.samples and np.isfinite(record.samples[name]).any():
            return rises(record, name)
    return np.zeros(record.rows, bool)


def collections(record: Record) -> dict[str, NDArray[np.bool_]]:
    """By what counts them, the samples before which garbage was collected: the harness's collections first,
    then the runtime's full ones, then all. Those that nobody counted, or that never came, are left out."""
    found = {name: rises(record, name) for name in (GC_FORCED_COLLECTIONS, *_FULL, *_EVERY)}
    return {name: risen for name, risen in found.items() if risen.any()}


def code_in(record: Record, name: str) -> NDArray[np.float64] | None:
    """The bytes of compiled code in the heap ``name``, shape (samples,); None where they are not known at each
    reading of it after a collection."""
    column = CODE.get(name)
    if column is None or column not in record.samples:
        return None
    code, marks = record.samples[column], after_collection(record)
    return code if np.isfinite(code[marks & np.isfinite(record.samples[name])]).all() else None


def at_marks(
    times: NDArray[np.float64], values: NDArray[np.float64], marks: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """``values`` without those that are only held between two ``marks``; all of them where one changes between
    marks, as a reading of its own does."""
    known = np.flatnonzero(np.isfinite(values))
    changed = known[np.flatnonzero(np.diff(values[known], prepend=np.nan) != 0)][1:]
    if not marks.any() or not np.all(marks[changed]):
        return values
    return without_lone(times, np.where(marks, values, np.nan))


def without_lone(times: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``values`` at ``times`` without lone readings far from the line between their neighbours: what a runtime
    has for a moment (compiling, listing its handles) is gone at the next collection, and no leak is; what was
    garbage in the readings around, and gone in one, would not be back at the next."""
    known = np.flatnonzero(np.isfinite(values))
    if known.size < FEWEST_FOR_LONE:
        return values
    read, apart = values[known], np.diff(times[known])
    if not (apart > 0).all():
        return values
    share = apart[:-1] / (apart[:-1] + apart[1:])
    away = np.zeros(read.size)
    away[1:-1] = np.abs(read[1:-1] - read[:-2] - share * (read[2:] - read[:-2]))
    usual = float(np.median(away[1:-1]))
    # At a step two readings in a row are as far away, and beside a lone one half as far. What comes after a
    # long pause has none beside it to be compared with.
    beside = np.maximum(away[:-2], away[2:])
    near = np.maximum(apart[:-1], apart[1:]) <= MOST_APART * np.median(apart)
    far = (away[1:-1] > LONE * max(usual, LONE_BYTES / LONE)) & (away[1:-1] >= UNLIKE * beside)
    lone = np.flatnonzero(near & far) + 1
    if lone.size > MOST_LONE * read.size:
        return values
    kept = values.copy()
    kept[known[lone]] = np.nan
    return kept


def runtime_of(record: Record) -> str | None:
    """The runtime whose heap was read, as a sentence calls it; None if none was."""
    for begin, called in _CALLED.items():
        if any(name.startswith(begin) and np.isfinite(record.samples[name]).any() for name in record.samples):
            return called
    return None


def has_v8(record: Record) -> bool:
    """Whether V8's heap was read."""
    return runtime_of(record) == V8
