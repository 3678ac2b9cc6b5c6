"""What agents of ours inside the processes of a subject read: one page a process, in a folder of the run.

An agent is started by a variable in the subject's environment (NODE_OPTIONS, PYTHONPATH). It finds the folder
in ``ZCBENCH_PROBE_<NAME>``, reads ``setting.json`` there ({"gc_every_s": 12.5, "sample_every_s": 1.0}; null:
it makes no collections), copies ``template.page``, an empty page, to a name of its own ("4242.page",
"4242.1.page" for a second thread), and declares what it reads under the names that the record has.

The page of a thread that may end before its process has a gauge ``thread``: its number in the system. An agent
that stops says so by the page's state, DONE.

At each multiple of ``gc_every_s`` of the monotonic clock it collects until its counters rest, publishes them,
and then adds one to its total ``settled``.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from zcbench.clock import now_ns
from zcbench.files import let_all_write
from zcbench.page import layout
from zcbench.page.histogram import Histogram, columns_of, summed
from zcbench.page.layout import Kind, PageError, State
from zcbench.page.reader import PageReader, Reading, make_page
from zcbench.probes import procfs
from zcbench.probes.probe import Notice, Number, Processes, Sayings
from zcbench.probes.runtimes import Setting
from zcbench.quantities import quantity as quantities
from zcbench.quantities.names import GC_FORCED_COLLECTIONS, V8_CODE_BYTES
from zcbench.quantities.quantity import Origin, Quantity, Reckoning
from zcbench.quantities.registry import VOCABULARY
from zcbench.quantities.units import NS, unit_of

TEMPLATE, SETTING_FILE, SUFFIX = "template.page", "setting.json", ".page"
SETTLED = "settled"  # an agent's total of settled collections
THREAD = "thread"  # of a second thread's page: what the system calls the thread
_OURS = (SETTLED, THREAD)  # no columns
_IN_A_HEAP = (V8_CODE_BYTES,)  # parts of heaps, to be read as their heaps are
MOST_PAGES = 256  # read of one run
# For so many intervals all wait for a second thread that does not settle: it may compute for as long as it
# likes. For the thread that a process began with they wait for ever.
PATIENCE = 3
_PARTS = layout.geometry(128, laws_bytes=64, size=1 << 16)


@dataclass
class _Agent:
    """One page: ``reading`` is its newest, ``held`` its gauges as they were right after its newest settled
    collection, which the supervisor saw at ``settled_ns``."""

    reader: PageReader
    inode: int
    first_seen_ns: int
    reading: Reading | None = None
    settled: int = 0
    settled_ns: int = 0
    held: dict[str, int] = field(default_factory=dict)

    def is_lost(self, now: int, patience_ns: int) -> bool:
        """Whether it is a second thread's, and has not settled for so long that nobody waits for it."""
        is_second = self.reading is not None and self.reading.values.get(THREAD) is not None
        return is_second and now - max(self.settled_ns, self.first_seen_ns) > patience_ns


