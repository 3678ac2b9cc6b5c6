"""The thread that reads: quiet, unseen by ``threading``, gone before a fork and before the interpreter ends."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import atexit
import os
import sys
from _thread import allocate_lock, get_native_id, start_new_thread
from time import monotonic_ns, sleep, thread_time_ns

from . import collecting, heap
from .loops import PERIOD_NS, Loops
from .page import GAUGE, HISTOGRAM, TOTAL, Page
from .settings import Settings
from .sites import Sites
from .watch import Watch

TYPE_CHECKING = False  # as mypy knows it; typing is no small import
if TYPE_CHECKING:
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
    ("probe.cpython.inside_ns", "ns", TOTAL),
    ("event_loop.delay_ns", "ns", HISTOGRAM),
]
BEGINS_AFTER_NS = 200_000_000  # a process that lives shorter has no page
LEAVES_WITHIN_NS = 500_000_000
LONGEST_NS = 1_000_000_000  # between two looks: is the page still wanted?
# A collection stops the program, as its own do. Times its CPU time until the next: they take 2 % at most.
MOST_GC = 50
_OWN_SIGNALS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT")  # of the thread itself: faulthandler's


class Agent:
    """Reads this process as ``settings`` say, and its forked children, each on a page of its own.

    What a program may patch (gevent patches ``time.sleep`` and ``_thread``) was imported before it could.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_over = False  # the page is not wanted any more
        self._reset()

    def _reset(self) -> None:
        """Everything of one process."""
        self._wake, self._gone = allocate_lock(), allocate_lock()
        self._wake.acquire()
        self._is_leaving = False
        self._thread_id = 0
        self._page: Page | None = None
        self._watch: Watch | None = None
        self._loops = Loops()
        self._sites = Sites(self._settings.folder) if self._settings.traced else None
        self._settling = collecting.Settling(self._read, self._begins, lambda: self._is_leaving)
        self._settle_at = 0
        self._inside_ns = 0
        self._readings: list[tuple[int, int, int]] = []  # bytes, blocks, large blocks; -1 is not known

    def begin(self) -> None:
        """Start, and be there in every forked child."""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._leave, after_in_parent=self._start, after_in_child=self._in_forked_child
            )
        atexit.register(self._at_exit)
        self._start()

    # -- the thread

    def _start(self) -> None:
        """Start the thread. It blocks every signal, so that it takes none for which the program waits."""
        if self._is_over:
            return
        self._is_leaving = False
        own = {getattr(_signal, name) for name in _OWN_SIGNALS}
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, set(_signal.valid_signals()) - own)
        try:
            self._gone.acquire(False)
            start_new_thread(self._run, ())
        except RuntimeError:  # the system gives no more threads
            _release(self._gone)
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)

    def _leave(self) -> None:
        """Have the thread end, and wait until the system has none of it left: Python 3.12 warns of forks with
        threads, rightly."""
        self._is_leaving = True
        _release(self._wake)
        if not self._gone.acquire(True, LEAVES_WITHIN_NS / 1e9):
            return
        self._gone.release()
        self._wake.acquire(False)
        path = f"/proc/self/task/{self._thread_id}"
        until = monotonic_ns() + LEAVES_WITHIN_NS
        while self._thread_id and os.path.exists(path) and monotonic_ns() < until:
            sleep(0.00002)

    def _in_forked_child(self) -> None:
        if self._watch is not None:
            self._watch.end()
        self._reset()
        self._start()

    def _at_exit(self) -> None:
        self._leave()
        self._is_over = True
        if self._watch is not None:
            self._watch.end()
        if self._sites is not None:
            self._sites.tell()

    def _run(self) -> None:
        try:
            self._thread_id = get_native_id()
            _name_thread(self._thread_id)
            self._read_until_left()
        except Exception:
            self._is_over = True  # what is wrong with the readings costs readings alone
        finally:
            _release(self._gone)

    def _read_until_left(self) -> None:
        due = monotonic_ns() + (BEGINS_AFTER_NS if self._page is None else 0)
        while not self._is_leaving:
            if self._wake.acquire(True, max(0, due - monotonic_ns()) / 1e9):
                continue
            began = thread_time_ns()
            page = self._page or self._open()
            if not os.path.exists(page.path):
                self._is_over = True
                if self._watch is not None:
                    self._watch.end()
                return
            due = self._step(page, due)
            self._inside_ns += thread_time_ns() - began
            page.set("probe.cpython.inside_ns", self._inside_ns)

    def _open(self) -> Page:
        path = os.path.join(self._settings.folder, f"{os.getpid()}.page")
        page = Page(path, NAMES)
        self._read_heap = heap.reader()
        is_natural = self._settings.gc_every_ns is None
        self._watch = Watch(page, self._read_now if is_natural else None)
        self._watch.begin()
        self._page = page
        self._read_now()
        return page

    # -- one step

    def _step(self, page: Page, due: int) -> int:
        """Do what is due by now, and give the time of the next step."""
        every = self._settings.gc_every_ns
        self._loops.look()
        has_loops = self._loops.ask(due)
        self._record_delays(page)
        if every is not None and monotonic_ns() >= self._settle_at:
            cpu_ns = self._settle(page) if self._settle_at else 0
            # At whole multiples of the system's clock: all processes of a run collect together.
            self._settle_at = ((monotonic_ns() + cpu_ns * MOST_GC) // every + 1) * every
            due = monotonic_ns()
        elif every is None and not collecting.may_collect():
            self._read_now()
        if every is None and self._sites is not None:
            self._sites.look()
        after = due + (PERIOD_NS if has_loops else LONGEST_NS)
        after = max(after, monotonic_ns())
        return after if every is None else min(after, self._settle_at)

    def _record_delays(self, page: Page) -> None:
        delays = self._loops.delays
        while delays:
            page.record("event_loop.delay_ns", delays.popleft())

    def _settle(self, page: Page) -> int:
        """Publish what is left after a settled collection; the CPU time that the collection took, in ns."""
        self._readings.clear()
        took, cpu_ns = (0, 0)
        if collecting.may_collect():
            took, cpu_ns = self._settling.settle(self._loops.running())
        if self._is_leaving:
            return cpu_ns
        if not self._readings:
            self._read()
        # The least of the rounds: what requests in flight had in hand is not the heap's.
        self._publish(page, min(self._readings))
        page.add("gc.forced_pause_ns", took)
        if self._sites is not None:
            self._sites.look()
        # Counted last: whoever sees the count sees the reading that belongs to it.
        page.add("settled")
        return cpu_ns

    def _begins(self, forcing: bool) -> None:
        """A collection of ours begins, or ends."""
        if self._watch is not None:
            self._watch.forcing = forcing
        self._loops.forget_asked()

    def _read_now(self) -> None:
        if self._page is not None:
            self._readings.clear()
            self._read()
            self._publish(self._page, self._readings[0])

    def _read(self) -> None:
        blocks = sys.getallocatedblocks()
        if (traced := _traced_bytes()) is not None:
            self._readings.append((traced, blocks, -1))
            return
        small = None if self._read_heap is None else self._read_heap()
        self._readings.append((-1, blocks, -1) if small is None else (small[0], blocks, blocks - small[1]))

    def _publish(self, page: Page, reading: tuple[int, int, int]) -> None:
        for name, value in zip(("object_bytes", "blocks", "large_blocks"), reading):  # noqa: B905 - of Python 3.8
            if value >= 0:
                page.set(f"python.{name}", value)


def _traced_bytes() -> int | None:
    """What tracemalloc has, while it stands before the allocator that would tell."""
    tracer: Any = sys.modules.get("_tracemalloc")
    return tracer.get_traced_memory()[0] if tracer is not None and tracer.is_tracing() else None


def _release(lock: Any) -> None:
    try:
        lock.release()
    except RuntimeError:  # it is free
        pass


def _name_thread(thread_id: int) -> None:
    """For whoever lists the threads of the process."""
    try:
        with open(f"/proc/self/task/{thread_id}/comm", "w", encoding="utf-8") as file:
            file.write("zcbench")
    except OSError:
        pass
