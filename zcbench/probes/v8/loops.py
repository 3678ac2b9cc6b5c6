"""The event loops of main threads, from the agents' pages: whether they turn, and how busy they are.

Worker threads are left out: they are made to compute, and may go without a turn for as long as they like.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zcbench.page.reader import Reading
from zcbench.probes.agents import THREAD
from zcbench.probes.probe import Number
from zcbench.quantities.names import EVENT_LOOP_DELAY_MAX_NS, EVENT_LOOP_UTILIZATION

IDLE, ACTIVE = "event_loop.idle_ns", "event_loop.active_ns"  # an agent's totals
# As the agent has it: it publishes twice a sample, within these limits.
MOST_OFTEN_S, LEAST_OFTEN_S = 0.1, 1.0
# Publications that may be late before a loop counts as blocked: one is under way, one was just missed.
LATE = 2


@dataclass
class _Loop:
    """A loop's page as last read; ``moved_ns`` is when its heart was last seen to have beaten."""

    heartbeat: int
    moved_ns: int
    idle_ns: int
    active_ns: int


class Loops:
    """What one sample after the other says of the event loops."""

    def __init__(self, sample_every_s: float) -> None:
        self._every_ns = round(min(max(sample_every_s / 2, MOST_OFTEN_S), LEAST_OFTEN_S) * 1e9)
        self._known: dict[tuple[int, int], _Loop] = {}  # by process and the agent's start

    def columns(self, readings: Iterable[Reading], row: dict[str, Number | None], now: int) -> None:
        """Add to ``row`` how busy the busiest loop was since the last sample, and to the largest delay what a
        loop that is blocked at this moment has not published yet."""
        before, self._known = self._known, {}
        shares = []
        for reading in readings:
            if reading.values.get(THREAD) is not None:
                continue
            key = (reading.header.pid, reading.header.started_ns)
            known = before.get(key)
            loop = self._known[key] = _read(reading, known, now)
            if known is not None and (share := _share(loop, known)) is not None:
                shares.append(share)
        if shares:
            row[EVENT_LOOP_UTILIZATION] = max(shares)
        if blocked_ns := self.blocked_ns(now):
            row[EVENT_LOOP_DELAY_MAX_NS] = max(row.get(EVENT_LOOP_DELAY_MAX_NS) or 0, blocked_ns)

    def blocked_ns(self, now: int) -> int:
        """For how long the loop that rests longest is late by now; 0 if each has turned of late."""
        rests = max((now - loop.moved_ns for loop in self._known.values()), default=0)
        return rests - self._every_ns if rests > (1 + LATE) * self._every_ns else 0

    def blocked(self, now: int, patience_ns: int) -> list[int]:
        """The processes whose loops have not turned for ``patience_ns``."""
        return [pid for (pid, _), loop in self._known.items() if now - loop.moved_ns > patience_ns]


def _read(reading: Reading, known: _Loop | None, now: int) -> _Loop:
    heartbeat = reading.header.heartbeat
    moved_ns = known.moved_ns if known is not None and known.heartbeat == heartbeat else now
    return _Loop(heartbeat, moved_ns, reading.values.get(IDLE) or 0, reading.values.get(ACTIVE) or 0)


def _share(loop: _Loop, known: _Loop) -> float | None:
    """The share of the time between two readings in which the loop was busy, 0 to 1; None if not known."""
    idle, active = loop.idle_ns - known.idle_ns, loop.active_ns - known.active_ns
    return active / (idle + active) if active >= 0 and idle >= 0 and idle + active > 0 else None
