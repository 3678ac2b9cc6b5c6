"""How a subject's life ended, from what was seen of it. Pure: the same facts, the same end."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from zcbench.foreign import CRASHES, signal_name
from zcbench.record.schema import ANSWERED, NOT_STARTED, End, Ending, Event
from zcbench.subjects.last_words import had_no_memory
from zcbench.subjects.reports.report import Report

FIRST_EXCEPTION = 0xC0000000  # of Windows: exit codes from here on are a process's exceptions


@dataclass(frozen=True, kw_only=True)
class Exit:
    """What was seen when the subject had ended by itself, or been asked to.

    ``code`` is its first process's exit code, negative for a signal. ``error`` is the error it told of,
    ``faults`` what faulthandler wrote, ``aborted`` the broken expectation that ended it, ``interrupted_by`` the
    user's signal. ``asked`` is how it was asked to end ("SIGTERM"), ``early`` how early it ended if it was not
    ("3 s of 10 min"), ``unready`` what it had to do to be ready if it never was, ``crash_files`` what its crash
    left, ``reports`` what sanitizers reported of it, ``is_sanitizers`` whether its code only tells that they
    did, ``last_words`` what it printed of its end, ``runs_on`` whether it does, if it was only watched.
    """

    who: str
    code: int
    is_done: bool
    error: Event | None = None
    faults: str | None = None
    killed_for_memory: bool = False
    aborted: str | None = None
    interrupted_by: str | None = None
    asked: str | None = None
    early: str | None = None
    unready: str | None = None
    good_codes: tuple[int, ...] = (0,)
    relays_signals: bool = False
    crash_files: tuple[str, ...] = ()
    reports: tuple[Report, ...] = ()
    last_words: str | None = None
    is_sanitizers: bool = False
    runs_on: bool | None = None
    windows: bool = os.name == "nt"

    @property
    def signal(self) -> str | None:
        """The signal or exception it died of, by name."""
        if self.code < 0:
            return signal_name(-self.code)
        if self.windows and self.code >= FIRST_EXCEPTION:
            return f"exception 0x{self.code:08X}"
        return None

    @property
    def relayed(self) -> str | None:
        """The deadly signal that its exit code tells of as shells do: 139 is 128 + SIGSEGV."""
        if not self.relays_signals or self.windows:
            return None
        return next((name for name in _RELAYED if self.code == 128 + getattr(signal, name, 0)), None)

    @property
    def fatal(self) -> Report | None:
        """The report that ended it: a sanitizer's last one of memory or of undefined behaviour."""
        fatal = [report for report in self.reports if report.may_be_fatal]
        return fatal[-1] if fatal and self.code else None

    @property
    def said(self) -> str:
        """ "; it said: no device", of what it printed."""
        return "" if self.last_words is None else f"; it said: {self.last_words}"

    @property
    def is_as_asked(self) -> bool:
        """Whether it ended by the signal that asked it to, whatever became of that in an exit code."""
        number = getattr(signal, self.asked or "", None)
        return number is not None and self.code in (-number, 128 + number)

    @property
    def is_good(self) -> bool:
        """Whether it ended as it should."""
        is_code_good = self.code in self.good_codes or self.is_as_asked or self.is_sanitizers
        return self.is_done and self.unready is None and is_code_good


# SIGTERM and SIGINT a shell relays as often, and they are somebody's wish.
_RELAYED = (*CRASHES, "SIGKILL", "SIGXCPU", "SIGXFSZ")
_OF_SHELLS = {
    126: " (as a shell says: it could not be executed)",
    127: " (as a shell says: there is no such program)",
}


# Of a subject that did not move because somebody stopped it.
STOPPED = ", as it was stopped (SIGSTOP, SIGTSTP or a debugger) and nobody let it go on"
_BY_NOBODY = " (nobody here sent it)"
_SENT_BY = {
    "SIGKILL": " (nobody here sent it; possibly the kernel, for memory)",
    "SIGPIPE": " (it wrote to a pipe or a socket that nobody reads any more)",
    "SIGXCPU": " (it reached its limit of CPU time, ulimit -t)",
    "SIGXFSZ": " (it reached its limit of a file's size, ulimit -f)",
}


