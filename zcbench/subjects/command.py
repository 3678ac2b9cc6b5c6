"""Any command as a subject: all processes that come from it, its output, how it is asked to stop."""

from __future__ import annotations

import contextlib
import math
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from zcbench.clock import now_ns
from zcbench.foreign import brief, one_line
from zcbench.page.layout import State
from zcbench.probes.malloc.meter import POISON, poisoned
from zcbench.probes.page import PageProbe
from zcbench.probes.probe import Notice, Probe
from zcbench.probes.process import Process
from zcbench.quantities.units import format_duration
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.schema import LOAD_FILE, STDERR_FILE, EventKind, Phase
from zcbench.scenario.subject import READY_BY_PAGE, is_url
from zcbench.scenario.tables import STOP_BY_CLOSING, STOP_BY_NOTHING, SubjectTable, filled
from zcbench.subjects.crash_files import crash_files
from zcbench.subjects.guard import Guard
from zcbench.subjects.instrumented import Instrumented
from zcbench.subjects.last_words import LastWords
from zcbench.subjects.output import OutputPump
from zcbench.subjects.readiness import Answering, OnPage, Printed, Readiness
from zcbench.subjects.reports.exit_code import tells_of_report
from zcbench.subjects.reports.listener import ReportListener
from zcbench.subjects.reports.log_files import read_logs
from zcbench.subjects.subject import Counters, Death
from zcbench.subjects.tree import BIRTHS, MARKER, ProcessTree

DEFAULT_GRACE_S = 10.0
ASKED_BY_NOTHING = "nothing"  # how a command was asked to end that nobody can ask
OUTPUT_S = 1.0  # for the last output to come through the pipe of a subject that is gone
MOVES = 5  # seen on its page, before a rest can be told from how it always is
PAUSES = 5  # times the longest pause seen on its page, before another counts towards limits.hang
CHILDREN_S = 2.0  # for its children to end once it has ended as it was asked to
FRESH_S = 0.05  # half of the supervisor's poll: less than what it acts on
POLL_S = 0.02  # between looks at whether a daemon lives, which nobody waits for
# Python then writes the stacks of all threads to its stderr on SIGABRT, and before a crash.
_VARIABLES = {"PYTHONFAULTHANDLER": "1"}


