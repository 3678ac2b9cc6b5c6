"""The subject's processes as a probe: sums over all of them, and now and then an inventory by name."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import psutil

from zcbench.clock import now_ns
from zcbench.probes import procfs
from zcbench.probes.probe import Notice, Number, Processes, Sayings
from zcbench.probes.process import Process
from zcbench.probes.processes.descriptors import Descriptors, SocketNames, descriptors, pattern
from zcbench.probes.processes.memory import ControlGroup, dear_memory, unique_bytes
from zcbench.probes.processes.reading import INHERITED, TOTALS, Gone, Reading, read_process
from zcbench.quantities.known import DESCRIPTOR_KINDS
from zcbench.quantities.names import (
    ANONYMOUS_BYTES,
    CGROUP_ANONYMOUS_BYTES,
    CGROUP_BYTES,
    FILE_BYTES,
    PRIVATE_BYTES,
    PSS_BYTES,
    RSS_BYTES,
    SHARED_BYTES,
    SWAP_BYTES,
    USS_BYTES,
    VIRTUAL_BYTES,
)
from zcbench.quantities.quantity import Quantity
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.schema import EventKind

DEAR_SHARE = 0.005  # of a core: what costs more than that at its interval is read less often
SLACK = 0.95  # of an interval: a sample that comes a little early is not left out
MOST_NAMES = 64  # in an inventory: a screen's worth, and some KiB in the record
MOST_THREADS = 1000  # whose names are read of one process: 10 ms

_OWN_TOTALS = tuple(name for name in TOTALS if name not in INHERITED)
Key = tuple[int, float]  # a process id and its start: an id comes back

CHEAP = (
    "processes", "zombies", "children", RSS_BYTES, ANONYMOUS_BYTES, SWAP_BYTES, VIRTUAL_BYTES,
    "threads", "fds", *TOTALS,
)  # fmt: skip
DEAR = (
    USS_BYTES, PSS_BYTES, FILE_BYTES, SHARED_BYTES, CGROUP_BYTES, CGROUP_ANONYMOUS_BYTES,
    *(f"fds.{kind}" for kind in DESCRIPTOR_KINDS),
)  # fmt: skip
ELSEWHERE = (PRIVATE_BYTES,)  # on Windows


_QUANTITIES = tuple(VOCABULARY[name] for name in (*CHEAP, *DEAR, *ELSEWHERE))


class ProcessProbe:
    """Reads the processes that ``begin`` is told of: the cheap quantities at each call, the dear ones every
    ``dear_every_s`` or less often (see DEAR_SHARE), an inventory by name every ``inventory_every_s``.

    A sum is over the living; what could not be read of one of them is not known of all. Totals also have what
    processes had counted that have ended, as last read; CPU time and faults that of all children waited for.
    """

    name = "processes"
    background_ns = 0

    def __init__(self, *, dear_every_s: float = 10.0, inventory_every_s: float = 60.0) -> None:
        self._processes: Processes = tuple
        self._last: dict[Key, Mapping[str, Number]] = {}  # as last read
        self._inherited: dict[str, Number] = {}  # the sums of INHERITED at the last reading
        self._ended: dict[str, Number] = dict.fromkeys(TOTALS, 0)
        self._dear = _Interval(dear_every_s)
        self._inventory = _Interval(inventory_every_s)
        self._group: ControlGroup | None = None
        self._descriptors: dict[int, Descriptors] = {}  # as last read
        self._sayings = Sayings(self.name, MOST_NAMES)
        self._latest: Notice | None = None  # the newest inventory, if it was not told of yet

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """See :class:`Probe`: none."""
        return {}

    def begin(self, processes: Processes) -> None:
        """See :class:`Probe`."""
        self._processes = processes

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`Probe`."""
        return _QUANTITIES

    def read(self) -> Mapping[str, Number | None]:
        """See :class:`Probe`. Empty when none of the processes lives."""
        living, zombies = self._readings()
        self._add_ended(living)
        row: dict[str, Number | None] = dict(_sums(reading.values for _, reading in living.values()))
        row |= {name: self._inherited[name] for name in INHERITED if name in row}
        row |= {name: row[name] + self._ended[name] for name in TOTALS if row.get(name) is not None}  # type: ignore[operator]
        if living:
            row |= {
                "processes": len(living),
                "zombies": zombies,
                "children": len(living) + zombies - 1,
            }
            if procfs.IS_LINUX:
                row |= self._dear.ask(lambda: self._read_dear(living)) or {}
            else:
                row |= self._dear.ask(lambda: self._read_dear_elsewhere(living)) or {}
            self._inventory.ask(self._tell_latest)
        return row

    def notices(self) -> tuple[Notice, ...]:
        """See :class:`Probe`: what cannot be read, said once, and inventories."""
        return self._sayings.take()

    def close(self) -> None:
        """See :class:`Probe`: tells of the last inventory, so that even a short run has two."""
        self._tell_latest()

    def _tell_latest(self) -> None:
        if self._latest is not None:
            self._sayings.add(self._latest)
            self._latest = None

    def _readings(self) -> tuple[dict[Key, tuple[Process, Reading]], int]:
        """The living ones, and how many are zombies."""
        living: dict[Key, tuple[Process, Reading]] = {}
        zombies = 0
        ended: list[Reading] = []
        for process in self._processes():
            try:
                key = (process.pid, process.create_time())
                reading = read_process(process)
            except (Gone, psutil.Error):
                continue
            if reading.has_ended:
                zombies += reading.is_zombie
                ended.append(reading)
                continue
            living[key] = (process, reading)
            if reading.unreadable:
                self._tell_unreadable(reading.name, reading.unreadable)
        self._keep_inherited([*(reading for _, reading in living.values()), *ended])
        return living, zombies

    def _keep_inherited(self, readings: Iterable[Reading]) -> None:
        """What a process had counted goes to the parent that waits for it, so that the sum stays. It falls
        where nobody waited, or somebody who is not of the subject: by as much it is kept."""
        sums: dict[str, Number] = dict.fromkeys(INHERITED, 0)
        for reading in readings:
            for name in INHERITED:
                sums[name] += reading.values.get(name, 0)
        for name, value in sums.items():
            self._ended[name] += max(0, self._inherited.get(name, 0) - value)
        self._inherited = sums

    def _add_ended(self, living: Mapping[Key, tuple[Process, Reading]]) -> None:
        for key in self._last.keys() - living.keys():
            for name in _OWN_TOTALS:
                self._ended[name] += self._last[key].get(name, 0)
        self._last = {key: reading.values for key, (_, reading) in living.items()}

    def _read_dear(self, living: Mapping[Key, tuple[Process, Reading]]) -> dict[str, Number]:
        rows = []
        self._descriptors = {}
        if self._group is None:
            self._group = ControlGroup(next(iter(living))[0])
        for (pid, _), (_, reading) in living.items():
            row: dict[str, Number] = {}
            try:
                row |= dear_memory(pid)
                found = self._descriptors[pid] = descriptors(pid)
                row |= {f"fds.{kind}": found.kinds.get(kind, 0) for kind in DESCRIPTOR_KINDS}
            except PermissionError:
                self._tell_unreadable(reading.name, {"private memory"})
            except OSError:  # it ended since, or the kernel has no such file
                continue
            rows.append(row)
        self._take_inventory(living)
        return _sums(rows) | self._group.read()

    def _read_dear_elsewhere(self, living: Mapping[Key, tuple[Process, Reading]]) -> dict[str, Number]:
        rows: list[dict[str, Number]] = []
        for process, _ in living.values():
            try:
                rows.append({USS_BYTES: unique_bytes(process)})
            except psutil.AccessDenied:
                rows.append({})
            except psutil.Error:
                continue
        self._take_inventory(living)
        return _sums(rows)

    def _tell_unreadable(self, name: str, parts: Iterable[str]) -> None:
        message = f"{name} is another user's: its {', '.join(sorted(parts))} cannot be read"
        self._sayings.tell(message)

    def _take_inventory(self, living: Mapping[Key, tuple[Process, Reading]]) -> None:
        fds: Counter[str] = Counter()
        threads: Counter[str] = Counter()
        children = Counter(pattern(reading.name) for _, reading in [*living.values()][1:])
        sockets = SocketNames()
        for pid, _ in living if procfs.IS_LINUX else ():
            if (found := self._descriptors.get(pid)) is not None:
                fds.update(found.names)
                fds.update(sockets.of(pid, found.sockets) if found.sockets else ())
            try:
                threads.update(_thread_names(pid))
            except OSError:
                continue
        by_size = sorted(living.values(), key=lambda one: -one[1].values.get(RSS_BYTES, 0))
        data: dict[str, Any] = {
            "probe": self.name,
            "fd_counts": dict(fds.most_common(MOST_NAMES)),
            "thread_counts": dict(threads.most_common(MOST_NAMES)),
            "child_counts": dict(children.most_common(MOST_NAMES)),
            "processes": [_facts(process, reading) for process, reading in by_size[:MOST_NAMES]],
        }
        self._latest = Notice(EventKind.INVENTORY, f"processes: {len(living)}", data)


