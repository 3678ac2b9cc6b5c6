"""Which of the counters that grew names the cause of a leak."""

from __future__ import annotations

from collections.abc import Sequence

from zcbench.analysis import heaps
from zcbench.analysis.growth import Growth, block_rate, calls_per_s
from zcbench.quantities.names import JVM_METASPACE_BYTES
from zcbench.record.reader import Record
from zcbench.verdict import heap_places, program_memory

# A Python block larger than this owns memory outside the small-object allocator: an array or bytes object.
OWNING_BYTES = 512
# New blocks too few to matter do not own what malloc gains beside them: of a typical size (a float is in the
# class of 32 bytes) they must be over the budget by themselves.
TYPICAL_BLOCK_BYTES = 32
LEAST_BLOCKS_A_CALL = 0.01  # fewer do not own what each call leaves
# What a counter does not explain is more than what it does: then another one has the cause.
MOSTLY_ELSEWHERE = 2.0
# An object that owns a buffer takes some hundred bytes of its heap itself (JavaScript's Uint8Array with its
# ArrayBuffer 200, Java's DirectByteBuffer with its Cleaner 150): buffers of as many bytes leak with it.
OWNED_SHARE = 0.5
# A class that is loaded takes metaspace, and beside it its loader's tables from malloc and its mirror on the
# heap: of a loader of one small class each second these were 1,516, 3,167 and 1,054 B/s (JDK 17). Nothing but
# classes takes metaspace.
CLASSES_SHARE = 0.4
BUFFERS = frozenset({"leases", "overflow"})
_OBJECTS = ("small objects", "allocated blocks", "Python heap")


def bearing_out(grown: list[Growth], failing: list[Growth]) -> list[Growth]:
    """Counters that grow as pages do which fail, though nobody saw their collections: they say what it is.

    Of a whole and its part (array buffers of what is external) the part.
    """
    pages = [g.slope or 0.0 for g in failing if g.counter.kind == "pages"]
    if not pages or len(pages) < len(failing):
        return []
    found = [
        g
        for g in grown
        if g.counter.kind == "exact"
        and (w := g.trend.window) is not None
        and w.unjudged
        and w.low > 0
        and w.slope * MOSTLY_ELSEWHERE > max(pages)
    ]
    return without_wholes(found)


def without_wholes(grown: Sequence[Growth]) -> list[Growth]:
    """``grown`` without what grows by its parts: array buffers are external and malloc's too, one leak."""
    slopes = {g.counter.column or g.counter.name: g.slope or 0.0 for g in grown}
    again = heaps.again(slopes)

    def is_of_parts(g: Growth) -> bool:
        parts = [p for p in heaps.PARTS.get(g.counter.column or "", ()) if p in slopes]
        inner = [p for p in parts if not any(p in heaps.PARTS.get(other, ()) for other in parts)]
        if g.counter.column in again:
            return True
        return bool(parts) and MOSTLY_ELSEWHERE * sum(slopes[p] for p in inner) >= (g.slope or 0.0)

    return [g for g in grown if not is_of_parts(g)]


def cause_of(record: Record, grown: list[Growth], failing: list[Growth]) -> tuple[str, Growth | None]:
    """The cause of the largest part, and the counter that names it, where one does: what fails by little does
    not name a leak that is mostly elsewhere."""
    exact = {g.counter.name: g.slope or 0.0 for g in failing if g.counter.kind == "exact"}
    explained = sum(exact.values())
    pages = [g for g in failing if g.counter.kind == "pages"]
    most = max(pages, key=lambda g: g.slope or 0.0, default=None)
    if most is not None and (not exact or (most.slope or 0.0) > MOSTLY_ELSEWHERE * explained):
        return program_memory.cause_of_pages(record, most), most
    buffers = max(exact.get("leases", 0.0), exact.get("overflow", 0.0))
    rest = [slope for name, slope in exact.items() if name not in BUFFERS]
    if buffers > max(rest, default=0.0):
        return "buffers", None
    largest = _largest([g for g in failing if g.counter.kind == "exact" and g.counter.name not in BUFFERS])
    if largest.counter.column in heaps.MALLOC and program_memory.are_large_objects(record):
        return "python_objects", None
    if (cause := program_memory.cause_of_exact(record, largest)) is not None:
        return cause, largest
    return _in_python(record, grown, exact), None


def _largest(failing: Sequence[Growth]) -> Growth:
    """What grows most; memory that objects own before the heap that those are in."""
    largest = max(failing, key=lambda g: g.slope or 0.0)
    owned = [g for g in failing if (g.counter.column or "") in heap_places.OWNED]
    most_owned = max(owned, key=lambda g: g.slope or 0.0, default=largest)
    classes = next((g for g in failing if g.counter.column == JVM_METASPACE_BYTES), None)
    if classes is not None and (classes.slope or 0.0) >= CLASSES_SHARE * (largest.slope or 0.0):
        return classes
    return most_owned if (most_owned.slope or 0.0) >= OWNED_SHARE * (largest.slope or 0.0) else largest


def _in_python(record: Record, grown: list[Growth], exact: dict[str, float]) -> str:
    """The cause among Python's objects and its malloc."""
    native = next((g for g in grown if g.counter.name == "native heap"), None)
    blocks_per_s = block_rate(record) if "native heap" in exact else 0.0
    many = blocks_per_s * TYPICAL_BLOCK_BYTES > float(record.run.scenario.memory.budget)
    if record.can("rest"):  # where a few blocks of the harness's own would be many a second
        many = many and blocks_per_s >= LEAST_BLOCKS_A_CALL * calls_per_s(record)
    # What malloc gained for each new block of Python's is what the block owns.
    if many and native and (native.slope or 0.0) / blocks_per_s > OWNING_BYTES:
        return "buffers"
    objects = max(exact.get(name, 0.0) for name in _OBJECTS)
    if objects and objects * MOSTLY_ELSEWHERE >= exact.get("native heap", 0.0):
        return "python_objects"
    return "native"
