"""When a subject must be ready, when it is asked to stop, and when it must have ended. Pure."""

from __future__ import annotations

from enum import Enum, auto

from zcbench.record.schema import Phase


class Step(Enum):
    """What is to be done now."""

    NOTHING = auto()
    BEGIN = auto()  # it has just become ready
    STOP = auto()  # its time is over
    NEVER_READY = auto()
    OVERDUE = auto()  # it was asked to stop, and has not ended


class Timetable:
    """Of one run. A limit of None is never reached; times are nanoseconds of one clock, limits seconds."""

    def __init__(
        self, now: int, *, ready_limit_s: float | None, stop_after_s: float | None, grace_s: float | None
    ) -> None:
        self._began_ns = now
        self._ready_limit_s, self._stop_after_s, self._grace_s = ready_limit_s, stop_after_s, grace_s
        self._ready_ns: int | None = None
        self._asked_ns: int | None = None

    def look(self, now: int, phase: int | None, *, asked: bool) -> Step:
        """What is to be done of a subject that is in ``phase`` at ``now``."""
        if asked:
            self._asked_ns = self._asked_ns or now
            return Step.OVERDUE if _is_over(now, self._asked_ns, self._grace_s) else Step.NOTHING
        if phase == Phase.STARTING:
            over = _is_over(now, self._began_ns, self._ready_limit_s)
            return Step.NEVER_READY if over else Step.NOTHING
        if phase == Phase.RUNNING and self._ready_ns is None:
            self._ready_ns = now
            return Step.BEGIN
        if self._ready_ns is not None and _is_over(now, self._ready_ns, self._stop_after_s):
            return Step.STOP
        return Step.NOTHING

    def ready_for_s(self, now: int) -> float | None:
        """For how long it has been ready, s; None if it is not."""
        return None if self._ready_ns is None else (now - self._ready_ns) / 1e9


def _is_over(now: int, since_ns: int, limit_s: float | None) -> bool:
    return limit_s is not None and now - since_ns >= limit_s * 1e9
