"""The part of a subject that an engine and a callable share: the worker in which they run
(:mod:`zcbench.subjects.worker`)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from zcbench.probes.probe import Notice
from zcbench.probes.process import Process
from zcbench.record.schema import STDERR_FILE, Phase
from zcbench.subjects.output import OutputLog
from zcbench.subjects.subject import Counters, Death


class InWorker:
    """What runs in a worker, and says on its page how far it is; the methods are those of
    :class:`zcbench.subjects.subject.Subject`."""

    name = "the worker"
    has_page = True
    ready_limit_s: float | None = None
    grace_s: float | None = None
    is_ours = True

    def start_worker(self, directory: Path, environment: Mapping[str, str], cwd: str | None = None) -> None:
        """Start a worker that runs the scenario in ``directory``. Raises OSError, RuntimeError."""
        # For appending, so that the supervisor can cut it while the subject prints.
        log = (directory / STDERR_FILE).open("ab")
        self._output = OutputLog(directory / STDERR_FILE)
        with log:
            # A session of its own: the terminal's Ctrl-C reaches the supervisor alone.
            self._popen = subprocess.Popen(
                # -P: a checkout in the working directory must not shadow the installed zcbench.
                [sys.executable, "-P", "-m", "zcbench.subjects.worker", str(directory.absolute())],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=environment,
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        self._process = Process(self._popen.pid)
        # A thread that sleeps in the kernel until the end; Popen.wait(timeout) would poll.
        self._ended = threading.Event()
        threading.Thread(target=self._await_end, name="zcbench-wait", daemon=True).start()

    def _await_end(self) -> None:
        self._popen.wait()
        self._ended.set()

    def processes(self) -> Sequence[Process]:
        """See :class:`Subject`: the worker alone."""
        return (self._process,)

    def ask_to_stop(self) -> None:
        """See :class:`Subject`."""
        assert self._popen.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it is gone already
            self._popen.stdin.write(b"stop\n")
            self._popen.stdin.flush()

    def dump_stacks(self) -> None:
        """See :class:`Subject`."""
        if os.name == "nt":  # has no signal that leaves stacks
            self._popen.kill()
        else:
            self._popen.send_signal(signal.SIGABRT)

    def kill(self) -> None:
        """See :class:`Subject`."""
        self._popen.kill()

    def wait(self, timeout_s: float) -> int | None:
        """See :class:`Subject`."""
        if not self._ended.wait(timeout_s):
            return None
        if self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.close()
        return self._popen.returncode

    def output_bytes(self) -> int | None:
        """See :class:`Subject`."""
        return self._output.size()

    def phase(self, counters: Counters) -> int | None:
        """See :class:`Subject`."""
        return counters["phase"]

    def is_done(self, counters: Counters) -> bool:
        """See :class:`Subject`."""
        return counters["phase"] == Phase.DONE

    def notices(self) -> Sequence[Notice]:
        """See :class:`Subject`."""
        return ()

    def death(self) -> Death:
        """See :class:`Subject`."""
        return Death()

    def close(self) -> None:
        """See :class:`Subject`."""
