"""The process in which an engine or a callable runs (:mod:`zcbench.subjects.worker`), for its subject."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from zcbench.record.schema import STDERR_FILE
from zcbench.subjects.output import OutputLog


class WorkerProcess:
    """A worker that runs the scenario in ``directory``; the methods are those of
    :class:`zcbench.subjects.subject.Subject`. Raises OSError, RuntimeError."""

    def __init__(self, directory: Path, environment: Mapping[str, str], cwd: str | None = None) -> None:
        # For appending, so that the supervisor can cut it while the subject prints.
        log = (directory / STDERR_FILE).open("ab")
        self.output = OutputLog(directory / STDERR_FILE)
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
        self._process = psutil.Process(self._popen.pid)
        # A thread that sleeps in the kernel until the end; Popen.wait(timeout) would poll.
        self._ended = threading.Event()
        threading.Thread(target=self._await_end, name="zcbench-wait", daemon=True).start()

    def _await_end(self) -> None:
        self._popen.wait()
        self._ended.set()

    def processes(self) -> Sequence[psutil.Process]:
        """The worker alone."""
        return (self._process,)

    def ask_to_stop(self) -> None:
        """Ask it to drain and end."""
        assert self._popen.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it is gone already
            self._popen.stdin.write(b"stop\n")
            self._popen.stdin.flush()

    def dump_stacks(self) -> None:
        """Make it write its stacks and die."""
        if os.name == "nt":  # has no signal that leaves stacks
            self._popen.kill()
        else:
            self._popen.send_signal(signal.SIGABRT)

    def kill(self) -> None:
        """End it now."""
        self._popen.kill()

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code, or None if it still runs after ``timeout_s``."""
        if not self._ended.wait(timeout_s):
            return None
        if self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.close()
        return self._popen.returncode
