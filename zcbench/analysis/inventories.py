"""What the probes listed by name, early in the run and late: processes, descriptors, threads, children."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zcbench.record.reader import Record
from zcbench.record.schema import UNREAD, EventKind

PROCESSES, MALLOC = "processes", "malloc"  # the probes that take inventories


@dataclass(frozen=True)
class Grown:
    """A process that holds ``grown_bytes`` more late than early."""

    pid: int
    name: str
    grown_bytes: int


def listed(record: Record, probe: str) -> list[Mapping[str, Any]]:
    """The inventories of ``probe``, in the order in which they were taken."""
    return [
        event.data
        for event in record.events
        if event.kind == EventKind.INVENTORY and event.data.get("probe") == probe
    ]


def grown_processes(record: Record, probe: str, key: str) -> list[Grown]:
    """The processes that grew by ``key`` from the first inventory to the last, the most first; one that was
    started meanwhile grew by all that it has."""
    found = listed(record, probe)
    if len(found) < 2:
        return []
    first, last = (_by_process(inventory, key) for inventory in (found[0], found[-1]))
    grown = [Grown(pid, name, size - first.get((pid, name), 0)) for (pid, name), size in last.items()]
    return sorted((one for one in grown if one.grown_bytes > 0), key=lambda one: -one.grown_bytes)


def process_names(record: Record) -> list[str]:
    """The names of the processes in the last inventory of any probe, the largest first."""
    found = listed(record, PROCESSES) or listed(record, MALLOC)
    return [str(one.get("name", "")) for one in found[-1].get("processes", [])] if found else []


def unread_runtimes(record: Record) -> list[str]:
    """What the probes said of runtimes that they know, and cannot read: a sentence for each process."""
    return [e.message for e in record.events if e.kind == EventKind.PROBE and e.data.get(UNREAD)]


def more(record: Record, key: str) -> tuple[tuple[str, int], ...]:
    """What of the names counted under ``key`` ("fd_counts") there is more of in the last inventory than in the
    first, the most first."""
    found = listed(record, PROCESSES)
    if len(found) < 2:
        return ()
    counts = Counter({str(name): int(number) for name, number in found[-1].get(key, {}).items()})
    counts.subtract({str(name): int(number) for name, number in found[0].get(key, {}).items()})
    return tuple((name, number) for name, number in counts.most_common() if number > 0)


def _by_process(inventory: Mapping[str, Any], key: str) -> dict[tuple[int, str], int]:
    rows = [row for row in inventory.get("processes", []) if key in row and "pid" in row]
    return {(int(row["pid"]), str(row.get("name", ""))): int(row[key]) for row in rows}
