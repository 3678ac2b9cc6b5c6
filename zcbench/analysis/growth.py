"""Every memory counter of a run, each with its trend: which one moved, and which did not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis import heaps, program
from zcbench.analysis.coarse import unless_coarse
from zcbench.analysis.compiled import unless_code, unless_warming
from zcbench.analysis.counter import Counter
from zcbench.analysis.coverage import coverage
from zcbench.analysis.lives import lives
from zcbench.analysis.size_classes import steady_rise
from zcbench.analysis.stream import clock, streaming
from zcbench.analysis.totals import Totals, count
from zcbench.analysis.trend import Trend, pages_trend, trend
from zcbench.quantities.known import PAGE_BYTES
from zcbench.quantities.names import (
    ANONYMOUS_BYTES,
    CALLS_MADE,
    CONSUMER_HELD,
    ELAPSED_S,
    ENGINE_CAPTURED,
    ENGINE_CAPTURED_BYTES,
    ENGINE_DELIVERED,
    ENGINE_QUEUED,
    GC_FORCED_COLLECTIONS,
    NATIVE_HEAP_BYTES,
    OVERFLOW_LIVE_BYTES,
    POOL_IN_FLIGHT,
    POOL_SLAB_BYTES,
    PROBE_COST_NS,
    PYTHON_HEAP_BYTES,
    PYTHON_LARGE_BLOCKS,
    PYTHON_SMALL_BYTES,
    RSS_BYTES,
    SLAB_LIVE_BYTES,
    TRACEMALLOC_BYTES,
    USS_BYTES,
)
from zcbench.record.reader import Record
from zcbench.record.schema import FREE_THREADED, EventKind

# The least and the most that a block of Python's small-object allocator holds (its size classes).
SMALLEST_BLOCK_BYTES, LARGEST_BLOCK_BYTES = 16, 512
HEAP_RESOLUTION_BYTES = 64  # two of glibc's smallest chunks
MALLOC_HEADER_BYTES, MALLOC_ALIGNMENT_BYTES = 8, 16  # of a chunk of glibc's on 64 bits


@dataclass(frozen=True)
class Growth:
    """A counter and its trend; rates are in bytes/s of the run's own time."""

    counter: Counter
    trend: Trend
    lives: tuple[Trend, ...] = ()  # of each life of a subject that began anew; empty for one

    @property
    def slope(self) -> float | None:
        """Bytes/s in the window that the answer rests on."""
        return None if self.trend.window is None else self.trend.window.slope


# By the record: the verdict, four tables and a figure ask for them, and of a night each answer takes a second.
_FOUND: WeakKeyDictionary[Record, list[Growth]] = WeakKeyDictionary()


def growths(record: Record) -> list[Growth]:
    """The trend of every memory counter that was measured, judged by the scenario's budget."""
    if record not in _FOUND:
        _FOUND[record] = _growths(record)
    return list(_FOUND[record])


def _growths(record: Record) -> list[Growth]:
    found = [counter for counter in counters(record) if np.isfinite(counter.values).any()]
    budget = float(record.run.scenario.memory.budget)
    limit = record.run.scenario.memory.limit
    explained = _explained(record)
    in_flight = _in_flight(record)
    covered = coverage(record)
    # Exact counters that explain little of a program's memory do not tell how its pages settle.
    known = bool(np.any(explained > 0)) and (covered is None or covered.is_enough)

    def judge(counter: Counter, share: float, life: NDArray[np.bool_]) -> Trend:
        if counter.kind == "pages":
            return pages_trend(
                counter.times[life],
                counter.values[life],
                (explained if counter.explained is None else counter.explained)[life],
                budget=budget,
                resolution=counter.resolution,
                counters=len(found),
                is_explained=known,
            )
        return trend(
            counter.times[life],
            counter.values[life] * share,
            budget=budget,
            resolution=counter.resolution * share,
            collected=None if counter.collected is None else counter.collected[life],
            counters=len(found),
            limit=limit,
            in_flight=in_flight[life] if counter.name == "native heap" else None,
            unit=counter.unit,
            cold=counter.least is not None,
        )

    warms = heaps.runtime_of(record) in heaps.COMPILING
    is_log = record.run.subject.kind == "imported"

    def settled(counter: Counter, share: float, life: NDArray[np.bool_]) -> Trend:
        shown = judge(counter, share, life)
        if counter.kind == "exact" and (is_log or counter.column in heaps.COARSE):
            shown = unless_coarse(shown, counter, life, limit * budget)
        warming = warms and counter.kind == "exact"
        return unless_warming(shown, float(np.ptp(counter.times[life]))) if warming else shown

    spans = lives(record, record.samples[ELAPSED_S][streaming(record)])
    return [_of_lives(counter, [_judged(counter, settled, life) for life in spans]) for counter in found]


