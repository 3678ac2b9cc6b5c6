"""What is tested, as the supervisor sees it: a few processes, perhaps a page, and what it owes by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import psutil

from zcbench.probes.probe import Probe
from zcbench.record.capabilities import SubjectInfo

Counters = Mapping[str, int | None]


class Subject(Protocol):
    """Whatever can be put under load and watched. The supervisor knows nothing else of it.

    ``counters`` are the page's, by metric name; None is a reading that nobody has made. Of a subject without
    a page every one of them is None.
    """

    info: SubjectInfo  # its kind and its capabilities, as run.json has them
    name: str  # "the worker": what sentences about it begin with
    has_page: bool  # whether it counts on the shared page of the run directory
    stop_after_s: float | None  # from when it is ready: it is then asked to stop; None: it ends by itself

    def probes(self) -> Sequence[Probe]:
        """What else reads it: asked once, before the start."""
        ...

    def start(self, directory: Path, environment: Mapping[str, str]) -> None:
        """Start it, writing into ``directory``. Raises OSError, RuntimeError."""
        ...

    def processes(self) -> Sequence[psutil.Process]:
        """The processes it consists of now, its first one first; each may be dead already."""
        ...

    def ask_to_stop(self) -> None:
        """Ask it to drain and end."""
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

    def is_starting(self, counters: Counters) -> bool:
        """Whether it is not yet ready to do what is asked of it."""
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
