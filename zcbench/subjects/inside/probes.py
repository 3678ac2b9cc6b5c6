"""What is measured inside the worker, on a timer, straight onto the scoreboard.

The probes keep nothing per sample: one dict kept a second is 12 MB a day, a leak of their own.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from zcbench.capture.engine import CaptureEngine
from zcbench.clock import now_ns
from zcbench.page.scoreboard import Scoreboard
from zcbench.quantities.names import (
    GC_COLLECTIONS,
    GC_FORCED_COLLECTIONS,
    GC_FORCED_PAUSE_NS,
    GC_FREED_OBJECTS,
    GC_FULL_COLLECTIONS,
    GC_PAUSE_NS,
)
from zcbench.record.schema import EventKind, RunInfo
from zcbench.scenario import Scenario
from zcbench.scenario.tables import WARM_UP_SHARE
from zcbench.subjects.inside.allocations import AllocationSites
from zcbench.subjects.inside.gauges import Gauges
from zcbench.subjects.inside.native_sites import NativeSites

LONG_PAUSE_NS = 10_000_000  # a gc pause worth an event: one block of the default stream
MOST_GC = 20  # times its length until the next: at most a twentieth of the time for the harness's own
EVENT_INTERVAL_NS = 1_000_000_000  # at most one gc event a second; the counters have them all
# Readings of Python's size classes go to worker.jsonl, 300 bytes each: a rate needs two dozen. After each so
# many the next are twice as far apart, so that a night leaves some hundred.
SIZES_UNTIL_RARER = 64

_TOTALS = (
    GC_COLLECTIONS, GC_FULL_COLLECTIONS, GC_FORCED_COLLECTIONS, GC_FREED_OBJECTS,
    GC_PAUSE_NS, GC_FORCED_PAUSE_NS,
)  # fmt: skip

Note = Callable[[str, str, dict[str, Any]], None]


class Sites(Protocol):
    """Where memory was allocated that is still there: Python's own, or native."""

    @property
    def marked(self) -> bool:
        """Whether :meth:`mark` was called."""
        ...

    def mark(self) -> None:
        """What is allocated from now on counts."""
        ...

    def tell_growth(self, note: Note) -> None:
        """Note what came since and is still there."""
        ...


class GcWatch:
    """Counts garbage collections through ``gc.callbacks``; notes long or full ones as events."""

    def __init__(self, board: Scoreboard, note: Note) -> None:
        self._board, self._note = board, note
        self._began = self._noted = 0
        self._forcing: int | None = None  # the thread that collects for the harness
        for name in _TOTALS:
            board[name] = 0
        gc.callbacks.append(self._on_gc)

    def stop(self) -> None:
        """Take the callback out again."""
        gc.callbacks.remove(self._on_gc)

    def collect(self) -> None:
        """A full collection by the harness, counted as such."""
        self._forcing = threading.get_ident()
        try:
            gc.collect()
        finally:
            self._forcing = None

    def _on_gc(self, phase: str, info: dict[str, int]) -> None:
        now = now_ns()
        if phase == "start":
            self._began = now
            return
        words, index, pause = self._board.words, self._board.index, now - self._began
        forced = self._forcing == threading.get_ident()
        words[index[GC_COLLECTIONS]] += 1
        words[index[GC_FREED_OBJECTS]] += info["collected"]
        words[index[GC_PAUSE_NS]] += pause
        full = info["generation"] == 2
        if full:
            words[index[GC_FULL_COLLECTIONS]] += 1
        if forced:
            words[index[GC_FORCED_PAUSE_NS]] += pause
        # The harness's own are on a stated timetable, and counted: no news.
        worth_noting = not forced and (full or pause >= LONG_PAUSE_NS)
        if worth_noting and now - self._noted >= EVENT_INTERVAL_NS:
            self._noted = now
            what = "full collection" if full else f"collection of generation {info['generation']}"
            self._note(EventKind.GC, f"{what} freed {info['collected']} objects", {"pause_ns": pause, **info})


