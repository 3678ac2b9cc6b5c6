"""What is being tested, as a process the supervisor can start, watch, tell to stop, and kill."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import psutil

from zcbench.record.schema import STDERR_FILE


class Subject(Protocol):
    """A running subject. ``process`` is its psutil handle."""

    process: psutil.Process

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


class EngineSubject:
    """An engine with its consumer in a worker process (:mod:`zcbench.subjects.worker`)."""

    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        # For appending, so that the supervisor can cut it while the subject prints.
        log = (directory / STDERR_FILE).open("ab")
        with log:
            # A session of its own: the terminal's Ctrl-C reaches the supervisor alone.
            self._popen = subprocess.Popen(
                # -P: a checkout in the working directory must not shadow the installed zcbench.
                [sys.executable, "-P", "-m", "zcbench.subjects.worker", str(directory)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        self.process = psutil.Process(self._popen.pid)
        # A thread that sleeps in the kernel until the end; Popen.wait(timeout) would poll.
        self._ended = threading.Event()
        threading.Thread(target=self._await_end, name="zcbench-wait", daemon=True).start()

    def _await_end(self) -> None:
        self._popen.wait()
        self._ended.set()

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