def _of_lives(counter: Counter, trends: list[Trend]) -> Growth:
    """One answer for all lives: a leak in one is a leak, and flat is what every one of them was."""
    if len(trends) == 1:
        return Growth(counter, trends[0])
    order = ("fail", "inconclusive", "pass")
    worst = min(
        trends,
        key=lambda one: (order.index(one.outcome), -(one.window.slope if one.window else -np.inf)),
    )
    return Growth(counter, worst, tuple(trends))


def _judged(
    counter: Counter,
    judge: Callable[[Counter, float, NDArray[np.bool_]], Trend],
    life: NDArray[np.bool_],
) -> Trend:
    """Its trend in one life; of blocks whose size is not known, a fail must hold for the least and a pass for
    the most."""
    most = judge(counter, 1.0, life)
    if not counter.is_judged:
        return replace(most, outcome="inconclusive", why=_TOLD_APART, rising=False)
    gained = 0.0 if most.window is None else most.window.slope * float(np.ptp(counter.times[life]))
    if most.outcome == "fail" and gained <= counter.garbage_bytes:
        return replace(most, outcome="inconclusive", why=_GARBAGE)
    if most.outcome != "pass" and counter.least is not None:
        return unless_code(most, judge(replace(counter, values=counter.least), 1.0, life))
    if counter.least_share == 1.0:
        return most
    least = judge(counter, counter.least_share, life)
    if least.outcome == "fail":
        return least
    if most.outcome == "fail":
        return replace(most, outcome="inconclusive", why=f"they grow, and {_SIZE_UNKNOWN}")
    if most.outcome == "pass" and not counter.bounded:
        return replace(most, outcome="inconclusive", why="a block may have any size")
    return most


def _explained(record: Record) -> NDArray[np.float64]:
    """The bytes of resident memory that exact counters account for, at every sample of the stream; those of
    the samples around it where a reading is missing, 0 where all are."""
    beside = program.explained(record, judged=True)
    rows = streaming(record)
    times, fresh = record.samples[ELAPSED_S][rows], _fresh(record)[rows]
    total = np.zeros(times.shape)
    names = [NATIVE_HEAP_BYTES, PYTHON_SMALL_BYTES]
    if not record.can("worker"):
        names.append(PYTHON_HEAP_BYTES)  # another runtime's heap, as the importers name it
    for name in names:
        total += program.filled(times, np.where(fresh, record.samples[name][rows], np.nan))
    # The slab is taken off by itself.
    return np.asarray(total + beside - np.nan_to_num(record.samples[SLAB_LIVE_BYTES][rows]))


def _in_flight(record: Record) -> NDArray[np.float64]:
    """Bytes of malloc's that the packets in flight take where each has memory of its own."""
    packet = _packet_bytes(record) + MALLOC_HEADER_BYTES
    chunk = np.ceil(packet / MALLOC_ALIGNMENT_BYTES) * MALLOC_ALIGNMENT_BYTES
    return np.asarray(record.samples[POOL_IN_FLIGHT][streaming(record)] * chunk)


_TOLD_APART = "private memory and mapped files are judged, each by itself"
_GARBAGE = "growing, and its runtime's garbage may be all of it"
_SIZE_UNKNOWN = f"how large they are, {SMALLEST_BLOCK_BYTES} to {LARGEST_BLOCK_BYTES} bytes each, is not known"


