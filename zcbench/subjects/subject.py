"""What is tested, as the supervisor sees it: a few processes, perhaps a page, and what it owes by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from zcbench.probes.probe import Notice, Probe
from zcbench.probes.process import Process
from zcbench.record.capabilities import SubjectInfo
from zcbench.subjects.reports.report import Report

Counters = Mapping[str, int | None]


@dataclass(frozen=True)
class Death:
    """What is known of a subject's end beside its exit code. ``files`` are what a crash left, by name."""

    good_codes: tuple[int, ...] = (0,)
    relays_signals: bool = False  # a code above 128 says, as a shell does, which signal ended what it ran
    files: tuple[str, ...] = ()
    report: str | None = None  # the text of one of them
    reports: tuple[Report, ...] = ()  # of the sanitizers that it runs under
    last_words: str | None = None  # the line of its output that tells of its end
    is_sanitizers: bool = False  # its exit code is how such a tool says that it reported something
    runs_on: bool | None = None  # of what was only watched: whether it does; None: its exit code is known
    unready: str | None = None  # what it was waited for to do when it ended by itself


class Subject(Protocol):
    """Whatever can be put under load and watched. The supervisor knows nothing else of it.

    ``counters`` are the page's, by metric name; None is a reading that nobody has made. Of a subject without
    a page every one of them is None.
    """

    info: SubjectInfo  # its kind and its capabilities, as run.json has them
    name: str  # "the worker": what sentences about it begin with
    has_page: bool  # whether it counts on the shared page of the run directory
    due_packets: int | None  # what its stream is to deliver in all, if anybody knows
    stop_after_s: float | None  # from when it is ready: it is then asked to stop; None: it ends by itself
    ready_limit_s: float | None  # it must have left STARTING by then; None: the hang watch says
    grace_s: float | None  # it must have ended so long after it was asked to; None: the hang watch says
    is_ours: bool  # whether it may be ended: not what ran before
    variables: Mapping[str, str]  # environment variables that its scenario gives it

    def probes(self, directory: Path) -> Sequence[Probe]:
        """What else reads it: asked once, before the start of a run in ``directory``."""
        ...

    def start(self, directory: Path, environment: Mapping[str, str]) -> None:
        """Start it with the variables ``environment``, its own and the probes' among them, writing into
        ``directory``. Raises OSError, RuntimeError."""
        ...

    def processes(self) -> Sequence[Process]:
        """The processes it consists of now, its first one first; each may be dead already."""
        ...

    def ask_to_stop(self) -> None:
        """Ask it to drain and end. The first call counts."""
        ...

    def dump_stacks(self) -> None:
        """Make it write its stacks and die (SIGABRT), where the system can."""
        ...

    def kill(self) -> None:
        """End it now."""
        ...

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code (negative: the signal), or None if it still runs after ``timeout_s``."""
        ...

    def phase(self, counters: Counters) -> int | None:
        """STARTING until it is ready, then RUNNING, DRAINING, DONE (:mod:`zcbench.record.schema`)."""
        ...

    def output_bytes(self) -> int | None:
        """What it has printed so far; None if nobody can say."""
        ...

    def notices(self) -> Sequence[Notice]:
        """What it has to say since the last call."""
        ...

    def death(self) -> Death:
        """What is known of its end, now that it has ended."""
        ...

    def close(self) -> None:
        """End whatever is left of it, and forget it."""
        ...

    def is_done(self, counters: Counters) -> bool:
        """Whether it has done all that was asked of it, so that to exit is to end as planned."""
        ...

    def progress(self, counters: Counters) -> int:
        """A number that changes whenever it does a step."""
        ...

    def owes(self, counters: Counters, now: int) -> bool:
        """Whether it owes a step at ``now`` (ns): a packet that is due, or to start, to end, to drain."""
        ...

    def due(self, counters: Counters, now: int) -> int | None:
        """Packets that should have been captured by ``now`` (ns); None if nobody can say."""
        ...

    def stall(self, counters: Counters, limit: str) -> str:
        """What did not happen for ``limit`` ("10 s") while it hung: "no packet was received for 10 s"."""
        ...

    def awaits(self) -> str:
        """What makes it ready: "its output matches 'listening'"."""
        ...

    def asked(self) -> str | None:
        """How it was asked to end: "SIGTERM"; None before."""
        ...
