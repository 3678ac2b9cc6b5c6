"""How a subject's life ended, from what was seen of it. Pure: the same facts, the same end."""

from __future__ import annotations

import os
from dataclasses import dataclass

from zcbench.foreign import signal_name
from zcbench.record.schema import End, Ending, Event

FIRST_EXCEPTION = 0xC0000000  # of Windows: exit codes from here on are a process's exceptions


@dataclass(frozen=True, kw_only=True)
class Exit:
    """What was seen when the subject's first process had ended by itself, or been asked to drain.

    ``code`` is its exit code, negative for a signal. ``error`` is the error it told of, ``faults`` what
    faulthandler wrote, ``aborted`` the broken expectation that ended it, ``interrupted_by`` the user's signal.
    """

    who: str
    code: int
    is_done: bool
    error: Event | None = None
    faults: str | None = None
    killed_for_memory: bool = False
    aborted: str | None = None
    interrupted_by: str | None = None
    windows: bool = os.name == "nt"

    @property
    def signal(self) -> str | None:
        """The signal or exception it died of, by name."""
        if self.code < 0:
            return signal_name(-self.code)
        if self.windows and self.code >= FIRST_EXCEPTION:
            return f"exception 0x{self.code:08X}"
        return None


def end_of(seen: Exit) -> End:
    """How a subject ended that exited as ``seen``."""
    if seen.error is not None:
        return End(
            ending=Ending.MEMORY if seen.error.data.get("memory") else Ending.FAILED,
            exit_code=seen.code,
            message=seen.error.message,
            traceback=seen.error.data.get("traceback"),
        )
    if seen.signal is not None:
        return _died_of_signal(seen, seen.signal)
    if seen.code or not seen.is_done:
        when = "with" if seen.code else "before its time, with"
        message = f"{seen.who} exited {when} code {seen.code}"
        return End(ending=Ending.EXITED, exit_code=seen.code, message=message)
    if seen.aborted:
        return End(ending=Ending.ABORTED, exit_code=0, message=seen.aborted)
    if seen.interrupted_by is not None:
        return End(
            ending=Ending.INTERRUPTED,
            exit_code=0,
            signal=seen.interrupted_by,
            message="drained and ended on request",
        )
    return End(ending=Ending.FINISHED, exit_code=0, message="exited normally")


def _died_of_signal(seen: Exit, name: str) -> End:
    if name == "SIGKILL" and seen.killed_for_memory:
        return End(
            ending=Ending.MEMORY,
            exit_code=seen.code,
            signal=name,
            message="killed by the kernel for memory",
        )
    hint = " (nobody here sent it; possibly the kernel, for memory)" if name == "SIGKILL" else ""
    return End(
        ending=Ending.CRASHED,
        exit_code=seen.code,
        signal=name,
        message=f"{seen.who} died of {name}{hint}",
        traceback=seen.faults,
    )


def stopped_at_once(by: str | None) -> End:
    """The end by a second signal of the user."""
    message = "stopped at once, without draining"
    return End(ending=Ending.INTERRUPTED, signal=by, message=message)


def hung(stall: str, faults: str | None) -> End:
    """The end of a subject that was killed because ``stall``."""
    return End(ending=Ending.HUNG, message=stall, traceback=faults)


def over_memory_limit(rss: int, limit: float) -> End:
    """The end of a subject that was killed with ``rss`` bytes resident."""
    message = f"killed: {rss:,} bytes resident, limits.rss is {int(limit):,}"
    return End(ending=Ending.MEMORY, message=message)


def harness_failed(message: str) -> End:
    """The end of a run that could not be watched any more, or not be begun."""
    return End(ending=Ending.HARNESS, message=message)
