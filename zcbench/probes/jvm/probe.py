"""The JVMs of a subject: found, read, and made to collect, by a thread of the probe's own."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from zcbench.clock import now_ns
from zcbench.probes import procfs
from zcbench.probes.jvm.machine import INSIDE_NS, Identity, Jvm, identify, is_native_image
from zcbench.probes.probe import Notice, Number, Processes, Sayings
from zcbench.probes.process import Process
from zcbench.quantities.names import (
    GC_FORCED_COLLECTIONS,
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
from zcbench.quantities.quantity import Kind, Origin, Quantity
from zcbench.quantities.registry import VOCABULARY
from zcbench.quantities.units import unit_of
from zcbench.record.schema import UNREAD, EventKind

NAME = "jvm"
_MEMORY = (
    *(JVM_HEAP_BYTES, JVM_HEAP_RESIDENT_BYTES, JVM_IMAGE_BYTES),
    *(JVM_METASPACE_BYTES, JVM_DIRECT_BYTES),
)
_SHOWN = (JVM_HEAP_COMMITTED_BYTES, JVM_THREADS, "jvm.classes")
_TOTALS = (RUNTIME_COLLECTIONS, RUNTIME_FULL_COLLECTIONS, RUNTIME_PAUSE_NS, GC_FORCED_PAUSE_NS, INSIDE_NS)
_NAMES = (*_MEMORY, *_SHOWN, *_TOTALS, GC_FORCED_COLLECTIONS)
_INSIDE = Quantity(
    INSIDE_NS,
    unit_of("ns"),
    Kind.TOTAL,
    Origin.SUPERVISOR,
    f"time that the probe {NAME} took inside the subject",
)
# Collections that we ask for take at most this share of a JVM's time: of a huge heap they become rarer.
# More often than that on a busy machine, where a pause is mostly waiting, too few readings would be left.
MOST_PAUSE = 0.25
# A process without a JVM is looked at again after 1, 2, 4 ... 64 s: it may load one later.
FIRST_AGAIN_S, LAST_AGAIN_S = 1.0, 64.0
CLOSE_S = 5.0
STALE_S = 15.0  # readings that are older are none: a JVM that was stopped answers nothing
_PAUSE_S = 0.2  # between two looks at least
MOST_NOTICES = 20


@dataclass
class _Stranger:
    """A process in which no JVM was found yet; when it is looked at again, and how long that waits."""

    start_ns: int
    image: object  # another one is another program
    again_s: float
    wait_s: float


class JvmProbe:
    """Reads every JVM among the subject's processes. ``folder`` is for pages; ``gc_every_s`` between settled
    collections, None for none of ours; ``every_s`` between samples."""

    name = NAME

    def __init__(self, folder: Path, *, gc_every_s: float | None, every_s: float) -> None:
        self._folder, self._gc_every_s, self._every_s = folder, gc_every_s, every_s
        self.background_ns = 0
        self._processes: Processes = tuple
        self._lock = threading.Lock()
        self._present: tuple[Process, ...] = ()  # the subject's, as the sampler's thread saw them last
        self._row: dict[str, Number | None] = {}
        self._read_s = 0.0  # when that was
        self._read: set[str] = set()  # names of all that was ever in it
        self._sayings = Sayings(self.name, MOST_NOTICES)
        self._jvms: dict[int, Jvm] = {}
        self._strangers: dict[int, _Stranger] = {}
        self._ended: dict[str, int] = {}  # totals of JVMs that have ended
        self._rounds = 0  # settled collections of all of them
        self._rests_until_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zcbench-jvm", daemon=True)

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """See :class:`Probe`: none. What could be set (JAVA_TOOL_OPTIONS) has every JVM print a line."""
        return {}

    def begin(self, processes: Processes) -> None:
        """See :class:`Probe`."""
        self._processes = processes
        if procfs.IS_LINUX:
            self._thread.start()

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`Probe`: those that some JVM has had so far."""
        with self._lock:
            names = [name for name in _NAMES if name in self._read]
        return tuple(_INSIDE if name == INSIDE_NS else VOCABULARY[name] for name in names)

    def read(self) -> Mapping[str, Number | None]:
        """See :class:`Probe`: what the thread has read last."""
        present = tuple(self._processes())
        with self._lock:
            self._present = present
            is_stale = time.monotonic() - self._read_s > max(STALE_S, 3 * self._every_s)
            return {} if is_stale else dict(self._row)

    def notices(self) -> tuple[Notice, ...]:
        """See :class:`Probe`."""
        with self._lock:
            return self._sayings.take()

    def close(self) -> None:
        """See :class:`Probe`. Waits some seconds at most for what is under way in a JVM."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=CLOSE_S)

    def _run(self) -> None:
        try:
            self._watch()
        except Exception as error:
            with self._lock:
                self._row = {}
            self._tell(f"the probe {self.name} failed, its readings are missing: {error!r}")
        finally:
            for jvm in self._jvms.values():
                self._bury(jvm)
            with contextlib.suppress(OSError):
                self._folder.rmdir()

    def _watch(self) -> None:
        looked_s, settled = 0.0, self._turn()
        while not self._stop.wait(self._rest_s(looked_s)):
            turn = self._turn()
            if time.monotonic() - looked_s < self._every_s and turn == settled:
                continue
            looked_s = time.monotonic()
            self._find()
            # The first reading is worth as much as the last: together they span the run.
            is_due = turn != settled or any(jvm.is_new for jvm in self._jvms.values())
            if self._gc_every_s is not None and is_due and looked_s >= self._rests_until_s:
                self._settle()
            settled = turn
            self._publish()
            self.background_ns = time.thread_time_ns()

    def _rest_s(self, looked_s: float) -> float:
        """For how long there is nothing to do: until a sample is due, or a collection."""
        rest_s = looked_s + self._every_s - time.monotonic()
        if self._gc_every_s is not None:
            rest_s = min(rest_s, self._gc_every_s - now_ns() / 1e9 % self._gc_every_s)
        return max(rest_s, _PAUSE_S)

    def _turn(self) -> int:
        """Which multiple of ``gc_every_s`` it is: every runtime of a run collects at the same times."""
        return 0 if self._gc_every_s is None else int(now_ns() / 1e9 / self._gc_every_s)

    def _find(self) -> None:
        with self._lock:
            present = self._present
        for pid, jvm in list(self._jvms.items()):
            if not jvm.lives():
                self._bury(self._jvms.pop(pid))
        for process in present:
            if process.pid not in self._jvms:
                self._look_at(process)
        pids = {process.pid for process in present}
        self._strangers = {pid: one for pid, one in self._strangers.items() if pid in pids}

    def _look_at(self, process: Process) -> None:
        pid = process.pid
        try:
            stat = process.stat()
            life = stat.start_ns, stat.image
            known = self._strangers.get(pid)
            if known is not None and (known.start_ns, known.image) != life:
                known = None
            if known is not None and time.monotonic() < known.again_s:
                return
            found = identify(pid)
            is_image = found is None and known is None and is_native_image(pid)
        except PermissionError:
            self._tell_hidden(pid)
            return
        except OSError:
            return
        if found is not None and found.is_hotspot:
            self._strangers.pop(pid, None)
            self._adopt(found)
            return
        if found is not None:
            self._tell_unread(f"{found.name} ({pid}) is an OpenJ9 JVM: its heap is not read", "OpenJ9")
        elif is_image:
            name = os.path.basename(procfs.executable(pid))  # noqa: PTH119
            self._tell_unread(f"{name} ({pid}) is a GraalVM native image: its heap is not read", "native image")
        wait_s = FIRST_AGAIN_S if known is None else min(LAST_AGAIN_S, known.wait_s * 2)
        self._strangers[pid] = _Stranger(*life, time.monotonic() + wait_s, wait_s)

    def _tell_hidden(self, pid: int) -> None:
        with contextlib.suppress(OSError):
            name = procfs.stat(pid).name
            if name.startswith("java"):
                self._tell(
                    f"{name} ({pid}) is another user's and is not read; watch it as that user, or as root"
                )

    def _adopt(self, found: Identity) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        jvm = Jvm(found, self._folder)
        if found.counters is None:
            self._tell(
                f"{jvm.title} keeps no counters (-XX:-UsePerfData): threads, classes, pauses are not known"
            )
        self._jvms[found.target.pid] = jvm

    def _bury(self, jvm: Jvm) -> None:
        for name, value in jvm.totals.items():
            self._ended[name] = self._ended.get(name, 0) + value
        jvm.close()
        if (sentence := jvm.inventory.sentence(jvm.title)) is not None:
            data = {"probe": self.name, "pid": jvm.identity.target.pid, **jvm.inventory.grown()}
            with self._lock:
                self._sayings.add(Notice(EventKind.INVENTORY, sentence, data))

    def _settle(self) -> None:
        before_ns = self._forced_pause_ns()
        done = [jvm.settle() for jvm in self._jvms.values() if jvm.collects]
        if done and all(done):
            self._rounds += 1
        pause_s = (self._forced_pause_ns() - before_ns) / 1e9
        self._rests_until_s = time.monotonic() + pause_s / MOST_PAUSE - pause_s

    def _forced_pause_ns(self) -> int:
        return sum(jvm.totals.get(GC_FORCED_PAUSE_NS, 0) for jvm in self._jvms.values())

    def _publish(self) -> None:
        row: dict[str, Number | None] = {}
        for jvm in self._jvms.values():
            shown = jvm.look()
            settles = self._gc_every_s is not None and jvm.collects
            memory = jvm.held if settles else jvm.memory()
            for name, value in {**shown, **memory}.items():
                if value is not None:
                    row[name] = (row.get(name) or 0) + value
            for sentence in jvm.complaints:
                self._tell(sentence)
            jvm.complaints.clear()
        totals = [self._ended, *(jvm.totals for jvm in self._jvms.values())]
        for name in _TOTALS:
            values = [one[name] for one in totals if name in one]
            if values:
                row[name] = sum(values)
        if self._rounds:
            row[GC_FORCED_COLLECTIONS] = self._rounds
        with self._lock:
            self._row, self._read_s = row, time.monotonic()
            self._read |= row.keys()

    def _tell_unread(self, sentence: str, runtime: str) -> None:
        """Of a runtime that collects garbage, and whose heap nobody knows: what it gains may be garbage."""
        self._tell(sentence, {UNREAD: runtime})

    def _tell(self, sentence: str, more: Mapping[str, str] = MappingProxyType({})) -> None:
        with self._lock:
            self._sayings.tell(sentence, more)
