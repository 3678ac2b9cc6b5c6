"""The hang watch: nothing moved for the limit while something should have."""

from __future__ import annotations

from collections.abc import Sequence

import psutil

START_GRACE_S = 5.0  # a slab and a source, on a busy machine; the limit itself is about packets
# For Python and our own modules, from a slow disk or with no core free: that is no fault of the subject's.
LOADING_GRACE_S = 60.0
SLEPT_S = 1.0  # ten polls: no scheduling delay that a supervisor at rest would see


class HangWatch:
    """Looks at a subject's progress at every poll. Times are nanoseconds of one clock."""

    def __init__(self, limit_s: float, now: int) -> None:
        self._limit_s = limit_s
        self._progress = 0
        self._began_ns = now
        self._moved_ns = now  # when something last moved, or nothing was owed
        self._looked_ns = now

    def is_hung(self, now: int, progress: int, *, owes: bool, starting: bool, loading: bool = False) -> bool:
        """Whether a subject that owed a step has taken none for longer than the limit at ``now``. While its
        worker is ``loading``, nothing of the subject has run."""
        # Not looked for a while: this process was stopped or frozen, and so perhaps was the subject.
        slept = now - self._looked_ns > SLEPT_S * 1e9
        self._looked_ns = now
        if progress != self._progress or slept or not owes or loading:
            self._progress, self._moved_ns = progress, now
        if slept:
            self._began_ns = now
        if loading:
            return now - self._began_ns > max(self._limit_s, LOADING_GRACE_S) * 1e9
        limit_s = max(self._limit_s, START_GRACE_S) if starting else self._limit_s
        return now - self._moved_ns > limit_s * 1e9


def stopped(processes: Sequence[psutil.Process]) -> bool:
    """Whether the first of ``processes`` was stopped by a signal or a debugger."""
    try:
        state = processes[0].status() if processes else None
    except (psutil.Error, OSError):
        return False
    return state in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
