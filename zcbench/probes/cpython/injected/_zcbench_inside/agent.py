"""What is read of one process, step by step, onto its page."""

from __future__ import annotations

import os
import sys
from time import monotonic_ns

from . import collecting, heap, meter
from .loops import PERIOD_NS, Loops
from .page import GAUGE, HISTOGRAM, TOTAL, Page
from .settings import Settings
from .sites import Sites
from .watch import Watch

TYPE_CHECKING = False  # as mypy knows it; typing is no small import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

NAMES = [
    ("settled", "collections", TOTAL),
    ("runtime.collections", "collections", TOTAL),
    ("runtime.full_collections", "collections", TOTAL),
    ("runtime.pause_ns", "ns", TOTAL),
    ("gc.forced_pause_ns", "ns", TOTAL),
    ("python.unraisable", "exceptions", TOTAL),
    ("python.blocks", "blocks", GAUGE),
    ("python.large_blocks", "blocks", GAUGE),
    ("python.object_bytes", "bytes", GAUGE),
    ("malloc.settled_bytes", "bytes", GAUGE),
    ("probe.cpython.inside_ns", "ns", TOTAL),
    ("event_loop.delay_ns", "ns", HISTOGRAM),
]
LONGEST_NS = 1_000_000_000  # between two looks: is the page still wanted?
NEVER_NS = 1 << 62
# A collection stops the program, as its own do. Times its CPU time until the next: they take 2 % at most.
MOST_GC = 50


class Agent:
    """Reads this process as the text ``settings`` says; ``is_leaving`` tells whether a step is to be cut short.

    Raises OSError, ValueError.
    """

    def __init__(self, settings: str, is_leaving: Callable[[], bool]) -> None:
        self._settings, self._is_leaving = Settings.parse(settings), is_leaving
        folder, self._every = self._settings.folder, self._settings.gc_every_ns
        self._page = Page(os.path.join(folder, f"{os.getpid()}.page"), NAMES)
        self._read_heap = heap.reader()
        self._loops = Loops()
        self._sites = Sites(folder) if self._settings.traced else None
        waited = self._loops.delays.append
        self._settling = collecting.Settling(self._read_settled, self._begins, waited, is_leaving)
        # When each is due.
        self._look_at, self._settle_at = 0, NEVER_NS if self._every is None else 0
        self._readings: list[tuple[int, int, int]] = []  # bytes, blocks, large blocks; -1 is not known
        self._malloc: list[int] = []  # bytes
        self._watch = Watch(self._page, self._read_now if self._every is None else None)
        self._watch.begin()
        self._read_now()

    def end(self, *, tell: bool = False) -> None:
        """Take part in nothing of the process any more; with ``tell`` say what grew, one last time."""
        self._watch.end()
        self._watch.publish()
        if tell and self._sites is not None:
            self._sites.tell()

    def cost(self, inside_ns: int) -> None:
        """Publish what all of this has cost, CPU time in ns."""
        self._page.set("probe.cpython.inside_ns", inside_ns)

    def step(self, due: int) -> int | None:
        """Do what is due by now, and give the time of the next step; None once the page is not wanted."""
        has_loops = self._loops.ask(due)
        if has_loops and due < min(self._look_at, self._settle_at):
            return min(max(due + self._loops.period_ns, monotonic_ns()), self._settle_at)
        # Seldom, all that can wait: a process that is idle is to stay so.
        self._look_at = monotonic_ns() + LONGEST_NS - PERIOD_NS // 2  # at every tenth step
        if not os.path.exists(self._page.path):
            self.end()
            return None
        self._loops.look()
        has_loops = has_loops or self._loops.ask(due)
        self._record_delays()
        self._watch.publish()
        if self._every is not None and monotonic_ns() >= self._settle_at:
            cpu_ns = self._settle() if self._settle_at else 0
            # At whole multiples of the system's clock: all processes of a run collect together.
            self._settle_at = ((monotonic_ns() + cpu_ns * MOST_GC) // self._every + 1) * self._every
            due = monotonic_ns()
        elif self._every is None:
            if not collecting.may_collect():
                self._read_now()
            if self._sites is not None:
                self._sites.look()
        after = max(due + (self._loops.period_ns if has_loops else LONGEST_NS), monotonic_ns())
        return min(after, self._settle_at)

    def _record_delays(self) -> None:
        delays = self._loops.delays
        while delays:
            self._page.record("event_loop.delay_ns", delays.popleft())

    def _settle(self) -> int:
        """Publish what is left after a settled collection; the CPU time that the collection took, in ns."""
        self._readings.clear()
        self._malloc.clear()
        took = cpu_ns = 0
        if collecting.may_collect():
            took, cpu_ns = self._settling.settle(self._loops.running())
        if self._is_leaving():
            return cpu_ns
        if not self._readings:
            self._read()
        # The least of the rounds: what requests in flight had in hand is not the heap's.
        self._publish(min(self._readings))
        if self._malloc:
            self._page.set("malloc.settled_bytes", min(self._malloc))
        self._page.add("gc.forced_pause_ns", took)
        if self._sites is not None:
            self._sites.look()
        # Counted last: whoever sees the count sees the reading that belongs to it.
        self._page.add("settled")
        return cpu_ns

    def _begins(self, forcing: bool) -> None:
        """A collection of ours begins, or ends."""
        self._watch.forcing = forcing
        self._loops.forget_asked()

    def _read_now(self) -> None:
        self._readings.clear()
        self._read()
        self._publish(self._readings[0])

    def _read_settled(self) -> None:
        self._read()
        if (live := meter.live_bytes()) is not None:
            self._malloc.append(live)

    def _read(self) -> None:
        blocks = sys.getallocatedblocks()
        if (traced := _traced_bytes()) is not None:
            self._readings.append((traced, blocks, -1))
            return
        small = None if self._read_heap is None else self._read_heap()
        self._readings.append((-1, blocks, -1) if small is None else (small[0], blocks, blocks - small[1]))

    def _publish(self, reading: tuple[int, int, int]) -> None:
        for name, value in zip(("object_bytes", "blocks", "large_blocks"), reading):  # noqa: B905 - of Python 3.9
            if value >= 0:
                self._page.set(f"python.{name}", value)


def _traced_bytes() -> int | None:
    """What tracemalloc has, while it stands before the allocator that would tell."""
    tracer: Any = sys.modules.get("_tracemalloc")
    return tracer.get_traced_memory()[0] if tracer is not None and tracer.is_tracing() else None