class AgentPages:
    """The part that the probes of runtimes with an agent share; a probe calls it for the methods of
    :class:`~zcbench.probes.probe.Probe` of the same name.

    Totals are summed over all processes, those that have ended too; gauges over the living. Of a managed heap
    only what was read right after a settled collection is a reading, and it is one when every process has
    collected again: until then the one before stands.
    """

    def __init__(self, name: str, setting: Setting) -> None:
        self.name, self._setting = name, setting
        self.folder = setting.folder.absolute()
        self._processes: Processes = tuple
        self._agents: dict[str, _Agent] = {}  # by the name of the page
        self._ended: dict[str, int] = {}  # totals of processes that have ended
        self._histograms: dict[str, Histogram] = {}
        self._ended_histograms: dict[str, list[Histogram]] = {}
        self._quantities: dict[str, Quantity] = {}
        self._held: dict[str, int] = {}
        self._marks = 0
        self._marked_ns = 0
        self._sayings = Sayings(self.name)

    @property
    def variable(self) -> str:
        """What tells an agent of its folder."""
        return f"ZCBENCH_PROBE_{self.name.upper()}"

    def environment(self) -> dict[str, str]:
        """The variable; the folder is made, with what an agent finds in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        let_all_write(self.folder, replace=True)
        if not (self.folder / TEMPLATE).exists():
            make_page(self.folder / TEMPLATE, _PARTS)
        every = {"gc_every_s": self._setting.gc_every_s, "sample_every_s": self._setting.sample_every_s}
        (self.folder / SETTING_FILE).write_text(json.dumps(every))
        return {self.variable: str(self.folder)}

    def begin(self, processes: Processes) -> None:
        """``processes`` are the subject's: a page is a living process's if its pid is one of theirs."""
        self._processes = processes

    @property
    def pids(self) -> frozenset[int]:
        """Living processes that have an agent, as of the last reading."""
        return frozenset(agent.reading.header.pid for agent in self._agents.values() if agent.reading)

    def readings(self) -> Iterable[Reading]:
        """The newest reading of each page of a living process."""
        return (agent.reading for agent in self._agents.values() if agent.reading)

    def read(self) -> dict[str, Number | None]:
        """The readings of now, by name."""
        now = now_ns()
        self._look(now)
        if not self._agents and not self._ended:
            return {}
        row: dict[str, Number | None] = dict(self._ended)
        for reading in self.readings():
            for name, value in reading.values.items():
                if value is not None and name not in _OURS and not self._is_held(name):
                    row[name] = (row.get(name) or 0) + value
        row |= self._histogram_columns()
        if self._setting.gc_every_s is not None:
            self._mark(now)
            row |= self._held
            row[GC_FORCED_COLLECTIONS] = self._marks
            self._add(VOCABULARY[GC_FORCED_COLLECTIONS])
        return row

    # -- which pages there are

    def _look(self, now: int) -> None:
        living = {process.pid for process in self._processes()}
        for name, inode in self._files():
            agent = self._opened(name, inode, now)
            if agent is None:
                continue
            try:
                reading = self._newest(agent)
            except (OSError, PageError) as error:
                self._sayings.tell(f"{name} cannot be read: {error}")
                continue
            if reading.header.pid:
                agent.reading = reading
                self._note_settled(agent, reading, now)
        for name, agent in list(self._agents.items()):
            if agent.reading is not None and not _runs(agent.reading, living):
                self._end(name, agent)

    def _newest(self, agent: _Agent) -> Reading:
        """Raises OSError, PageError.

        An agent counts a settled collection once all that it read is published: what is read after that count
        was seen is whole.
        """
        reading = agent.reader.read(settle=False)
        if (reading.values.get(SETTLED) or 0) != agent.settled:
            reading = agent.reader.read(settle=False)
        if agent.reading is None or reading.contents is not agent.reading.contents:
            for entry in reading.entries:
                self._declare(entry)
        return reading

    def _files(self) -> list[tuple[str, int]]:
        """The name and the inode of each page."""
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            found = ((entry.name, entry.inode()) for entry in entries if entry.name.endswith(SUFFIX))
            return sorted(one for one in found if one[0] != TEMPLATE)[:MOST_PAGES]
        return []

    def _opened(self, name: str, listed: int, now: int) -> _Agent | None:
        """The agent whose page ``name`` is. What another process has put in its place is another's, and has
        another inode than the one ``listed``, where a file system lists the true ones."""
        known = self._agents.get(name)
        if known is not None and known.inode == listed:
            return known
        path = self.folder / name
        try:
            inode = path.stat().st_ino
            if known is not None and known.inode == inode:
                return known
            if known is not None:
                self._end(name, known, keep_file=True)
            self._agents[name] = _Agent(PageReader(path), inode, now)
            return self._agents[name]
        except (OSError, PageError) as error:
            if path.exists():
                self._sayings.tell(f"{name} cannot be read: {error}")
            return None

    def _end(self, name: str, agent: _Agent, *, keep_file: bool = False) -> None:
        """Keep what a process has counted that has ended; its page goes."""
        del self._agents[name]
        agent.reader.close()
        if not keep_file:
            with contextlib.suppress(OSError):
                (self.folder / name).unlink()
        if (reading := agent.reading) is None:
            return
        for entry in reading.entries:
            value = reading.values.get(entry.name)
            if entry.kind is Kind.TOTAL and entry.name not in _OURS and value is not None:
                self._ended[entry.name] = self._ended.get(entry.name, 0) + value
        for name, histogram in reading.histograms.items():
            self._ended_histograms[name] = [summed([*self._ended_histograms.get(name, []), histogram])]

    # -- settled collections

    def _note_settled(self, agent: _Agent, reading: Reading, now: int) -> None:
        count = reading.values.get(SETTLED) or 0
        if count == agent.settled:
            return
        agent.settled, agent.settled_ns = count, now
        agent.held = {
            name: value for name, value in reading.values.items() if value is not None and self._is_held(name)
        }

    def _mark(self, now: int) -> None:
        """Take the settled readings of all processes together, once each has made its own."""
        assert self._setting.gc_every_s is not None
        every_ns = round(self._setting.gc_every_s * 1e9)
        due_ns = now // every_ns * every_ns
        # One that began after it owes none yet, and is no part of the sum.
        asked = [agent for agent in self._agents.values() if agent.reading and agent.first_seen_ns < due_ns]
        awaited = [agent for agent in asked if not agent.is_lost(now, PATIENCE * every_ns)]
        if self._marked_ns >= due_ns or not awaited or any(agent.settled_ns < due_ns for agent in awaited):
            return
        self._marked_ns = due_ns
        self._marks += 1
        self._held = {}
        for agent in asked:
            for name, value in agent.held.items():
                self._held[name] = self._held.get(name, 0) + value

    def _is_held(self, name: str) -> bool:
        return self._setting.gc_every_s is not None and _is_in_a_heap(name)

    # -- columns

    def quantities(self) -> tuple[Quantity, ...]:
        """Those that some agent has declared so far."""
        return tuple(self._quantities.values())

    def _declare(self, entry: layout.Entry) -> None:
        if entry.name in _OURS:
            return
        if entry.kind is Kind.HISTOGRAM:
            for name in columns_of(entry.name):
                title = f"{entry.name} since the last sample"
                self._add(Quantity(name, NS, quantities.Kind.GAUGE, Origin.RUNTIME, title))
            return
        kind = quantities.Kind.TOTAL if entry.kind is Kind.TOTAL else quantities.Kind.GAUGE
        title = f"read by the probe {self.name}"
        self._add(Quantity(entry.name, unit_of(entry.unit), kind, Origin.RUNTIME, title))

    def _add(self, one: Quantity) -> None:
        if one.name not in self._quantities:
            self._quantities[one.name] = VOCABULARY.get(one.name, one)

    def _histogram_columns(self) -> dict[str, Number | None]:
        row: dict[str, Number | None] = {}
        there = list(self.readings())
        for name in {*self._ended_histograms, *(name for one in there for name in one.histograms)}:
            parts = [one.histograms[name] for one in there if name in one.histograms]
            current = summed([*self._ended_histograms.get(name, []), *parts])
            before = self._histograms.get(name)
            self._histograms[name] = current
            row |= (current if before is None else current.since(before)).columns(name)
        return row

    # -- what is to be said

    def notices(self) -> Sequence[Notice]:
        """What is wrong with a page, once."""
        return self._sayings.take()

    def close(self) -> None:
        """Stop reading; the folder goes."""
        for agent in self._agents.values():
            agent.reader.close()
        self._agents.clear()
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)
            os.rmdir(self.folder.parent)  # noqa: PTH106 - unless another probe has left something


@functools.cache
def _is_in_a_heap(name: str) -> bool:
    """Whether it is of a managed heap: only what is there right after a collection is a reading of it."""
    known = VOCABULARY.get(name)
    memory = None if known is None else known.memory
    return name in _IN_A_HEAP or (memory is not None and memory.reckoning is Reckoning.MANAGED)


def _runs(reading: Reading, living: Collection[int]) -> bool:
    """Whether the process goes on, the thread in it whose page it is, and the agent."""
    pid, thread = reading.header.pid, reading.values.get(THREAD)
    if pid not in living or reading.state is State.DONE:
        return False
    if thread and procfs.IS_LINUX:
        return os.path.exists(f"/proc/{pid}/task/{thread}")  # noqa: PTH110
    return True


def extended(given: Mapping[str, str], name: str, addition: str, separator: str = " ") -> dict[str, str]:
    """The variable ``name`` with ``addition`` before what is ``given`` of it."""
    return {name: separator.join(filter(None, [addition, given.get(name)]))}
