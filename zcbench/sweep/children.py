"""Runs of a sweep in processes of their own: side by side on this machine, or one on a worker of a cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from zcbench.exit_codes import ExitCode
from zcbench.sweep.journal import is_judged, run_directory
from zcbench.sweep.plan import SweepError

LOOK_EVERY_S = 0.05
_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}

Tell = Callable[[str], None]


class StoppedError(Exception):
    """A signal ended the sweep; ``exit_code`` is 130 or 143. The runs under way were drained and judged."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"stopped, exit code {exit_code}")
        self.exit_code = exit_code


class Child:
    """One planned run, being made in a process of its own. It ends with this process, however that ends.

    ``maker`` is the module that makes it: ``python -m MAKER DIRECTORY NAME``.
    """

    def __init__(self, directory: Path, name: str, maker: str) -> None:
        self.directory, self.name = directory, name
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", maker, str(directory), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            # The plan is resolved: what the environment says is in it.
            env={k: v for k, v in os.environ.items() if not k.startswith("ZCBENCH_")},
            # Ctrl-C is for whoever started it, who then ends it once.
            **_OWN_GROUP,
        )

    def has_ended(self) -> bool:
        """Whether it is over. Raises SweepError if it could not make its run, with what it said."""
        if self._process.poll() is None:
            return False
        if self._stderr.closed:
            return True  # and said so before
        self.end()
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip()
        self._stderr.close()
        if not is_judged(self.directory, self.name):
            last = said.splitlines()[-1].removeprefix("zcbench: ") if said else "it said nothing"
            raise SweepError(f"run {self.name} was not made (exit code {self._process.returncode}): {last}")
        return True

    def end(self) -> None:
        """Ask it to drain, to judge what there is, and to leave. Harmless when repeated."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def wait(self) -> None:
        """Until it is over. Raises as :meth:`has_ended` does."""
        self._process.wait()
        self.has_ended()


_OWN_GROUP: Any
if sys.platform == "win32":
    _OWN_GROUP = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    _OWN_GROUP = {"process_group": 0}


def make_side_by_side(directory: Path, names: Sequence[str], at_once: int, tell: Tell, maker: str) -> None:
    """Make the runs ``names``, up to ``at_once`` at a time, by ``maker``; ``tell`` hears of each that is made.

    Raises StoppedError after a signal, once the runs under way are drained; SweepError for a run that could
    not be made, once the others are ended.
    """
    waiting, running = deque(names), list[Child]()
    with signalled() as codes:
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    running.append(Child(directory, waiting.popleft(), maker))
                for child in list(running):
                    # One that a signal has met before it made anything ended as it was asked to.
                    with contextlib.suppress(SweepError) if codes else contextlib.nullcontext():
                        if not child.has_ended():
                            continue
                        tell(child.name)
                    running.remove(child)
                if codes:
                    waiting.clear()
                    for child in running:
                        child.end()
                time.sleep(LOOK_EVERY_S)
        finally:
            for child in running:
                child.end()
            for child in running:
                with contextlib.suppress(SweepError):
                    child.wait()
    if codes:
        raise StoppedError(codes[0])


@contextlib.contextmanager
def signalled() -> Iterator[list[int]]:
    """SIGINT and SIGTERM become exit codes in the list that is given, in the order they came."""
    codes: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        codes.append(_CODES[signal.Signals(number)])

    before = {number: signal.signal(number, note) for number in _CODES}
    try:
        yield codes
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def record_files(directory: Path, name: str) -> dict[str, bytes]:
    """The record of the run ``name``, by the names of its files."""
    run = run_directory(directory, name)
    return {file.name: file.read_bytes() for file in sorted(run.iterdir()) if file.is_file()}
