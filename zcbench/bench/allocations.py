"""How often memory is allocated for a packet: counted by memray, which follows every allocator of the process.

Two runs of the same work, one of them longer: what the longer one allocated more, for each packet it had
more. What both allocate once (threads, pools, caches) cancels out.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections import deque
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import msgspec
import numpy as np

from zcbench.bench.work import Work, take

_PYMALLOC_MOST = 512  # bytes; more comes from malloc (CPython, Objects/obmalloc.c, SMALL_REQUEST_THRESHOLD)
_SHORT, _LONG = 256, 1280  # packets of each thread on the clock


def can_count() -> bool:
    """Whether memray is there (not on Windows)."""
    return importlib.util.find_spec("memray") is not None


class Allocated(msgspec.Struct, frozen=True, kw_only=True):
    """For each packet: ``objects`` taken from Python's allocator (pymalloc), ``calls`` of malloc and its like,
    and the ``size`` of those calls in bytes; all of them, though each be freed at once. Only this process, and
    without what the reading of the samples takes."""

    objects: float
    calls: float
    size: float


def allocated(work: Work, run: Callable[[Work], object]) -> Allocated:
    """What ``run`` allocates for each packet of ``work``."""
    short, long = (msgspec.structs.replace(work, warm=64, timed=n) for n in (_SHORT, _LONG))
    packets = long.packets - short.packets
    found = _more(lambda: run(short), lambda: run(long))
    # What reading alone takes: the floats of its sums, the same for all.
    packet = np.zeros(work.shape, np.float32)
    read = _more(
        lambda: take(repeat(packet, packets), deque(maxlen=0)),
        lambda: take(repeat(packet, 2 * packets), deque(maxlen=0)),
    )
    objects, calls, size = (max(0, a - b) / packets for a, b in zip(found, read, strict=True))
    return Allocated(objects=objects, calls=calls, size=size)


def _more(shorter: Callable[[], object], longer: Callable[[], object]) -> tuple[int, int, int]:
    """What ``longer`` allocates more. The first to be counted fills caches, memray's too."""
    _counted(shorter)
    less, more = _counted(shorter), _counted(longer)
    return more[0] - less[0], more[1] - less[1], more[2] - less[2]


def _counted(run: Callable[[], object]) -> tuple[int, int, int]:
    from memray import AllocatorType, FileReader, Tracker

    freeing = {AllocatorType.FREE, AllocatorType.MUNMAP, AllocatorType.PYMALLOC_FREE}
    python = {
        AllocatorType.PYMALLOC_MALLOC,
        AllocatorType.PYMALLOC_CALLOC,
        AllocatorType.PYMALLOC_REALLOC,
    }
    objects = calls = size = 0
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace"
        with Tracker(trace, trace_python_allocators=True):
            run()
        with FileReader(trace) as reader:
            for record in reader.get_allocation_records():
                if record.allocator in freeing:
                    continue
                is_object = record.allocator in python
                objects += is_object
                # memray does not see pymalloc itself go on to malloc.
                if not is_object or record.size > _PYMALLOC_MOST:
                    calls += 1
                    size += record.size
    return objects, calls, size
