"""The gauges read inside the worker, each at a price that is watched."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from zcbench.capture.engine import CaptureEngine
from zcbench.clock import now_ns
from zcbench.page.scoreboard import UNSET, Scoreboard
from zcbench.quantities.names import (
    NATIVE_HEAP_BYTES,
    OVERFLOW_LIVE_BYTES,
    POOL_OLDEST_LEASE_NS,
    POOL_OVERFLOW_BYTES,
    POOL_OVERFLOW_FREED_BYTES,
    POOL_SLAB_BYTES,
    PROBE_COST_NS,
    PYTHON_HEAP_BYTES,
    PYTHON_SMALL_BYTES,
    SLAB_LIVE_BYTES,
    TRACEMALLOC_BYTES,
)
from zcbench.quantities.units import format_duration
from zcbench.record.schema import EventKind
from zcbench.subjects.inside import small_objects

MOST_SHARE = 0.01  # of the time, for one gauge: heap_info takes 3 µs, or 16 ms in a fragmented heap

Note = Callable[[str, str, dict[str, Any]], None]
Values = Mapping[str, int]


@dataclass
class _Gauge:
    """One reading: the metrics it gives, how, and when it may be afforded again."""

    names: tuple[str, ...]
    read: Callable[[], Values]
    due_ns: int = 0
    told: bool = False


class Gauges:
    """Reads every gauge onto the board. One that gets dear is read less often, one that fails is missing.

    What is not read is unset: the last value of long ago would look like a heap that does not grow.
    """

    def __init__(self, board: Scoreboard, engine: CaptureEngine | None, note: Note) -> None:
        self._board, self._note = board, note
        self._gauges = [
            _Gauge(("allocated_blocks",), lambda: {"allocated_blocks": sys.getallocatedblocks()}),
        ]
        if engine is not None:
            self._gauges.append(_Gauge((POOL_OLDEST_LEASE_NS,), lambda: _oldest_lease(engine)))
        self.small_blocks: small_objects.Blocks = {}  # by size, as last read
        self._read_small = small_objects.reader()
        # tracemalloc counts the same bytes, and more; the allocator behind it tells nothing then.
        if self._read_small is not None and not tracemalloc.is_tracing():
            self._gauges.append(_Gauge((PYTHON_SMALL_BYTES,), self._small_objects))
        if tracemalloc.is_tracing():
            self._gauges.append(_Gauge((PYTHON_HEAP_BYTES, TRACEMALLOC_BYTES), _python_heap))
        if hasattr(psutil, "heap_info"):  # Linux with glibc, macOS, Windows
            names: tuple[str, ...] = (NATIVE_HEAP_BYTES,)
            if engine is not None:
                names = (*names, OVERFLOW_LIVE_BYTES, SLAB_LIVE_BYTES)
            self._gauges.append(_Gauge(names, self._native_heap if engine else _whole_native_heap))

    def read(self, *, whatever_it_costs: bool = False) -> None:
        """Read those that are due, or all of them, and add up what that cost."""
        began = time.thread_time_ns()
        for gauge in self._gauges:
            if whatever_it_costs or now_ns() >= gauge.due_ns:
                self._read(gauge)
            else:
                self._unset(gauge)
        self._board[PROBE_COST_NS] = (self._board[PROBE_COST_NS] or 0) + time.thread_time_ns() - began

    def _read(self, gauge: _Gauge) -> None:
        began = time.thread_time_ns()
        try:
            values = gauge.read()
        except Exception as error:
            self._unset(gauge)
            self._tell(gauge, f"cannot be read and is missing: {error!r}")
            return
        for name, value in values.items():
            self._board[name] = value
        cost = time.thread_time_ns() - began
        pause_ns = round(cost / MOST_SHARE)
        gauge.due_ns = now_ns() + pause_ns
        if pause_ns > 1_000_000_000:
            price = f"takes {format_duration(cost / 1e9)} a reading"
            self._tell(gauge, f"{price}: read every {format_duration(pause_ns / 1e9)} at most")

    def _unset(self, gauge: _Gauge) -> None:
        for name in gauge.names:
            self._board[name] = UNSET

    def _tell(self, gauge: _Gauge, what: str) -> None:
        if not gauge.told:
            gauge.told = True
            self._note(EventKind.PROBE, f"{', '.join(gauge.names)} {what}", {})

    def _small_objects(self) -> Values:
        assert self._read_small is not None
        self.small_blocks = self._read_small()
        return {PYTHON_SMALL_BYTES: sum(size * n for size, n in self.small_blocks.items())}

    def _native_heap(self) -> Values:
        board = self._board
        freed = board[POOL_OVERFLOW_FREED_BYTES] or 0  # first: never more than was allocated
        live = (board[POOL_OVERFLOW_BYTES] or 0) - freed
        heap = psutil.heap_info()
        return {
            NATIVE_HEAP_BYTES: heap.heap_used + heap.mmap_used,
            OVERFLOW_LIVE_BYTES: live,
            SLAB_LIVE_BYTES: board[POOL_SLAB_BYTES] or 0,
        }


def _whole_native_heap() -> Values:
    """Of a function, of which nothing is a pool's."""
    heap = psutil.heap_info()
    return {NATIVE_HEAP_BYTES: heap.heap_used + heap.mmap_used}


def _oldest_lease(engine: CaptureEngine) -> Values:
    return {POOL_OLDEST_LEASE_NS: engine.stats().oldest_lease_ns}


def _python_heap() -> Values:
    return {
        PYTHON_HEAP_BYTES: tracemalloc.get_traced_memory()[0],
        TRACEMALLOC_BYTES: tracemalloc.get_tracemalloc_memory(),
    }