def counters(record: Record) -> list[Counter]:
    """Every memory counter as the trend reads it, measured or not."""
    samples = record.samples
    rows = streaming(record)
    times = clock(record)[rows]
    fresh = _fresh(record)[rows]
    after_gc = _after_collection(record)[rows]
    packet_bytes = _packet_bytes(record)

    def column(name: str) -> NDArray[np.float64]:
        return samples[name][rows]

    def inside(name: str) -> NDArray[np.float64]:
        """A gauge read in the worker: a stale one is none."""
        return np.where(fresh, column(name), np.nan)

    def or_zero(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.nan_to_num(values, nan=0.0)

    overflow = inside(OVERFLOW_LIVE_BYTES)
    native = inside(NATIVE_HEAP_BYTES) - or_zero(overflow) - or_zero(column(TRACEMALLOC_BYTES))
    native = native - or_zero(column(SLAB_LIVE_BYTES))
    # An adaptive pool's growth is no leak. What it gave up need not leave the process: free() may keep it.
    slab = np.maximum.accumulate(or_zero(samples[POOL_SLAB_BYTES]))[rows]
    leases = column(POOL_IN_FLIGHT) - or_zero(column(ENGINE_QUEUED))
    leases = (leases - or_zero(column(CONSUMER_HELD))) * packet_bytes
    exact = Counter("", "exact", HEAP_RESOLUTION_BYTES, times, times, collected=after_gc)
    heap = inside(PYTHON_HEAP_BYTES)
    # Where the collector decides when leases come back, they are its to judge after.
    at_leases = after_gc if record.run.gc_every_s is None else None
    found = [
        replace(exact, name="Python heap", values=heap, column=PYTHON_HEAP_BYTES),
        _python_objects(record, inside, exact),
        replace(exact, name="native heap", values=native, column=NATIVE_HEAP_BYTES),
        replace(exact, name="overflow", values=overflow, unit=packet_bytes),
        replace(exact, name="leases", values=leases, unit=packet_bytes, collected=at_leases),
    ]
    resident = [
        Counter("RSS", "pages", PAGE_BYTES, times, column(RSS_BYTES) - slab, None, RSS_BYTES),
        Counter("USS", "pages", PAGE_BYTES, times, column(USS_BYTES) - slab, None, USS_BYTES),
    ]
    return found + (resident if record.can("worker") else _of_program(record, found, resident))


def _of_program(record: Record, found: list[Counter], resident: list[Counter]) -> list[Counter]:
    """What is known of a program's memory beside ``found``."""
    more = program.counters(record, frozenset(one.column for one in found if one.column is not None))
    # Where private memory is told apart from mapped files, RSS and USS would only mix them again.
    apart, garbage = program.has(record, ANONYMOUS_BYTES), program.garbage_bytes(record)
    resident = [replace(one, is_judged=not apart) for one in resident]
    return [replace(one, garbage_bytes=garbage) if one.kind == "pages" else one for one in more + resident]


def _python_objects(record: Record, inside: Callable[[str], NDArray[np.float64]], exact: Counter) -> Counter:
    """Python's objects up to 512 bytes: their bytes, or where nobody counted those, their number."""
    small = inside(PYTHON_SMALL_BYTES)
    if np.isfinite(small).any():
        # One object of the largest class may come just after a reading.
        return replace(
            exact,
            name="small objects",
            resolution=LARGEST_BLOCK_BYTES,
            values=small,
            column=PYTHON_SMALL_BYTES,
        )
    return replace(
        exact,
        name="allocated blocks",
        resolution=LARGEST_BLOCK_BYTES,
        values=inside("allocated_blocks") * LARGEST_BLOCK_BYTES,
        least_share=SMALLEST_BLOCK_BYTES / LARGEST_BLOCK_BYTES,
        # Without a GIL, Python's allocator is mimalloc, which serves objects of every size.
        bounded=not record.run.environment.python.endswith(FREE_THREADED),
    )


def block_rate(record: Record) -> float:
    """How many more of Python's blocks, of every size, there are each second; 0 if that may be chance."""
    rows = streaming(record) & _fresh(record)
    collected = rows & _after_collection(record)
    rows = (collected if collected.any() else rows) & np.isfinite(record.samples["allocated_blocks"])
    times, blocks = clock(record)[rows], record.samples["allocated_blocks"][rows]
    return steady_rise(times, blocks) if times.size else 0.0


def large_object_rate(record: Record) -> float:
    """How many more objects above 512 bytes, which are malloc's, a Python program has each second; 0 if that
    may be chance, or nobody counted them."""
    if PYTHON_LARGE_BLOCKS not in record.samples:
        return 0.0
    blocks = record.samples[PYTHON_LARGE_BLOCKS]
    rows = streaming(record) & heaps.after_collection(record) & np.isfinite(blocks)
    return steady_rise(clock(record)[rows], blocks[rows]) if rows.any() else 0.0


def _fresh(record: Record) -> NDArray[np.bool_]:
    """Rows whose in-process gauges were read anew: each reading costs time, which is counted."""
    cost = record.samples[PROBE_COST_NS]
    if not np.isfinite(cost).any():
        return np.ones(cost.shape, bool)
    before = np.concatenate([[0.0], cost[:-1]])
    return np.asarray(np.nan_to_num(cost) > np.nan_to_num(before))


def _after_collection(record: Record) -> NDArray[np.bool_]:
    """Rows whose gauges were read right after a full collection by the harness."""
    forced = np.nan_to_num(record.samples[GC_FORCED_COLLECTIONS])
    return np.diff(forced, prepend=0.0) > 0


def _packet_bytes(record: Record) -> float:
    """Payload of a packet, as it was captured; a page when nothing was."""
    captured = record.samples[ENGINE_CAPTURED], record.samples[ENGINE_CAPTURED_BYTES]
    rows = np.flatnonzero(np.nan_to_num(captured[0]) > 0)
    if not rows.size:
        return float(PAGE_BYTES)
    return float(captured[1][rows[-1]] / captured[0][rows[-1]])


def packets_per_s(record: Record, found: Totals) -> float | None:
    """Packets delivered in a second of the stream, in the run's own time, which the slopes are in too."""
    elapsed, delivered = record.samples[ELAPSED_S], record.samples[ENGINE_DELIVERED]
    rows = np.flatnonzero(streaming(record) & np.isfinite(delivered))
    if rows.size > 1:
        made, took = (float(column[rows[-1]] - column[rows[0]]) for column in (delivered, elapsed))
        if made > 0 and took > 0:
            return made / took
    total = count(found, ENGINE_DELIVERED)
    return total / float(elapsed[-1]) if total and elapsed.size and elapsed[-1] else None


@dataclass(frozen=True)
class Pace:
    """What a subject does again and again, and how often: a rate of growth is said a ``step`` of it as well."""

    step: str  # "packet"
    per_s: float


def pace(record: Record, found: Totals) -> Pace | None:
    """Packets delivered, or calls made, in a second of the stream; None where nobody counts either."""
    if (packets := packets_per_s(record, found)) is not None:
        return Pace("packet", packets)
    called = calls_per_s(record)
    return Pace("call", called) if called else None


def calls_per_s(record: Record) -> float:
    """Calls of a function in a second of the stream; 0 where nobody counts them."""
    made = calls(record)
    return 0.0 if made is None else made[0] / made[1]


def calls(record: Record) -> tuple[float, float] | None:
    """How many calls of a function were made between two samples of the stream, and how far apart those are
    (s); None where nobody counts them."""
    made = record.samples.get(CALLS_MADE)
    if made is None:
        return None
    rows = np.flatnonzero(streaming(record) & np.isfinite(made))
    if rows.size < 2:
        return None
    number, took = (float(column[rows[-1]] - column[rows[0]]) for column in (made, record.samples[ELAPSED_S]))
    return (number, took) if took > 0 else None


@dataclass(frozen=True)
class Site:
    """A line of Python that held more memory at the end than after warm-up (tracemalloc)."""

    site: str  # "file.py:12"
    grown_bytes: int
    grown_blocks: int


def largest_sites(record: Record, kind: str = EventKind.ALLOCATIONS) -> list[Site]:
    """The lines that grew, largest first; empty when nobody traced. Memray's are "native_allocations"."""
    for event in reversed(record.events):
        if event.kind == kind:
            sites = event.data.get("sites", [])
            return [Site(_short(str(s["site"])), int(s["grown_bytes"]), int(s["grown_blocks"])) for s in sites]
    return []


def _short(site: str) -> str:
    """The last folder, the file and the line: enough to find it, and no place on a machine."""
    return "/".join(site.replace("\\", "/").split("/")[-2:])
