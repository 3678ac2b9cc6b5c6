"""Coverage: the share of a subject's private memory that exact counters explain.

What they do not explain (a mapped arena, a runtime's heap that nobody reads) can leak unseen by them, and
private memory alone never passes a run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis import program
from zcbench.analysis.counter import Readings
from zcbench.analysis.stream import streaming
from zcbench.quantities.names import ANONYMOUS_BYTES, ELAPSED_S, RSS_BYTES, VIRTUAL_BYTES
from zcbench.record.reader import Record

# The rest is left to what malloc keeps free, and to stacks and tables: of a CPython server (http.server under
# load) whose every object is malloc's, 0.73 were explained; with its small objects in arenas of its own, which
# nobody counts, 0.27.
LEAST_COVERAGE = 0.6
# Of each process: data, stacks, and an allocator's own tables. 0.15 MiB were seen in a C program of one loop,
# 0.3 in perl, 1.5 in redis.
START_UP_BYTES = 2 * 2**20
SETTLED_SHARE = 0.5  # of the stream: its last half, when whatever warms up has


@dataclass(frozen=True)
class Coverage:
    """In the last half of the stream: the median of what exact counters account for, and of the private memory
    as ``source`` has it, in bytes; and of what malloc keeps free in its arenas: nothing of the subject's lies
    there. ``processes`` have exact counters. ``rise_share`` is the share of private memory's rise that exact
    counters rose by, None where private memory rose by less than START_UP_BYTES; ``files_rise_bytes`` is the
    rise of what is resident beyond private memory: mapped files, shared memory."""

    exact_bytes: float
    private_bytes: float
    source: str
    processes: int
    rise_share: float | None
    rise_bytes: float
    files_rise_bytes: float = 0.0
    free_bytes: float = 0.0

    @property
    def share(self) -> float:
        """0 to 1, what malloc keeps free with it."""
        return self._of_private(self.exact_bytes + self.free_bytes)

    @property
    def free_share(self) -> float:
        """0 to 1, of what malloc keeps free."""
        return self.share - self._of_private(self.exact_bytes)

    def _of_private(self, size: float) -> float:
        return min(1.0, size / self.private_bytes) if self.private_bytes > 0 else 1.0

    @property
    def rest_bytes(self) -> float:
        """What nothing explains."""
        return max(0.0, self.private_bytes - self.exact_bytes - self.free_bytes)

    @property
    def rises(self) -> bool:
        """Whether private memory, or that of mapped files, rose by more than a program's own start takes."""
        return self.rise_share is not None or self.files_rise

    @property
    def files_rise(self) -> bool:
        """Whether that of mapped files did."""
        return self.files_rise_bytes > START_UP_BYTES

    @property
    def is_enough(self) -> bool:
        """Whether exact counters may speak for the subject's memory."""
        return self.share >= LEAST_COVERAGE or self.rest_bytes <= START_UP_BYTES * self.processes


def coverage(record: Record) -> Coverage | None:
    """Of a subject that does not run in our worker; None where nobody read its private memory."""
    known = program.private(record)
    if record.can("worker") or known is None:
        return None
    source, private = known
    exact = program.explained(record)
    rows = streaming(record)
    times = record.samples[ELAPSED_S][rows]
    read = np.isfinite(private)
    if not read.any():
        return None
    late = read & (times >= times[-1] - SETTLED_SHARE * (times[-1] - times[0]))
    late = late if late.any() else read
    t, y, x = times[late], private[late], exact[late]
    rise = _rise(y)
    return Coverage(
        exact_bytes=float(np.median(x)),
        private_bytes=float(np.median(y)),
        source=source,
        processes=_metered(record, rows),
        rise_share=_rise(x) / rise if t.size and rise > START_UP_BYTES else None,
        rise_bytes=rise,
        files_rise_bytes=_files_rise(record, rows, late),
        free_bytes=float(np.median(program.explained(record, free=True)[late] - x)),
    )


def _files_rise(record: Record, rows: NDArray[np.bool_], late: NDArray[np.bool_]) -> float:
    """By how much what is resident and not private rose, and was mapped meanwhile: who reads a file that it has
    mapped long since keeps nothing. 0 where that was not read."""
    if not all(program.has(record, name) for name in (RSS_BYTES, ANONYMOUS_BYTES, VIRTUAL_BYTES)):
        return 0.0
    resident, own, mapped = (
        record.samples[name][rows][late] for name in (RSS_BYTES, ANONYMOUS_BYTES, VIRTUAL_BYTES)
    )
    return min(_rise(resident - own), _rise(mapped))


def _metered(record: Record, rows: NDArray[np.bool_]) -> int:
    """How many processes have an exact counter, at most: what another takes is all unexplained."""
    if not program.has(record, "processes"):
        return 1
    living = record.samples["processes"][rows]
    if program.has(record, "malloc.unmetered"):
        living = living - np.nan_to_num(record.samples["malloc.unmetered"][rows])
    return max(0, int(np.nanmax(living)))


def _rise(values: Readings) -> float:
    """From the lowest of the first quarter to the lowest of the last."""
    quarter = max(1, values.size // 4)
    return float(values[-quarter:].min() - values[:quarter].min())
