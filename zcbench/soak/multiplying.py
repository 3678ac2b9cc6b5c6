"""The watch for a subject that multiplies: a fork bomb must end before the machine does."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from zcbench.probes.held import HeldFile
from zcbench.probes.process import Process

_LOADAVG = "/proc/loadavg"  # proc(5): its fourth field ends with the number of threads in the system


class MultiplyingWatch:
    """Counts a subject's processes whenever the system's threads have grown by half of what it may have.

    To count at every look would cost more than all else that the supervisor does.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._threads = 0
        self._file: HeldFile | None = None
        with contextlib.suppress(OSError):
            self._file = HeldFile(_LOADAVG)

    def is_due(self) -> bool:
        """Whether the processes should be counted now; where the system does not say, always."""
        if self._file is None:
            return True
        try:
            threads = int(self._file.read().split()[3].partition(b"/")[2])
        except (OSError, ValueError, IndexError):
            return True
        if threads - self._threads > self._limit // 2:
            self._threads = threads
            return True
        self._threads = min(self._threads, threads)
        return False

    def excess(self, processes: Sequence[Process]) -> int | None:
        """How many ``processes`` there are, if they are too many."""
        return len(processes) if len(processes) > self._limit else None
