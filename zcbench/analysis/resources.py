"""Descriptors, threads and child processes: whole numbers, so a leak of them is a staircase."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis import inventories
from zcbench.analysis.lives import lives
from zcbench.analysis.stream import streaming
from zcbench.analysis.trend import FEWEST_BLOCKS, equal_blocks
from zcbench.quantities.names import ELAPSED_S
from zcbench.record.reader import Record
from zcbench.record.schema import Event, EventKind
from zcbench.scenario.tables import WARM_UP_SHARE

KINDS = {"fds": "descriptors", "threads": "threads", "children": "child processes"}
ZOMBIES = "zombies"
PROCESSES = "processes"
OF_A_KIND = "fds."  # how a quantity of descriptors of one kind begins
_NAMES = {"fds": "fd_names", "threads": "thread_names", "children": "child_names"}
_COUNTS = {"fds": "fd_counts", "threads": "thread_counts", "children": "child_counts"}
NEW_HIGHS = 3  # one or two are a pool that filled, or a library that opened its files late
LAST_SHARE = 2 / 3  # a leak goes on: one new high must lie beyond
# A thread that was joined is gone for Python a moment before it is gone for the kernel: one producer an engine.
LEAVING_THREADS = 1
MOSTLY = 0.8  # of what there is more of, to be called by that kind's name


# Of somebody else's log with too few readings for blocks each reading is a mark: as many as blocks.
FEWEST_READINGS = FEWEST_BLOCKS
NAMED = 5  # in a sentence
# Where no reading ever falls, growth to so many times the first is a leak that comes in bursts.
SEVERAL, SEVERAL_AT_LEAST = 3, 16


@dataclass(frozen=True)
class Resource:
    """One kind. ``before`` and ``after`` are the counts before the stream and after its drain; ``marks`` the
    lowest count of each block of the stream (empty with fewer than 6 blocks of readings); ``grown`` what
    there is more of after than before, by name, ``unnamed`` of how many more no name is known. ``first`` and
    ``last`` are the readings at the stream's ends, ``readings`` how many there are over ``span_s``."""

    kind: str
    before: int | None
    after: int | None
    marks: tuple[int, ...]
    grown: tuple[tuple[str, int], ...]
    unnamed: int = 0
    first: int | None = None
    last: int | None = None
    readings: int = 0
    span_s: float = 0.0
    highest: int | None = None
    # Of descriptors: the kind ("dmabuf") that has most of what there is more of.
    of_kind: str | None = None
    # Of child processes: how many of those there are more of have ended, and nobody waited for them.
    zombies: int = 0
    multiplied: bool = False  # every reading tells of it: in a burst at the end the lowest counts would not

    @property
    def climbs(self) -> bool:
        """Whether the lowest counts rise step by step to the end and never fall."""
        return self.multiplied or staircase(np.asarray(self.marks, dtype=np.float64))

    @property
    def left(self) -> int | None:
        """How many more there are after the drain than before the stream."""
        if self.before is None or self.after is None:
            return None
        more = max(0, self.after - self.before)
        nameless = self.kind == "threads" and not self.grown
        return 0 if nameless and more <= LEAVING_THREADS else more


def staircase(marks: NDArray[np.float64], least: float = 1.0) -> bool:
    """Three new highs of ``marks`` (each by ``least`` or more), one in the last third, and no fall."""
    if not marks.size:
        return False
    highs, top = [], marks[0]
    for index, mark in enumerate(marks):
        if mark <= top - least:
            return False
        if mark >= top + least:
            highs.append(index)
            top = mark
    return len(highs) >= NEW_HIGHS and highs[-1] >= LAST_SHARE * marks.size


def resources(record: Record) -> list[Resource]:
    """Each kind over the run."""
    first, last = _events(record)
    spans = lives(record, record.samples[ELAPSED_S])
    return [_of_lives(record, kind, first, last, spans) for kind in (*KINDS, *_descriptor_kinds(record))]


def _descriptor_kinds(record: Record) -> list[str]:
    """The quantities of descriptors of one kind, where those of all kinds were not read often enough: one kind
    may take the place of another. Zombies likewise, where children were not counted."""
    names = [ZOMBIES] if np.isfinite(record.samples["children"]).sum() < FEWEST_READINGS else []
    if np.isfinite(record.samples["fds"]).sum() < FEWEST_READINGS:
        names += [name for name in record.quantities if name.startswith(OF_A_KIND)]
    return [name for name in names if name in record.samples and np.nan_to_num(record.samples[name]).any()]


def noun(kind: str) -> str:
    """What a kind is called: "threads", "descriptors of kind dmabuf"."""
    if kind == ZOMBIES:
        return "children that ended and nobody waited for"
    return KINDS.get(kind) or f"descriptors of kind {kind.removeprefix(OF_A_KIND)}"


def _of_lives(
    record: Record, kind: str, first: Event | None, last: Event | None, spans: list[NDArray[np.bool_]]
) -> Resource:
    """One kind over a subject's lives: the first in which it climbs, else the longest; a restart is no fall."""
    found = [_resource(record, kind, first, last, life) for life in spans]
    climbing = [one for one in found if one.climbs]
    return climbing[0] if climbing else max(found, key=lambda one: one.readings)


