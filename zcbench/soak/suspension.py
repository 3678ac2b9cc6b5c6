"""Tells that the machine was suspended: the clock that counts suspension has run ahead of the other."""

from __future__ import annotations

import time

SUSPEND_S = 2.0  # above what two readings of a clock, or its slewing between samples, differ by


class SuspensionWatch:
    """Compares the clocks from one sample to the next."""

    def __init__(self) -> None:
        self._offset_s = clock_offset_s()

    def gap_s(self) -> float | None:
        """How long the machine was suspended, or by how much its clock was set, since the last look."""
        before, self._offset_s = self._offset_s, clock_offset_s()
        gap = self._offset_s - before
        return gap if abs(gap) > SUSPEND_S else None


def clock_offset_s() -> float:
    """How far the clock that counts suspension is ahead of the monotonic one."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    return time.time() - time.monotonic()
