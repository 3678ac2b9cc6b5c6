"""Every memory counter of a run, each with its trend: which one moved, and which did not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.stream import streaming
from zcbench.analysis.totals import Totals, count
from zcbench.analysis.trend import Trend, trend
from zcbench.record.reader import Record

# What a block of Python's small-object allocator holds at least, for a budget in bytes: a float or a small
# int is 24 to 28 bytes, in the size class of 32.
BLOCK_BYTES = 32
HEAP_QUANTUM_BYTES = 64  # two of glibc's smallest chunks
PAGE_BYTES = 4096

Kind = Literal["exact", "pages"]


@dataclass(frozen=True)
class Counter:
    """One memory counter as the trend reads it: ``values`` in bytes at ``times`` (s), shape (readings,).

    ``kind`` "exact" decides; "pages" (RSS, USS) may fail a run and never passes one. ``collected`` marks
    readings right after a full collection, for a counter that the garbage collector manages.
    """

    name: str
    kind: Kind
    quantum: float
    times: NDArray[np.float64]
    values: NDArray[np.float64]
    collected: NDArray[np.bool_] | None = None
    column: str | None = None  # of the samples, where it is one; blocks are scaled to bytes


@dataclass(frozen=True)
class Growth:
    """A counter and its trend; rates are in bytes/s of the run's own time."""

    counter: Counter
    trend: Trend

    @property
    def slope(self) -> float | None:
        """Bytes/s in the window that the answer rests on."""
        return None if self.trend.window is None else self.trend.window.slope


def growths(record: Record) -> list[Growth]:
    """The trend of every memory counter that was measured, judged by the scenario's budget."""
    found = [counter for counter in counters(record) if np.isfinite(counter.values).any()]
    budget = float(record.run.scenario.memory.budget)
    return [
        Growth(
            counter,
            trend(
                counter.times,
                counter.values,
                budget=budget,
                quantum=counter.quantum,
                collected=counter.collected,
                pages=counter.kind == "pages",
                counters=len(found),
            ),
        )
        for counter in found
    ]


def counters(record: Record) -> list[Counter]:
    """Every memory counter as the trend reads it, measured or not."""
    samples = record.samples
    rows = streaming(record)
    times = samples["elapsed_s"][rows]
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

    overflow = inside("overflow_live_bytes")
    native = inside("native_heap_bytes") - or_zero(overflow) - or_zero(column("tracemalloc_bytes"))
    native = native - or_zero(column("slab_live_bytes"))
    # An adaptive pool's growth is no leak. What it gave up need not leave the process: free() may keep it.
    slab = np.maximum.accumulate(or_zero(samples["pool_slab_bytes"]))[rows]
    leases = column("pool_in_flight") - or_zero(column("engine_queued"))
    leases = (leases - or_zero(column("consumer_held"))) * packet_bytes
    exact = Counter("", "exact", HEAP_QUANTUM_BYTES, times, times)
    return [
        replace(
            exact,
            name="Python heap",
            values=inside("python_heap_bytes"),
            collected=after_gc,
            column="python_heap_bytes",
        ),
        replace(
            exact,
            name="allocated blocks",
            values=inside("allocated_blocks") * BLOCK_BYTES,
            collected=after_gc,
        ),
        replace(
            exact, name="native heap", values=native, collected=after_gc, column="native_heap_bytes"
        ),
        replace(exact, name="overflow", values=overflow, quantum=packet_bytes, collected=after_gc),
        replace(
            exact,
            name="leases",
            values=leases,
            quantum=packet_bytes,
            # Where the collector decides when leases come back, they are its to judge after.
            collected=after_gc if record.run.gc_every_s is None else None,
        ),
        Counter("RSS", "pages", PAGE_BYTES, times, column("rss_bytes") - slab, None, "rss_bytes"),
        Counter("USS", "pages", PAGE_BYTES, times, column("uss_bytes") - slab, None, "uss_bytes"),
    ]


def _fresh(record: Record) -> NDArray[np.bool_]:
    """Rows whose in-process gauges were read anew: each reading costs time, which is counted."""
    cost = record.samples["probe_cost_ns"]
    if not np.isfinite(cost).any():
        return np.ones(cost.shape, bool)
    before = np.concatenate([[0.0], cost[:-1]])
    return np.asarray(np.nan_to_num(cost) > np.nan_to_num(before))


def _after_collection(record: Record) -> NDArray[np.bool_]:
    """Rows whose gauges were read right after a full collection by the harness."""
    forced = np.nan_to_num(record.samples["gc_forced_collections"])
    return np.diff(forced, prepend=0.0) > 0


def _packet_bytes(record: Record) -> float:
    """Payload of a packet, as it was captured; a page when nothing was."""
    captured = record.samples["engine_captured"], record.samples["engine_captured_bytes"]
    rows = np.flatnonzero(np.nan_to_num(captured[0]) > 0)
    if not rows.size:
        return float(PAGE_BYTES)
    return float(captured[1][rows[-1]] / captured[0][rows[-1]])


def packets_per_s(record: Record, found: Totals) -> float | None:
    """Packets delivered in a second of the run's own time, which the slopes are in too."""
    elapsed, delivered = record.samples["elapsed_s"], count(found, "engine.delivered")
    return delivered / float(elapsed[-1]) if delivered and elapsed.size and elapsed[-1] else None


@dataclass(frozen=True)
class Site:
    """A line of Python that held more memory at the end than after warm-up (tracemalloc)."""

    site: str  # "file.py:12"
    grown_bytes: int
    grown_blocks: int


def largest_sites(record: Record, kind: str = "allocations") -> list[Site]:
    """The lines that grew, largest first; empty when nobody traced. Memray's are "native_allocations"."""
    for event in reversed(record.events):
        if event.kind == kind:
            sites = event.data.get("sites", [])
            return [
                Site(_short(str(s["site"])), int(s["grown_bytes"]), int(s["grown_blocks"]))
                for s in sites
            ]
    return []


def _short(site: str) -> str:
    """The last folder, the file and the line: enough to find it, and no place on a machine."""
    return "/".join(site.replace("\\", "/").split("/")[-2:])