def _resource(
    record: Record, kind: str, first: Event | None, last: Event | None, life: NDArray[np.bool_]
) -> Resource:
    values = np.where(life, record.samples[kind], np.nan)
    lowest = marks(record, values)
    if not staircase(np.asarray(lowest, dtype=np.float64)):
        alike = np.where(_of_as_many(record, values), values, np.nan)
        if staircase(np.asarray(fewer := marks(record, alike), dtype=np.float64)):
            lowest, values = fewer, alike
    rows = np.flatnonzero(np.isfinite(values) & streaming(record))
    y, t = values[rows], record.samples[ELAPSED_S][rows]
    if not lowest and record.run.subject.kind == "imported" and y.size >= FEWEST_READINGS:
        lowest = tuple(int(value) for value in y)
    grown = _grown(first, last, kind)
    if not grown and kind in _COUNTS:
        grown = inventories.more(record, _COUNTS[kind])
    before, after = _count(first, kind), _count(last, kind)
    more = 0 if before is None or after is None else after - before
    return Resource(
        kind=kind,
        before=before,
        after=after,
        marks=lowest,
        grown=grown[:NAMED],
        unnamed=max(0, more - sum(number for _, number in grown[:NAMED])) if grown else 0,
        first=int(y[0]) if y.size else None,
        last=int(y[-1]) if y.size else None,
        readings=int(y.size),
        span_s=float(t[-1] - t[0]) if y.size else 0.0,
        highest=int(y.max()) if y.size else None,
        of_kind=_kind(record, life) if kind == "fds" else None,
        zombies=max(0, _rise(record, ZOMBIES, life)) if kind == "children" else 0,
        multiplied=not record.can("worker") and _multiplied(y),
    )


def _of_as_many(record: Record, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The readings that are sums over as many processes as most are. A forked child has its parent's
    descriptors once more: one reading between two children would be a fall of any staircase."""
    if PROCESSES not in record.samples:
        return np.ones(values.shape, dtype=np.bool_)
    processes = record.samples[PROCESSES]
    known = np.isfinite(processes) & np.isfinite(values) & streaming(record)
    counts, often = np.unique(processes[known], return_counts=True)
    return known & (processes == counts[often.argmax()]) if counts.size else known


def _kind(record: Record, life: NDArray[np.bool_]) -> str | None:
    """The kind of descriptors that rose by MOSTLY of all that rose."""
    rises = {name: _rise(record, name, life) for name in record.samples if name.startswith("fds.")}
    risen = {name: rise for name, rise in rises.items() if rise > 0}
    most = max(risen, key=lambda name: risen[name], default=None)
    if most is None or risen[most] < MOSTLY * sum(risen.values()):
        return None
    return most.removeprefix("fds.")


def _rise(record: Record, name: str, life: NDArray[np.bool_]) -> int:
    """From the first reading of the stream to the last; 0 where there are not two."""
    if name not in record.samples:
        return 0
    values = record.samples[name][np.isfinite(record.samples[name]) & streaming(record) & life]
    return int(values[-1] - values[0]) if values.size > 1 else 0


def _multiplied(y: NDArray[np.float64]) -> bool:
    """Whether no reading is below the one before, and they go on to several times of what they were."""
    if y.size < FEWEST_READINGS or y[-1] < max(SEVERAL * y[0], y[0] + SEVERAL_AT_LEAST):
        return False
    return staircase(y)


def marks(record: Record, values: NDArray[np.float64], warmup_share: float = WARM_UP_SHARE) -> tuple[int, ...]:
    """The lowest of ``values`` (one a sample) in each block of the stream, without its start."""
    times = record.samples[ELAPSED_S]
    rows = np.isfinite(values) & streaming(record)
    if not rows.any():
        return ()
    y, t = values[rows], times[rows]
    start = t[0] + warmup_share * (t[-1] - t[0])
    late = t >= start
    block = equal_blocks(t[late], float(start), float(t[-1]))
    if block is None:
        return ()
    return tuple(int(y[late][block == n].min()) for n in range(int(block.max()) + 1))


def _events(record: Record) -> tuple[Event | None, Event | None]:
    found = [event for event in record.events if event.kind == EventKind.RESOURCES]
    return (found[0] if found else None, found[-1] if len(found) > 1 else None)


def _count(event: Event | None, kind: str) -> int | None:
    value = None if event is None else event.data.get(kind)
    return None if value is None else int(value)


def _grown(first: Event | None, last: Event | None, kind: str) -> tuple[tuple[str, int], ...]:
    if first is None or last is None:
        return ()
    more = _names(last, kind)
    more.subtract(_names(first, kind))
    return tuple((name, number) for name, number in more.most_common() if number > 0)


def _names(event: Event, kind: str) -> Counter[str]:
    """By name; descriptors and processes lose their number, threads the one at their end."""
    counted = event.data.get(_COUNTS.get(kind, ""))
    if isinstance(counted, dict):
        return Counter({str(name): int(number) for name, number in counted.items()})
    # An older record has the first 64 names only.
    names = [str(name) for name in event.data.get(_NAMES.get(kind, ""), [])]
    if kind == "threads":
        return Counter(name.split("-")[0] if name.startswith("Thread-") else name for name in names)
    return Counter(name.partition(" ")[2] or name for name in names)