def end_of(seen: Exit) -> End:
    """How a subject ended that exited as ``seen``."""
    if seen.runs_on is not None:
        return _watched(seen)
    if seen.error is not None:
        return End(
            ending=Ending.MEMORY if seen.error.data.get("memory") else Ending.FAILED,
            exit_code=seen.code,
            message=seen.error.message,
            traceback=seen.error.data.get("traceback"),
        )
    if not seen.is_good:
        return _ended_badly(seen)
    if seen.aborted:
        return End(ending=Ending.ABORTED, exit_code=seen.code, message=seen.aborted)
    if seen.interrupted_by is not None:
        return End(
            ending=Ending.INTERRUPTED,
            exit_code=seen.code,
            signal=seen.interrupted_by,
            message="drained and ended on request",
        )
    return End(ending=Ending.FINISHED, exit_code=seen.code, message=_finished(seen))


def _watched(seen: Exit) -> End:
    """The end of watching a process that is not ours, whose exit code only its parent is told."""
    runs_on = f"{seen.who} runs on"
    if seen.runs_on and seen.aborted:
        return End(ending=Ending.ABORTED, message=f"{seen.aborted}; {runs_on}")
    if seen.runs_on and seen.interrupted_by is not None:
        message = f"no longer watched, on request; {runs_on}"
        return End(ending=Ending.INTERRUPTED, signal=seen.interrupted_by, message=message)
    if seen.runs_on:
        return End(ending=Ending.FINISHED, message=f"watched to the end; {runs_on}")
    after = "" if seen.early is None else f" after {seen.early}"
    message = f"{seen.who} ended while it was watched{after}; its exit code is known to its parent alone"
    if seen.killed_for_memory:
        message = f"{seen.who} ended{after} as the kernel killed for memory"
        return End(ending=Ending.MEMORY, message=message)
    return End(ending=Ending.EXITED, message=message)


def _finished(seen: Exit) -> str:
    by = f", by which {seen.reports[0].tool} tells of its report" if seen.is_sanitizers and seen.reports else ""
    if seen.early is not None:
        return f"ended by itself after {seen.early}, with code {seen.code}{by}"
    if seen.is_as_asked:
        return f"ended by {seen.asked}, as it was asked to"
    return "exited normally" if not seen.code else f"exited normally, with code {seen.code}{by}"


def _ended_badly(seen: Exit) -> End:
    name = seen.signal or seen.relayed
    if seen.last_words is not None and name in (None, "SIGABRT") and had_no_memory(seen.last_words):
        how = f"died of {name}" if name else f"exited with code {seen.code}"
        message = f"{seen.who} had no memory left and {how}{seen.said}"
        return End(ending=Ending.MEMORY, exit_code=seen.code, signal=name, message=message)
    if name is not None:
        return _died_of_signal(seen, name)
    if seen.fatal is not None:
        return _ended_by_sanitizer(seen, seen.fatal)
    when = "with" if seen.code or seen.unready else "before its time, with"
    hint = _OF_SHELLS.get(seen.code, "") if seen.relays_signals else ""
    message = f"{seen.who} exited {when} code {seen.code}{hint}"
    if seen.unready is not None:
        message += f" before it was ready: waited until {seen.unready}"
    if seen.asked and seen.relays_signals:
        good = ", ".join(map(str, (*seen.good_codes, seen.code)))
        message = f"{seen.who}{ANSWERED}{seen.asked} with exit code {seen.code}; "
        message += f"if that is how it ends well: exit_codes = [{good}] in [subject]"
    return End(ending=Ending.EXITED, exit_code=seen.code, message=message + seen.said, traceback=seen.faults)