class CommandSubject:
    """A program in any language, with its children; see :class:`zcbench.subjects.subject.Subject`."""

    has_page = False
    due_packets: int | None = None
    is_ours = True

    def __init__(
        self,
        table: SubjectTable,
        lasts_s: float,
        *,
        name: str = "the command",
        log: str = STDERR_FILE,
        instrumented: Instrumented | None = None,
    ) -> None:
        self._table, self.name, self._log, self._instrumented = table, name, log, instrumented
        self.variables: Mapping[str, str] = table.env
        promised = () if instrumented is None else instrumented.promised()
        title = brief(one_line(shlex.join(table.words)))
        self.info = SubjectInfo(kind="command", title=title, capabilities=promised)
        self.stop_after_s: float | None = lasts_s
        self.ready_limit_s: float | None = table.ready_limit
        self.grace_s: float | None = grace_s(table)
        self._asked: str | None = None
        self._notices: list[Notice] = []
        self._first_code: int | None = None  # of the first process, once it has ended
        self._first_ended_s = 0.0
        self._scanned: list[Process] = []
        self._scanned_s = 0.0
        self._progress = self._moved_ns = self._longest_pause_ns = self._moves = 0
        self._is_daemon = False
        self._ready = False
        self._reports = ReportListener()
        self._last_words = LastWords()

    def probes(self, directory: Path) -> Sequence[Probe]:
        """See :class:`Subject`."""
        return () if self._instrumented is None else self._instrumented.probes(directory, ours=True)

    def start(self, directory: Path, environment: Mapping[str, str]) -> None:
        """See :class:`Subject`."""
        self._tree = ProcessTree()
        self._temporary = environment.get("TMPDIR")
        self._started_s = time.time()
        reading, writing = os.pipe()
        try:
            self._popen = self._start(writing, environment)
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._guard = Guard(self._popen.pid)
        self._readiness = self._awaited()
        self._output = OutputPump(directory / self._log, reading, "zcbench-output")
        self._output.listeners += [self._readiness.hear, self._reports.hear, self._last_words.hear]
        if self._instrumented is not None:
            self._output.listeners += self._instrumented.listeners
        self._output.start()
        self._dumped = False
        self._ended = threading.Event()
        threading.Thread(target=self._await_end, name="zcbench-wait", daemon=True).start()

    def _start(self, output: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with BIRTHS:
            popen = subprocess.Popen(
                self._table.words,
                stdin=subprocess.PIPE if self._table.stop == STOP_BY_CLOSING else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._table.cwd,
                env=self._environment(environment),
                # A session of its own: the terminal's Ctrl-C reaches the supervisor alone.
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
            self._tree.begin(popen.pid)
            return popen

    def _environment(self, given: Mapping[str, str]) -> dict[str, str]:
        own = {**_VARIABLES, **given, MARKER: self._tree.marker}
        if self._table.poison:
            own = poisoned(own) | {"MALLOC_PERTURB_": str(POISON)}  # of a glibc before 2.26
        return own

    def _awaited(self) -> Readiness:
        ready = self._table.awaited
        if ready is None:
            return Readiness()
        if ready == READY_BY_PAGE:
            return Readiness() if self._page is None else OnPage(self._page)
        return Answering(ready) if is_url(ready) else Printed(ready)

    def _await_end(self) -> None:
        if hasattr(os, "waitid"):
            # Only this tells a core dump from a plain death; it leaves the rest to Popen.
            with contextlib.suppress(OSError):
                found = os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT)
                self._dumped = found is not None and found.si_code == os.CLD_DUMPED
        self._popen.wait()
        self._ended.set()

    # -- what it is

    def processes(self) -> Sequence[Process]:
        """See :class:`Subject`. All who ask for one sample get one look: it costs 60 µs a process."""
        now = time.monotonic()
        if now - self._scanned_s > FRESH_S or not self._scanned:
            self._scanned, self._scanned_s = self._tree.scan(), now
        return self._scanned

    def output_bytes(self) -> int | None:
        """See :class:`Subject`."""
        return self._output.size()

    @property
    def _page(self) -> PageProbe | None:
        return None if self._instrumented is None else self._instrumented.page

    def phase(self, counters: Counters) -> int | None:
        """See :class:`Subject`. Only the subject itself can say, on its page, that nothing is in its hands."""
        state = None if self._page is None else self._page.state()
        if state in (State.DRAINING, State.DONE):
            return Phase.DONE if state is State.DONE else Phase.DRAINING
        if self._asked is not None:
            return Phase.DRAINING
        if not self._ready and self._readiness.is_ready():
            self._ready = True
            if self._table.ready is not None:
                seconds = format_duration(time.time() - self._started_s)
                self._notices.append(Notice(EventKind.PHASE, f"ready after {seconds}: {self._readiness.what}"))
        return Phase.RUNNING if self._ready else Phase.STARTING

    def notices(self) -> Sequence[Notice]:
        """See :class:`Subject`."""
        notices, self._notices = [*self._notices, *self._tree.crashes, *self._reports.notices()], []
        self._tree.crashes = []
        if self._instrumented is not None:
            notices += self._instrumented.notices
            self._instrumented.notices = []
        return notices

    def awaits(self) -> str:
        """See :class:`Subject`."""
        return self._readiness.what

    # -- what is done to it

    def asked(self) -> str | None:
        """See :class:`Subject`."""
        return self._asked

    def ask_to_stop(self) -> None:
        """See :class:`Subject`. A daemon's processes are asked each, as its first one is gone."""
        if self._asked is not None:
            return
        stop = self._table.stop
        self._asked = {STOP_BY_CLOSING: "the end of its input", STOP_BY_NOTHING: ASKED_BY_NOTHING}.get(
            stop, stop
        )
        if stop == STOP_BY_CLOSING:
            self._close_input()
        elif self._ended.is_set():
            self._signal_tree()
        elif stop != STOP_BY_NOTHING:
            with contextlib.suppress(OSError):
                self._popen.send_signal(getattr(signal, stop))

    def _signal_tree(self) -> None:
        """Ask what the first process has left to end, as that one was asked."""
        if self._table.stop not in (STOP_BY_CLOSING, STOP_BY_NOTHING):
            self._tree.send(getattr(signal, self._table.stop))

    def _close_input(self) -> None:
        if self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.close()

    def dump_stacks(self) -> None:
        """See :class:`Subject`. A JVM prints its stacks on SIGQUIT and goes on; Python and Go do so on SIGABRT,
        and anything else may leave a core dump."""
        if os.name == "nt":  # has no signal that leaves stacks
            return
        for pid in self._tree.living():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGQUIT if _is_jvm(pid) else signal.SIGABRT)

    def kill(self) -> None:
        """See :class:`Subject`."""
        if not self._tree.kill():
            self._notices.append(
                Notice(EventKind.LEFT_PROCESSES, "processes multiply faster than they can be killed")
            )

    def wait(self, timeout_s: float) -> int | None:
        """See :class:`Subject`. A command whose first process left with 0 goes on while its children live."""
        give_up = time.monotonic() + timeout_s
        if not self._ended.wait(timeout_s):
            return None
        if self._first_code is None:
            self._first_code, self._first_ended_s = self._popen.returncode, time.monotonic()
            left = self._tree.leave()
            if not left:
                # A process that is just being executed has no variables by which it could be known.
                time.sleep(POLL_S)
                left = self._tree.leave()
            if left and self._asked is not None:
                self._signal_tree()
            elif left and self._first_code == 0:
                self._is_daemon = True
                self._notices.append(_left("goes on in", left))
        if self._is_daemon:
            last_s = math.inf
        else:
            last_s = self._first_ended_s + (0.0 if self._asked is None else CHILDREN_S)
        while time.monotonic() < last_s and self._tree.living():
            if time.monotonic() >= give_up:
                return None
            time.sleep(min(POLL_S, max(0.0, give_up - time.monotonic())))
        self._close_input()
        # A daemon's own code, where it fell to us; its first process's 0 says nothing of it.
        last = self._tree.last_code
        return last if self._is_daemon and last is not None else self._first_code

    def close(self) -> None:
        """See :class:`Subject`."""
        self._readiness.close()
        left = self._tree.names()
        if left:
            self._notices.append(_left("was survived by", left, survived=True))
            self._tree.kill()
        self._tree.close()
        self._guard.close()
        self._output.join(OUTPUT_S)
        if self._instrumented is not None:
            self._instrumented.close()

    # -- how it ended

    def death(self) -> Death:
        """See :class:`Subject`."""
        self._output.join(OUTPUT_S)
        folders = [Path(self._table.cwd or "")]
        folders += [Path(self._temporary)] if self._temporary else []
        files = crash_files(self._popen.pid, folders, self._started_s, dumped=self._dumped)
        # All that it printed has been heard by now.
        is_ready = self._asked is not None or self.phase({}) != Phase.STARTING
        variables = {**os.environ, **self.variables}
        self._reports.end()
        for log in read_logs(self._table.words, variables, folders[0], self._started_s):
            self._reports.hear(log)
            self._reports.end()
        reports = tuple(self._reports.reports)
        code = self._popen.returncode
        return Death(
            unready=None if is_ready else self.awaits(),
            good_codes=self._table.exit_codes,
            relays_signals=True,
            files=tuple(file.name for file in files),
            report=next((file.text for file in files if file.text), None),
            reports=reports,
            last_words=self._last_words.why(),
            is_sanitizers=tells_of_report(code, reports, self._table.words, variables),
        )

    def is_done(self, counters: Counters) -> bool:
        """See :class:`Subject`. Its exit code is all that says it."""
        return True

    def progress(self, counters: Counters) -> int:
        """See :class:`Subject`: what moves on its page."""
        progress = 0 if self._page is None else self._page.progress()
        now = now_ns()
        if progress != self._progress:
            if self._moved_ns:
                self._longest_pause_ns = max(self._longest_pause_ns, now - self._moved_ns)
            self._progress, self._moved_ns = progress, now
            self._moves += 1
        return progress

    def owes(self, counters: Counters, now: int) -> bool:
        """See :class:`Subject`. What it should be doing nobody knows: only that its page, where it has one, has
        never rested for a fraction of this before."""
        if self._moves < MOVES or not self._ready or self._asked is not None:
            return False
        return now - self._moved_ns > PAUSES * self._longest_pause_ns

    def due(self, counters: Counters, now: int) -> int | None:
        """See :class:`Subject`."""
        return None

    def stall(self, counters: Counters, limit: str) -> str:
        """See :class:`Subject`."""
        rested = format_duration((now_ns() - self._moved_ns) / 1e9)
        longest = format_duration(self._longest_pause_ns / 1e9)
        pauses = f"after pauses of {longest} at most; limits.hang is {limit}"
        return f"nothing moved on its page for {rested}, {pauses}"


def load_generator(table: SubjectTable, lasts_s: float) -> CommandSubject:
    """The load generator of a subject, as a command of its own. It gets the subject's variables."""
    words = tuple(filled(word, table.args) for word in table.load)
    own = SubjectTable(command=words, cwd=table.cwd, env=table.env)
    return CommandSubject(own, lasts_s, name="the load generator", log=LOAD_FILE)


def grace_s(table: SubjectTable) -> float:
    """For how long a command may take to end, s."""
    if table.grace is not None:
        return table.grace
    return 0.0 if table.stop == STOP_BY_NOTHING else DEFAULT_GRACE_S


def _left(what: str, names: Sequence[str], *, survived: bool = False) -> Notice:
    shown = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
    message = f"the command {what} {len(names)} process{'es' if len(names) > 1 else ''}: {shown}"
    return Notice(
        EventKind.LEFT_PROCESSES,
        message,
        {"count": len(names), "names": list(names[:64]), "survived": survived},
    )


def _is_jvm(pid: int) -> bool:
    try:
        return sys.platform == "linux" and "libjvm." in Path(f"/proc/{pid}/maps").read_text(errors="replace")
    except OSError:
        return False
