"""Soak a function in this process: for those that no other process can import, as in a test.

The record is that of any callable. What differs: a reading is taken between two batches of calls, after a
collection and at rest, so that it is exact; and nobody watches from outside, so that a crash is a crash of the
process, and a call that does not return never ends. The allocator is that of the whole process: whatever
other threads keep meanwhile counts too.
"""

from __future__ import annotations

import gc
import tracemalloc
from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any

import msgspec
import psutil

from zcbench.clock import now_ns
from zcbench.page.scoreboard import Scoreboard
from zcbench.quantities.names import (
    CALLS_MADE,
    CPU_SYSTEM_S,
    CPU_USER_S,
    ELAPSED_S,
    GC_FORCED_COLLECTIONS,
    NATIVE_HEAP_BYTES,
    OUTPUT_BYTES,
    PYTHON_HEAP_BYTES,
    PYTHON_SMALL_BYTES,
    RSS_BYTES,
)
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.schema import (
    STDERR_FILE,
    WORKER_EVENTS_FILE,
    End,
    Ending,
    Event,
    EventKind,
    Phase,
    RunInfo,
)
from zcbench.record.writer import RecordWriter, run_id
from zcbench.scenario import Scenario, unplanned
from zcbench.soak.batches import FEWEST_PARTS, PARTS, Batches
from zcbench.soak.environment import environment
from zcbench.soak.page_file import PageFile
from zcbench.soak.quiet import Output, quiet
from zcbench.soak.sampler import Row
from zcbench.soak.thread_cache import fill_thread_cache
from zcbench.subjects.inside.allocations import AllocationSites
from zcbench.subjects.inside.gauges import Gauges
from zcbench.subjects.inside.leftovers import leave_what_is_there, resources, tell_open
from zcbench.subjects.inside.probes import GcWatch

# Batches that are made once more under tracemalloc, of a function that may leak; it makes calls so many times
# slower. They gain enough to be told from what else happens, and take a fifth of the run at most.
TRACED_PARTS = 6
SLOWER = 5.0
TRACED_BYTES = 64 * 2**10
TRACED_SHARE = 0.2
SUSPECT_BYTES = 1024  # what memory gained in the stream, from which on the lines are looked for
MOST_READINGS = 4096
# Who leaks that much has leaked, and the machine is needed by others: the run ends.
MOST_GAINED_BYTES = 256 * 2**20
# Of what the stream gained a call, that the lines explain at least: else the leak is none of Python's.
EXPLAINED = 0.2
LEAST_SITE = 0.1  # of the largest line's growth, to be named
_OURS = str(Path(__file__).parents[1])
CALLS = VOCABULARY[CALLS_MADE]