def _ended_by_sanitizer(seen: Exit, report: Report) -> End:
    """A sanitizer ends its program by an exit code, whatever it died of."""
    number = next((name for name in CRASHES if report.kind.split(" ")[0] == name.removeprefix("SIG")), None)
    if number is None:
        message = f"{seen.who} was ended by {report.tool} (code {seen.code}): {report.at_place}"
        return End(ending=Ending.CRASHED, exit_code=seen.code, message=message, traceback=seen.faults)
    message = f"{seen.who} died of {number}, as {report.tool} tells (code {seen.code}): {report.at_place}"
    return End(
        ending=Ending.CRASHED, exit_code=seen.code, signal=number, message=message, traceback=seen.faults
    )


def _died_of_signal(seen: Exit, name: str) -> End:
    if name == "SIGKILL" and seen.killed_for_memory:
        return End(
            ending=Ending.MEMORY,
            exit_code=seen.code,
            signal=name,
            message="killed by the kernel for memory",
        )
    hint = _SENT_BY.get(name, "" if name in CRASHES or seen.windows else _BY_NOBODY)
    hint += "" if seen.signal else f" (as code {seen.code} says)"
    if seen.crash_files:
        hint += f", which left {', '.join(seen.crash_files)}"
    return End(
        ending=Ending.CRASHED,
        exit_code=seen.code,
        signal=name,
        message=f"{seen.who} died of {name}{hint}{seen.said}",
        traceback=seen.faults,
    )


def stopped_at_once(by: str | None) -> End:
    """The end by a second signal of the user."""
    message = "stopped at once, without draining"
    return End(ending=Ending.INTERRUPTED, signal=by, message=message)


def hung(stall: str, faults: str | None, stopped: str = "") -> End:
    """The end of a subject that was killed because ``stall``; ``stopped`` says if a signal had stopped it."""
    return End(ending=Ending.HUNG, message=stall + stopped, traceback=faults)


def over_memory_limit(rss: int, limit: float, *, killed: bool = True) -> End:
    """The end of a subject with ``rss`` bytes resident, or of watching one that is not ours to kill."""
    what = "killed" if killed else "no longer watched"
    message = f"{what}: {rss:,} bytes resident, limits.rss is {int(limit):,}"
    return End(ending=Ending.MEMORY, message=message)


def too_many_processes(count: int, limit: int, *, killed: bool = True) -> End:
    """The end of a subject that had multiplied into ``count`` processes."""
    what = "killed" if killed else "no longer watched"
    return End(ending=Ending.EXITED, message=f"{what}: {count:,} processes, limits.processes is {limit:,}")


def never_ready(limit: str, what: str, faults: str | None, stopped: str = "") -> End:
    """The end of a subject that was killed because it had not become ready."""
    message = f"not ready after {limit}: waited until {what}{stopped}"
    return End(ending=Ending.HUNG, message=message, traceback=faults)


def not_stopping(asked: str, grace: str, faults: str | None, stopped: str = "") -> End:
    """The end of a subject that was killed because it had not ended when asked to."""
    message = f"did not end within {grace} of {asked}{stopped}; killed"
    return End(ending=Ending.HUNG, message=message, traceback=faults)


def killed_as_agreed(interrupted_by: str | None) -> End:
    """The end of a subject that nobody can ask to stop, and that was killed when its time was over."""
    message = "killed when its time was over, as nothing asks it to stop"
    if interrupted_by is not None:
        return End(ending=Ending.INTERRUPTED, signal=interrupted_by, message=message)
    return End(ending=Ending.FINISHED, message=message)


def not_started(error: str) -> End:
    """The end of a subject that the system could not start."""
    return End(ending=Ending.FAILED, message=f"{NOT_STARTED}: {error}")


def harness_failed(message: str) -> End:
    """The end of a run that could not be watched any more, or not be begun."""
    return End(ending=Ending.HARNESS, message=message)