class _Interval:
    """Asks something every ``every_s``, or less often, so that it takes at most DEAR_SHARE of a core."""

    def __init__(self, every_s: float) -> None:
        self._every_ns = every_s * 1e9 * SLACK
        self._due_ns = 0.0

    def ask(self, question: Any) -> Any:
        """The answer if it is due, else None."""
        if (now := now_ns()) < self._due_ns:
            return None
        started_ns = time.thread_time_ns()
        answer = question()
        cost_ns = time.thread_time_ns() - started_ns
        self._due_ns = now + max(self._every_ns, cost_ns / DEAR_SHARE)
        return answer


def _sums(rows: Iterable[Mapping[str, Number]]) -> dict[str, Number]:
    """The sum of each quantity that every row has."""
    rows = list(rows)
    if not rows:
        return {}
    return {name: sum(row[name] for row in rows) for name in rows[0] if all(name in row for row in rows)}


def _thread_names(pid: int) -> list[str]:
    """The names of its threads, numbers as "*": "pool-*"."""
    folder = f"/proc/{pid}/task"
    names = []
    for number in os.listdir(folder)[:MOST_THREADS]:  # noqa: PTH208
        try:
            names.append(pattern(procfs.read(f"{folder}/{number}/comm").decode(errors="replace").strip()))
        except OSError:
            continue
    return names


def _facts(process: Process, reading: Reading) -> dict[str, Number | str]:
    values = reading.values
    facts: dict[str, Number | str] = {"pid": process.pid, "name": reading.name}
    facts |= {name: values[name] for name in (RSS_BYTES, ANONYMOUS_BYTES, "fds", "threads") if name in values}
    return facts
