"""A callable of Python's as a subject: called in the worker, again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from zcbench.clock import now_ns
from zcbench.probes.probe import Probe
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.schema import Phase
from zcbench.scenario import Scenario
from zcbench.subjects.in_worker import InWorker
from zcbench.subjects.instrumented import Instrumented
from zcbench.subjects.subject import Counters


class CallSubject(InWorker):
    """See :class:`zcbench.subjects.subject.Subject`."""

    due_packets: int | None = None

    def __init__(self, scenario: Scenario) -> None:
        self._table = scenario.subject
        self.variables: Mapping[str, str] = scenario.subject.env
        self._instrumented = Instrumented(scenario)
        self.stop_after_s: float | None = scenario.duration
        self.info = SubjectInfo(kind="call", title=self._table.call, capabilities=self._instrumented.promised())
        self._asked: str | None = None
        self._moved = (0, now_ns())  # its progress, and since when

    def probes(self, directory: Path) -> Sequence[Probe]:
        """See :class:`Subject`. What it allocates is counted in the worker."""
        return self._instrumented.probes(directory, ours=True)

    def start(self, directory: Path, environment: Mapping[str, str]) -> None:
        """See :class:`Subject`."""
        self.start_worker(directory, environment, self._table.cwd)

    def ask_to_stop(self) -> None:
        """See :class:`Subject`."""
        self._asked = "a line on its input"
        super().ask_to_stop()

    def awaits(self) -> str:
        """See :class:`Subject`."""
        return "its first call"

    def asked(self) -> str | None:
        """See :class:`Subject`."""
        return self._asked

    def progress(self, counters: Counters) -> int:
        """See :class:`Subject`."""
        page = self._instrumented.page
        progress = (counters["phase"] or 0) + (0 if page is None else page.progress())
        if progress != self._moved[0]:
            self._moved = (progress, now_ns())
        return progress

    def owes(self, counters: Counters, now: int) -> bool:
        """See :class:`Subject`: a call that should have begun to return."""
        period_ns = 0.0 if self._table.rate is None else 1e9 / self._table.rate
        return counters["phase"] != Phase.RUNNING or now - self._moved[1] > period_ns

    def due(self, counters: Counters, now: int) -> int | None:
        """See :class:`Subject`: it captures no packets."""
        return None

    def stall(self, counters: Counters, limit: str) -> str:
        """See :class:`Subject`."""
        return f"no call of {self._table.call} returned for {limit}"
