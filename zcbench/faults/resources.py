"""Leaks of what the system counts: descriptors, threads, child processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from zcbench.capture.engine import Packet
from zcbench.consumers.consumer import Consumer
from zcbench.faults.fault import Fault, FaultyConsumer
from zcbench.faults.pace import STEADY


class _Hoarder(FaultyConsumer):
    """Takes one more each ``every`` packets."""

    every = 50  # 40 steps over a run of 2,000 packets, and a step between most samples

    def _damage(self, packet: Packet) -> None:
        if packet.sequence % self.every == self.every - 1:
            self._take_one()

    def _take_one(self) -> None:
        raise NotImplementedError


class LeaksDescriptors(_Hoarder):
    """Opens files and never closes them."""

    def _take_one(self) -> None:
        os.open(os.devnull, os.O_RDONLY)


class LeaksThreads(_Hoarder):
    """Starts threads that wait for something that does not happen."""

    def _take_one(self) -> None:
        threading.Thread(target=threading.Event().wait, name="leaked", daemon=True).start()


class LeaksChildren(_Hoarder):
    """Starts programs that wait for the end of a pipe only the worker can close: they die with it."""

    every = 200  # ten of them: each is a whole interpreter

    def __init__(self, inner: Consumer) -> None:
        super().__init__(inner)
        # One pipe for all, so that no descriptor leaks with the children.
        self._read_end, self._write_end = os.pipe()
        self._children: list[subprocess.Popen[bytes]] = []

    def _take_one(self) -> None:
        program = [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.buffer.read()"]
        self._children.append(subprocess.Popen(program, stdin=self._read_end, stdout=subprocess.DEVNULL))


class LeavesFiles(_Hoarder):
    """Makes temporary files and never removes them."""

    def _take_one(self) -> None:
        with tempfile.NamedTemporaryFile(prefix="packet-", delete=False) as file:
            file.write(b"forgotten")


class LeavesFilesElsewhere(_Hoarder):
    """Makes them in the run directory, where others write as well."""

    def _take_one(self) -> None:
        folder = Path(sys.argv[1])  # the worker's argument
        (folder / f"dump-{time.monotonic_ns()}.raw").write_bytes(b"forgotten")


class Talks(FaultyConsumer):
    """Prints 32 KiB for each packet."""

    def _damage(self, packet: Packet) -> None:
        sys.stdout.write(f"packet {packet.sequence}: {'.' * 32_768}\n")


class Spins(FaultyConsumer):
    """Has a thread that waits by asking all the time."""

    def __init__(self, inner: Consumer) -> None:
        super().__init__(inner)
        threading.Thread(target=self._spin, name="spinning", daemon=True).start()

    def _spin(self) -> None:
        while True:
            pass


FAULTS = (
    Fault(
        "leak-fds",
        "a file is opened each 50 packets and never closed",
        "resources",
        "fds",
        consumer=LeaksDescriptors,
        settings=STEADY,
    ),
    Fault(
        "leak-threads",
        "a thread is started each 50 packets and never ends",
        "resources",
        "threads",
        consumer=LeaksThreads,
        settings=STEADY,
    ),
    Fault(
        "leak-children",
        "a child process is started each 200 packets and never ends",
        "resources",
        "children",
        consumer=LeaksChildren,
        settings=STEADY,
    ),
    Fault(
        "leaves-files",
        "a temporary file is made each 50 packets and never removed",
        "disk",
        "files",
        consumer=LeavesFiles,
        settings=STEADY,
    ),
    Fault(
        "leaves-files-elsewhere",
        "a file is made in the run directory each 50 packets and never removed",
        "disk",
        "files",
        consumer=LeavesFilesElsewhere,
        settings=STEADY,
    ),
    Fault(
        "talks",
        "32 KiB are printed for every packet: 62 MiB in 20 seconds",
        "disk",
        "output",
        consumer=Talks,
        settings=STEADY,
    ),
    Fault(
        "spins",
        "a thread keeps a core busy",
        "cost",
        "busy",
        consumer=Spins,
        settings=STEADY,
    ),
)
