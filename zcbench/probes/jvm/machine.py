"""One living JVM: how it is recognised, what it shows by itself, how it is read right after a collection."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from zcbench.probes import procfs
from zcbench.probes.elf import sections
from zcbench.probes.jvm import attach, hsperf
from zcbench.probes.jvm.attach import AttachError, Target
from zcbench.probes.jvm.heap import HeapInfo, parse_heap_info, private_pages
from zcbench.probes.jvm.hsperf import JvmStartingError, PerfData, PerfDataError
from zcbench.probes.jvm.inventory import Inventory
from zcbench.probes.jvm.mailbox import Answer, Mailbox, placed
from zcbench.quantities.names import (
    GC_FORCED_PAUSE_NS,
    JVM_DIRECT_BYTES,
    JVM_HEAP_BYTES,
    JVM_HEAP_COMMITTED_BYTES,
    JVM_HEAP_RESIDENT_BYTES,
    JVM_IMAGE_BYTES,
    JVM_METASPACE_BYTES,
    JVM_THREADS,
    RUNTIME_COLLECTIONS,
    RUNTIME_FULL_COLLECTIONS,
    RUNTIME_PAUSE_NS,
)

_HOTSPOT = re.compile(rb"/(?:libjvm\.so|libj9vm\d*\.so)$", re.MULTILINE)
_PERF_FILE = re.compile(rb" (/\S*/hsperfdata_[^/\n]+/\d+)$", re.MULTILINE)
_IMAGE_HEAP = ".svm_heap"
_LARGEST_MAPS = 1 << 26  # bytes: 500,000 mappings
MOST_FAILURES = 10  # to talk to a JVM, one after another, before it is left alone
MOST_RUNS = 4  # collections of one settling
REST_BYTES = (
    64  # by what a heap at rest differs from one collection to the next: the answer to the command itself
)
LONGEST_S = 2.0  # that the collections of one settling may take in all: of a huge heap one is enough
CLEANED_S = 0.05  # for the threads that run cleaners and finalizers, between two collections

INSIDE_NS = "probe.jvm.inside_ns"
# What has a JVM collect. Some flags have the first collect a part of the heap, or nothing: then the second,
# which walks the heap as well.
_SIMPLE, _THOROUGH = ("jcmd", "GC.run"), ("inspectheap", "-live")
Readings = dict[str, int | None]


@dataclass(frozen=True)
class Identity:
    """A process in which a JVM lives. ``counters`` is the file of its counters, None if it keeps none."""

    target: Target
    name: str
    is_hotspot: bool
    counters: str | None


def is_native_image(pid: int) -> bool:
    """Whether the program of ``pid`` is Java that was compiled ahead of time: GraalVM's native-image writes the
    heap that it begins with into a section of its own. Raises OSError."""
    return _IMAGE_HEAP in sections(f"/proc/{pid}/exe")


def identify(pid: int) -> Identity | None:
    """The JVM in ``pid``; None if there is none. Raises OSError."""
    with open(f"/proc/{pid}/maps", "rb") as file:  # noqa: PTH123
        maps = file.read(_LARGEST_MAPS)
    libraries = {match.group() for match in _HOTSPOT.finditer(maps)}
    if not libraries:
        return None
    found = _PERF_FILE.search(maps)
    counters = f"/proc/{pid}/root{os.fsdecode(found[1])}" if found else None
    is_hotspot = not any(b"j9" in library for library in libraries)
    return Identity(attach.target(pid), procfs.stat(pid).name, is_hotspot, counters)


class Jvm:
    """Reads one JVM. All calls by one thread; those that talk to the JVM may take seconds."""

    def __init__(self, identity: Identity, folder: Path) -> None:
        self.identity = identity
        self.inventory = Inventory()
        self._page = folder.absolute() / f"{identity.target.pid}.page"
        self._mailbox: Mailbox | None = None
        self._loads = 0  # attempts to load something into it
        self._heap: HeapInfo | None = None  # where it lies
        self._looked_for_heap = False
        self._failures = 0
        self._is_compact = True
        self._how = _SIMPLE
        self.collects = True  # whether it makes full collections when asked to
        self.complaints: list[str] = []  # what cannot be read, for a notice; whoever tells it clears it
        self.held: Readings = {}  # memory, as the newest settled collection left it
        self._runs = 0  # collections that we asked for
        self.settlings = 0
        self.totals: dict[str, int] = {}  # as last read

    @property
    def title(self) -> str:
        """ "java (4242)"."""
        return f"{self.identity.name} ({self.identity.target.pid})"

    def lives(self) -> bool:
        """Whether it is still the process that was recognised."""
        try:
            stat = procfs.stat(self.identity.target.pid)
        except OSError:
            return False
        return stat.lives and stat.start_ns == self.identity.target.start_ns

    @property
    def is_new(self) -> bool:
        """Whether it has not made a settled collection yet, and might."""
        return self.collects and not self.settlings

    def look(self) -> Readings:
        """What it shows without being asked; nothing of one that keeps no counters."""
        found = self._counters()
        if found is None:
            return {}
        # Of each settling one collection counts: the others made it exact.
        extra = self._runs - self.settlings
        for name, value in (
            (RUNTIME_COLLECTIONS, _less(found.collections, extra)),
            (RUNTIME_FULL_COLLECTIONS, _less(found.full_collections, extra)),
            (RUNTIME_PAUSE_NS, found.pause_ns),
        ):
            if value is not None:
                self.totals[name] = max(value, self.totals.get(name, 0))
        return {
            JVM_HEAP_COMMITTED_BYTES: found.heap_committed_bytes,
            JVM_THREADS: found.number("java.threads.live"),
            "jvm.classes": found.classes,
        }

    def memory(self) -> Readings:
        """Its memory now: the heap as the newest collection of any kind left it, and what the JVM counts."""
        return self._memory(self._counters(), self._ask()) | self._pages()

    def settle(self) -> bool:
        """Collect until the heap rests, then hold what it is; False if the JVM does not collect on request."""
        if not self.collects:
            return False
        # A collection may give pages back, which the heap soon takes again: mostly it has what it had before.
        pages = self._pages()
        began_s = time.monotonic()
        readings: list[Readings] = []
        for _ in range(MOST_RUNS):
            pause_ns = self._collect()
            if pause_ns is None:
                return False
            self._runs += 1
            self.totals[GC_FORCED_PAUSE_NS] = self.totals.get(GC_FORCED_PAUSE_NS, 0) + pause_ns
            time.sleep(CLEANED_S)
            readings.append(self._memory(self._counters(), self._ask()))
            if self._rests(readings) or time.monotonic() - began_s > LONGEST_S:
                break
        self.held = readings[-1] | pages
        # Objects that died in the densest part of a heap may be left where they are by some collections.
        heaps = [value for one in readings if (value := one.get(JVM_HEAP_BYTES)) is not None]
        self.held[JVM_HEAP_BYTES] = min(heaps, default=None)
        self.settlings += 1
        if self.inventory.is_due(self.settlings):
            self._take_inventory()
        return True

    def _take_inventory(self) -> None:
        before = self._counters()
        self.inventory.take(self.identity.target)
        after = self._counters()
        if before is None or after is None or before.full_collections is None:
            return
        self._runs += max(0, (after.full_collections or 0) - before.full_collections)
        pause_ns = max(0, (after.pause_ns or 0) - (before.pause_ns or 0))
        self.totals[GC_FORCED_PAUSE_NS] = self.totals.get(GC_FORCED_PAUSE_NS, 0) + pause_ns

    def _rests(self, readings: list[Readings]) -> bool:
        """Whether the last collection freed nothing that the one before had not, on the heap nor in buffers:
        more on it is what the subject has done meanwhile, and would be there after any number of them."""
        if len(readings) < 2 or not self._is_compact:
            return False
        last, before = readings[-1], readings[-2]
        return all(
            (last.get(name) or 0) >= (before.get(name) or 0) - REST_BYTES
            for name in (JVM_HEAP_BYTES, JVM_DIRECT_BYTES)
        )

    def close(self) -> None:
        """Leave it as it was."""
        if self._mailbox is not None:
            self._mailbox.close()
            self._mailbox = None
        if not self.lives():
            attach.forget(self.identity.target)

    def _counters(self) -> PerfData | None:
        if self.identity.counters is None:
            return None
        try:
            return hsperf.read(self.identity.counters, self.identity.target.user)
        except JvmStartingError:
            return None
        except (OSError, PerfDataError) as error:
            if self.lives():
                self._complain(f"the counters of {self.title} cannot be read: {error}")
            return None

    def _collect(self) -> int | None:
        """One full collection; for how long the JVM stood still, in ns. None if it made none."""
        try:
            for how in (self._how, _THOROUGH):
                pause_ns = self._collect_by(how)
                if pause_ns is not None:
                    return pause_ns
                self._how = _THOROUGH
        except AttachError:
            return None
        self.collects = False
        self._complain(f"{self.title} makes no full collection on request")
        return None

    def _collect_by(self, how: tuple[str, str]) -> int | None:
        before, began_ns = self._counters(), time.monotonic_ns()
        try:
            attach.command(self.identity.target, *how)
        except AttachError as error:
            # One that is just starting does not listen yet.
            self._failures += 1
            if self._failures >= MOST_FAILURES and self.lives():
                self.collects = False
                self._complain(f"no collection of {self.title} can be asked for: {error}")
            raise
        self._failures = 0
        took_ns = time.monotonic_ns() - began_ns
        after = self._counters()
        if before is None or after is None:
            return took_ns
        self._is_compact = after.is_compact
        if after.full_collections is not None and after.full_collections == before.full_collections:
            return None
        if before.pause_ns is None or after.pause_ns is None:
            return took_ns
        return max(0, after.pause_ns - before.pause_ns)

    def _ask(self) -> Answer | None:
        """What it counts inside; None if nothing of ours is in it."""
        if self._mailbox is None and self._loads < MOST_FAILURES:
            self._loads += 1
            self._load()
        if self._mailbox is None:
            return None
        answer = self._mailbox.ask()
        if answer is None:
            if self.lives():
                self._complain(f"{self.title} does not answer what its direct buffers have")
            return None
        self.totals[INSIDE_NS] = answer.inside_ns
        return answer

    def _load(self) -> None:
        target = self.identity.target
        try:
            places = placed(target, self._page)
            mailbox = Mailbox(places.page, target.user)
        except OSError as error:
            self._loads = MOST_FAILURES
            self._complain(f"direct buffers of {self.title} are not counted: {error}")
            return
        try:
            said = attach.command(target, "load", "instrument", "false", f"{places.jar}={places.page_inside}")
            # JDK 9 and later say so; before, the status alone did.
            code = said.rpartition("return code:")[2].strip() or "0"
            if code != "0":
                raise AttachError(f"it refuses an agent (code {code}); it needs the module java.instrument")
            self._mailbox = mailbox
        except AttachError as error:
            mailbox.close()
            if self._loads >= MOST_FAILURES and self.lives():
                self._complain(f"direct buffers of {self.title} are not counted: {error}")
        finally:
            places.clean()

    def _memory(self, found: PerfData | None, answer: Answer | None) -> Readings:
        direct = None if answer is None else answer.direct_bytes
        if found is None:
            # What it prints has some KiB that are newer than the collection.
            info = self._heap_info()
            return {JVM_HEAP_BYTES: None if info is None else info.used_bytes, JVM_DIRECT_BYTES: direct}
        return {
            JVM_HEAP_BYTES: found.heap_after_gc_bytes,
            JVM_METASPACE_BYTES: found.number("sun.gc.metaspace.used"),
            JVM_DIRECT_BYTES: direct,
        }

    def _pages(self) -> Readings:
        """Where its private memory lies, of a JVM that says where its heap does."""
        if not self._looked_for_heap:
            self._looked_for_heap = True
            self._heap = self._heap_info()
        if self._heap is None:
            return {}
        try:
            pages = private_pages(self.identity.target.pid, self._heap)
            return {JVM_HEAP_RESIDENT_BYTES: pages.heap_bytes, JVM_IMAGE_BYTES: pages.image_bytes}
        except OSError:
            return {}

    def _heap_info(self) -> HeapInfo | None:
        try:
            return parse_heap_info(attach.command(self.identity.target, "jcmd", "GC.heap_info"))
        except AttachError:
            return None

    def _complain(self, sentence: str) -> None:
        self.complaints.append(sentence)


def _less(value: int | None, by: int) -> int | None:
    return None if value is None else max(0, value - by)