class Probes:
    """A thread that reads the in-process gauges every ``every_s`` seconds, on absolute deadlines.

    Every ``gc_every_s`` (None: never) a reading comes right after a full collection: only such readings of
    a collected heap can be compared. Each of ``sites`` and ``sites_to_the_end`` is marked at the first reading
    ``warmup_s`` after the start; the former tell what came since before anything is cleared
    (:meth:`tell_growth`), the latter after the drain.
    """

    def __init__(
        self,
        board: Scoreboard,
        engine: CaptureEngine | None,
        watch: GcWatch,
        note: Note,
        *,
        every_s: float,
        gc_every_s: float | None = None,
        sites: Sequence[Sites] = (),
        sites_to_the_end: Sequence[Sites] = (),
        warmup_s: float = 0.0,
    ) -> None:
        self._board, self._watch, self._note = board, watch, note
        self._gauges = Gauges(board, engine, note)
        self._every_ns = round(every_s * 1e9)
        self._gc_every_ns = None if gc_every_s is None else round(gc_every_s * 1e9)
        self._sites, self._sites_to_the_end = tuple(sites), tuple(sites_to_the_end)
        self._warm_ns = round(warmup_s * 1e9)
        self._telling, self._told = threading.Lock(), False
        self._sizes_noted = self._sizes_due_ns = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zcbench-probes", daemon=True)

    def start(self) -> None:
        """Take a first reading, then one each interval."""
        self._collect_and_read()
        self._thread.start()

    def stop(self) -> None:
        """Take the last reading."""
        self._stop.set()
        self._thread.join()
        self._collect_and_read()
        self.tell_growth()
        for sites in self._sites_to_the_end:
            sites.tell_growth(self._note)

    def tell_growth(self) -> None:
        """Have the sites tell what came since the warm-up; only the first call does anything.

        To be called while the stream still stands: stop() and drain may clear the container that leaked.
        """
        with self._telling:
            if self._told:
                return
            self._told = True
            if self._sites and self._gc_every_ns is not None:
                self._watch.collect()  # garbage is no leak
            for sites in self._sites:
                sites.tell_growth(self._note)

    def _run(self) -> None:
        began = deadline = now_ns()
        collect_at = None if self._gc_every_ns is None else began + self._gc_every_ns
        while True:
            deadline += self._every_ns
            # Ahead of the supervisor's sample by a tenth, so that it reads fresh gauges.
            if self._stop.wait(max(0.0, (deadline - self._every_ns // 10 - now_ns()) / 1e9)):
                return
            if collect_at is not None and self._gc_every_ns and deadline >= collect_at:
                collect_at += max(self._gc_every_ns, self._every_ns)
                # A heap whose collection takes long is collected less often than it was asked for.
                collect_at = max(collect_at, now_ns() + self._collect_and_read() * MOST_GC)
            else:
                self._gauges.read()
            if now_ns() - began >= self._warm_ns:
                for sites in (*self._sites, *self._sites_to_the_end):
                    if not sites.marked:
                        sites.mark()

    def _collect_and_read(self) -> int:
        """A full collection and a reading right after it; how long the collection took, ns."""
        if self._gc_every_ns is None:
            self._gauges.read(whatever_it_costs=True)
            return 0
        began = now_ns()
        self._watch.collect()
        took = now_ns() - began
        self._gauges.read(whatever_it_costs=True)
        self._note_sizes()
        # Counted last: whoever sees the count sees the reading that belongs to it.
        self._board[GC_FORCED_COLLECTIONS] = (self._board[GC_FORCED_COLLECTIONS] or 0) + 1
        return took

    def _note_sizes(self) -> None:
        """The blocks of each size class, now and then: which one grows is half a diagnosis."""
        assert self._gc_every_ns is not None
        blocks, now = self._gauges.small_blocks, now_ns()
        if not blocks or now < self._sizes_due_ns:
            return
        intervals = 2 ** (self._sizes_noted // SIZES_UNTIL_RARER)
        # Half an interval less: a collection that comes a little early is still the next.
        self._sizes_due_ns = now + round((intervals - 0.5) * self._gc_every_ns)
        self._sizes_noted += 1
        data = {"blocks": {str(size): number for size, number in blocks.items()}}
        self._note(EventKind.SMALL_OBJECTS, f"{sum(blocks.values()):,} blocks", data)


def probes_of(
    run: RunInfo, directory: Path, board: Scoreboard, engine: CaptureEngine | None, watch: GcWatch, note: Note
) -> Probes:
    """The probes of the run in ``directory``, as its scenario asks for them."""
    sampling = run.scenario.sampling
    return Probes(
        board,
        engine,
        watch,
        note,
        every_s=sampling.every,
        gc_every_s=run.gc_every_s,
        sites=[AllocationSites()] if run.tracemalloc else [],
        # Memray knows no earlier reading to compare with: what is in flight at the end would be called a leak.
        sites_to_the_end=[NativeSites(directory)] if sampling.memray else [],
        warmup_s=_warmup_s(run.scenario),
    )


def _warmup_s(scenario: Scenario) -> float:
    """Wall time after which allocations count as the stream's own: the warm-up, at least a tenth of the run."""
    speed = 1.0 if scenario.source.unpaced else scenario.source.speed
    return max(scenario.warmup, scenario.duration * WARM_UP_SHARE) / speed