class InProcess:
    """One run, in the new, empty ``directory``. To be entered; then :meth:`batches` says how often to call.

    ::

        with InProcess(scenario, directory, command=["pytest"], calls=100_000) as run:
            for number in run.batches():
                for _ in range(number):
                    function()
    """

    def __init__(
        self, scenario: Scenario, directory: Path, *, command: Sequence[str], calls: int | None
    ) -> None:
        self._batches = Batches(calls, None if calls is not None else float(scenario.duration))
        table = scenario.subject
        self._info = RunInfo(
            id=run_id(scenario.name),
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            started_ns=now_ns(),
            command=list(command),
            scenario=unplanned(scenario),
            environment=environment(),
            tracemalloc=tracemalloc.is_tracing(),
            due_packets=None,
            subject=SubjectInfo(kind="call", title=table.call, capabilities=("rest",)),
            # As often as a batch ends: a number that a report shows.
            gc_every_s=float(scenario.duration) / PARTS,
            tags=scenario.tags,
        )
        self.directory = directory
        self._process = psutil.Process()
        # Bytes after each batch of the stream. All the room that it can need: a list that grows would be seen.
        self._readings, self._held = 0, array("q", bytes(8 * MOST_READINGS))
        self._began_ns = 0  # when it was called first
        self._calls, self._calls_s = 0, 0.0  # those of the stream, and how long they took

    def __enter__(self) -> InProcess:
        """Begin the record."""
        self._writer = RecordWriter(self.directory, self._info)
        (self.directory / WORKER_EVENTS_FILE).touch()
        self._writer.declare([CALLS])
        self._page = PageFile(self.directory, has_page=True, packets=False)
        self._board: Scoreboard = self._page.board
        self._board["phase"] = Phase.STARTING
        self._output = Output(self.directory / STDERR_FILE)
        self._quiet = quiet(self._output, self._note)
        leave_what_is_there()
        self._watch = GcWatch(self._board, self._note)
        self._gauges = Gauges(self._board, None, self._note)
        resources()  # once before it counts: it fills caches of its own
        fill_thread_cache()
        self._between = self._quiet.__enter__()
        return self

    def batches(self) -> Iterator[int]:
        """How many calls to make, again and again; a reading is taken after each."""
        self._began_ns = now_ns()
        while not self._is_enough() and (number := self._batches.next(self._called_for_s())):
            was_warm = self._batches.warm
            yield from self._batch(number)
            if was_warm and self._board["phase"] == Phase.STARTING:
                # One batch after what is open was looked at: that may leave something of its own.
                self._board["phase"] = Phase.RUNNING
                self._note(EventKind.PHASE, "running", {})
            elif self._batches.warm and not was_warm:
                tell_open("before the stream", self._note)
        if self._gained() > SUSPECT_BYTES:
            yield from self._trace()
        self._board["phase"] = Phase.DRAINING

    def _is_enough(self) -> bool:
        return self._readings >= FEWEST_PARTS and self._gained() > MOST_GAINED_BYTES

    def _batch(self, number: int) -> Iterator[int]:
        began = now_ns()
        yield number
        called = now_ns()
        if self._batches.is_measuring:
            self._batches.timed(number, (called - began) / 1e9, self._called_for_s())
            return
        self._between()
        held = self._read(number)
        done = now_ns()
        self._batches.done(number, (done - called) / 1e9, (called - began) / 1e9, self._elapsed_s(), held)
        if self._board["phase"] == Phase.RUNNING:
            self._held[self._readings % MOST_READINGS] = held
            self._readings += 1
            self._calls += number
            self._calls_s += (called - began) / 1e9

    def _read(self, number: int) -> int:
        """Collect, read everything, write a row; the bytes that the exact counters have."""
        board = self._board
        self._watch.collect()
        self._gauges.read(whatever_it_costs=True)
        board[GC_FORCED_COLLECTIONS] = (board[GC_FORCED_COLLECTIONS] or 0) + 1
        row: Row = {ELAPSED_S: self._elapsed_s(), **board.counters()}
        row |= self._read_process()
        row |= {
            CALLS_MADE: self._batches.made + number,
            OUTPUT_BYTES: self._output.size(),
            "settled": 1,
            "sample_late_s": 0.0,
        }
        self._writer.sample(row)
        traced = board[PYTHON_HEAP_BYTES]
        small = traced if traced is not None else board[PYTHON_SMALL_BYTES]
        return (small or 0) + (board[NATIVE_HEAP_BYTES] or 0)

    def _read_process(self) -> Row:
        """What the system says of this process; its children are counted at the ends alone."""
        process = self._process
        cpu = process.cpu_times()
        return {
            RSS_BYTES: process.memory_info().rss,
            "threads": process.num_threads(),
            "fds": process.num_fds() if hasattr(process, "num_fds") else process.num_handles(),
            CPU_USER_S: cpu.user,
            CPU_SYSTEM_S: cpu.system,
        }

    def _gained(self) -> float:
        """What memory gained from the stream's first quarter to its last, bytes."""
        held = self._held[: min(self._readings, MOST_READINGS)]
        if len(held) < 2:
            return 0.0
        quarter = max(1, len(held) // 4)
        return median(held[-quarter:]) - median(held[:quarter])

    def _trace(self) -> Iterator[int]:
        """Call it some more under tracemalloc, and note the lines whose memory grows with the calls."""
        self._board["phase"] = Phase.DRAINING
        # Between the middles of two quarters lie three of the stream.
        gained_a_call = self._gained() / (0.75 * self._calls)
        was_tracing = tracemalloc.is_tracing()
        if not was_tracing:
            tracemalloc.start(1)
        lasts_s = TRACED_SHARE * self._called_for_s() * self._calls / (SLOWER * self._calls_s)
        number = max(1, round(min(TRACED_BYTES / gained_a_call, lasts_s) / TRACED_PARTS))
        try:
            sites = AllocationSites()
            yield number
            self._between()
            self._watch.collect()
            sites.mark()
            for _ in range(TRACED_PARTS):
                yield number
                self._between()
            self._watch.collect()
            sites.tell_growth(
                lambda kind, message, data: self._tell_sites(
                    kind, message, data, gained_a_call * number * TRACED_PARTS
                )
            )
        finally:
            if not was_tracing:
                tracemalloc.stop()

    def _tell_sites(self, kind: str, message: str, data: dict[str, Any], gained: float) -> None:
        """Note those lines that are not our own, if they explain what was ``gained``."""
        sites = [one for one in data["sites"] if not str(one["site"]).startswith(_OURS)]
        largest = max((one["grown_bytes"] for one in sites), default=0)
        sites = [one for one in sites if one["grown_bytes"] >= LEAST_SITE * largest]
        explained = sum(one["grown_bytes"] for one in sites) >= EXPLAINED * gained
        # An empty list is told too: it was looked, and Python holds none of it.
        self._note(kind, message, {"sites": sites if explained else []})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the record; what was raised goes on."""
        self._quiet.__exit__(None, None, None)
        tell_open("after the drain", self._note)
        self._watch.stop()
        gc.unfreeze()
        self._output.close()
        end = _end(error)
        self._board["phase"] = Phase.DONE if error is None else self._board["phase"] or 0
        end = msgspec.structs.replace(end, elapsed_s=self._elapsed_s())
        message = end.message or end.ending
        self._note(EventKind.END, message, msgspec.to_builtins(end))
        self._writer.close()
        self._page.close()

    def _called_for_s(self) -> float:
        return (now_ns() - self._began_ns) / 1e9

    def _elapsed_s(self) -> float:
        return (now_ns() - self._info.started_ns) / 1e9

    def _note(self, kind: str, message: str, data: dict[str, Any]) -> None:
        self._writer.event(Event(elapsed_s=self._elapsed_s(), kind=kind, message=message, data=data))


def _end(error: BaseException | None) -> End:
    if error is None:
        return End(ending=Ending.FINISHED, exit_code=0, message="exited normally")
    if isinstance(error, KeyboardInterrupt):
        return End(ending=Ending.INTERRUPTED, signal="SIGINT", message="interrupted")
    import traceback

    message = "".join(traceback.format_exception_only(error)).strip()
    text = "".join(traceback.format_exception(error))
    return End(ending=Ending.FAILED, exit_code=1, message=message, traceback=text)
