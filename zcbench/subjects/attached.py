"""A process that runs already, as a subject: it is read, with what comes from it, and never stopped."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from zcbench.probes.probe import Notice, Probe
from zcbench.probes.process import Process
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.schema import EventKind, Phase
from zcbench.subjects.instrumented import Instrumented
from zcbench.subjects.subject import Counters, Death
from zcbench.subjects.tree import Descendants

POLL_S = 0.05  # between looks where the system has no descriptor of a process to wait for


class AttachedSubject:
    """The process of an id; see :class:`zcbench.subjects.subject.Subject`. To stop it is to stop looking."""

    name = "the process"
    has_page = False
    due_packets: int | None = None
    ready_limit_s: float | None = None
    grace_s: float | None = None
    is_ours = False
    variables: Mapping[str, str] = {}

    def __init__(self, pid: int, lasts_s: float, instrumented: Instrumented) -> None:
        """Raises psutil.NoSuchProcess."""
        self._instrumented = instrumented
        self._process = Process(pid)
        self._descendants = Descendants(self._process)
        self.info = SubjectInfo(
            kind="attached",
            title=f"{self._process.name()} ({pid})",
            pid=pid,
            capabilities=instrumented.promised(),
        )
        self.stop_after_s: float | None = lasts_s
        self._asked: str | None = None
        self._notices: list[Notice] = []
        self._ended = False
        self._descriptor: int | None = None

    def probes(self, directory: Path) -> Sequence[Probe]:
        """See :class:`Subject`."""
        return self._instrumented.probes(directory, ours=False)

    def start(self, directory: Path, environment: Mapping[str, str]) -> None:
        """See :class:`Subject`: only looks at what can be read of it."""
        if not self._process.is_running():
            raise OSError(f"process {self._process.pid} has ended")
        if hasattr(os, "pidfd_open"):
            self._descriptor = os.pidfd_open(self._process.pid)
        if (hidden := _hidden(self._process)) is not None:
            self._notices.append(Notice(EventKind.PROBE, hidden))

    def processes(self) -> Sequence[Process]:
        """See :class:`Subject`."""
        return self._descendants.scan() if not self._ended else ()

    def output_bytes(self) -> int | None:
        """See :class:`Subject`: it prints wherever it printed before."""
        return None

    def phase(self, counters: Counters) -> int | None:
        """See :class:`Subject`."""
        return Phase.DONE if self._ended or self._asked else Phase.RUNNING

    def notices(self) -> Sequence[Notice]:
        """See :class:`Subject`."""
        notices, self._notices = self._notices, []
        return notices

    def awaits(self) -> str:
        """See :class:`Subject`."""
        return "nothing"

    def asked(self) -> str | None:
        """See :class:`Subject`."""
        return self._asked

    def ask_to_stop(self) -> None:
        """See :class:`Subject`. The watching ends; the process is told nothing."""
        self._asked = "nothing: it runs on"

    def dump_stacks(self) -> None:
        """See :class:`Subject`. Nothing is done to a process that is not ours."""

    def kill(self) -> None:
        """See :class:`Subject`. Nothing is done to a process that is not ours."""
        self.ask_to_stop()

    def wait(self, timeout_s: float) -> int | None:
        """See :class:`Subject`."""
        # What was watched to the end may have ended just before it.
        self._ended = self._has_ended(timeout_s if self._asked is None else 0.0)
        return 0 if self._ended or self._asked is not None else None

    def _has_ended(self, timeout_s: float) -> bool:
        """Whether it ends within ``timeout_s``."""
        if self._descriptor is not None:
            return bool(select.select([self._descriptor], [], [], timeout_s)[0])
        give_up = time.monotonic() + timeout_s
        while self._process.lives():
            if time.monotonic() >= give_up:
                return False
            time.sleep(min(POLL_S, max(0.0, give_up - time.monotonic())))
        return True

    def death(self) -> Death:
        """See :class:`Subject`. Its exit code is for its parent alone."""
        return Death(runs_on=not self._ended)

    def close(self) -> None:
        """See :class:`Subject`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._instrumented.close()

    def is_done(self, counters: Counters) -> bool:
        """See :class:`Subject`."""
        return self._asked is not None

    def progress(self, counters: Counters) -> int:
        """See :class:`Subject`."""
        return 0

    def owes(self, counters: Counters, now: int) -> bool:
        """See :class:`Subject`. What it should be doing nobody knows."""
        return False

    def due(self, counters: Counters, now: int) -> int | None:
        """See :class:`Subject`."""
        return None

    def stall(self, counters: Counters, limit: str) -> str:
        """See :class:`Subject`."""
        return f"nothing moved for {limit}"


def _hidden(process: Process) -> str | None:
    """What cannot be read of a process, as it is another user's."""
    hidden = []
    for what, read in (
        ("descriptors", getattr(process, "num_fds", None) or process.num_handles),
        ("private memory", process.memory_full_info),
    ):
        try:
            read()
        except psutil.AccessDenied:
            hidden.append(what)
        except psutil.Error:
            continue
    if not hidden:
        return None
    return (
        f"{' and '.join(hidden)} of process {process.pid} cannot be read: it belongs to "
        f"{process.username()}; watch it as that user, or as root"
    )
