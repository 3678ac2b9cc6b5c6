"""An engine as a subject: its worker process, and what the page says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from zcbench.probes.probe import Probe
from zcbench.quantities.names import (
    CONSUMER_RECEIVED,
    CONSUMER_RECHECKED,
    ENGINE_CAPTURED,
    ENGINE_START_NS,
    ENGINE_STOP_NS,
    POOL_RETURNS,
)
from zcbench.record.capabilities import ENGINE
from zcbench.record.schema import Phase
from zcbench.scenario import Scenario
from zcbench.subjects.assembly import due_packets, stream_format
from zcbench.subjects.in_worker import InWorker
from zcbench.subjects.subject import Counters

# What moves. Returns and the phase count too: draining without verification shows in nothing else.
_MOVING = (CONSUMER_RECEIVED, CONSUMER_RECHECKED, POOL_RETURNS, "phase")


class EngineSubject(InWorker):
    """An engine with its consumer in a worker process (:mod:`zcbench.subjects.worker`); see
    :class:`zcbench.subjects.subject.Subject`."""

    info = ENGINE
    # It ends by itself, and its page says how far it is.
    stop_after_s: float | None = None
    variables: Mapping[str, str] = {}

    def __init__(self, scenario: Scenario) -> None:
        """Resolve what ``scenario`` asks of the engine. Raises SourceError."""
        format, source = stream_format(scenario), scenario.source
        self._unpaced = source.unpaced
        self.due_packets = None if source.kind == "device" else due_packets(scenario, format)
        # A device has its own clock: only what is replayed can be sped up.
        speed = 1.0 if self.due_packets is None else source.speed
        self._packets_per_s = format.packets_per_s * speed

    def probes(self, directory: Path) -> Sequence[Probe]:
        """See :class:`Subject`."""
        return ()  # its own are in the worker

    def start(self, directory: Path, environment: Mapping[str, str]) -> None:
        """See :class:`Subject`."""
        self.start_worker(directory, environment)

    def awaits(self) -> str:
        """See :class:`Subject`."""
        return "its stream runs"

    def asked(self) -> str | None:
        """See :class:`Subject`: it always leaves with 0 when it was."""
        return None

    def progress(self, counters: Counters) -> int:
        """See :class:`Subject`."""
        return sum(counters[name] or 0 for name in _MOVING)

    def owes(self, counters: Counters, now: int) -> bool:
        """See :class:`Subject`."""
        received = counters[CONSUMER_RECEIVED] or 0
        if counters["phase"] != Phase.RUNNING or not counters[ENGINE_START_NS]:
            return True
        if self._unpaced or counters[ENGINE_STOP_NS] or received == self.due_packets:
            return True
        return (self.due(counters, now) or 0) > received

    def due(self, counters: Counters, now: int) -> int | None:
        """See :class:`Subject`."""
        start = counters[ENGINE_START_NS]
        if not start:
            return 0
        if self._unpaced:
            return counters[ENGINE_CAPTURED] or counters[CONSUMER_RECEIVED]
        until = counters[ENGINE_STOP_NS] or now
        due = int(max(0, until - start) / 1e9 * self._packets_per_s)
        return due if self.due_packets is None else min(due, self.due_packets)

    def stall(self, counters: Counters, limit: str) -> str:
        """See :class:`Subject`."""
        if (counters[CONSUMER_RECEIVED] or 0) == self.due_packets:
            return f"nothing moved for {limit} after the last packet, in stop() or the drain"
        return f"no packet was received for {limit} while packets were due"
