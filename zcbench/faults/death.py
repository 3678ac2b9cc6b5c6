"""Ways to die, each with packet 50."""

from __future__ import annotations

import ctypes
import os
import threading

from zcbench.capture.engine import Packet
from zcbench.consumers.consumer import Consumer
from zcbench.faults.fault import Fault, FaultyConsumer
from zcbench.faults.pace import DYING, QUICK

LAST = 50  # the sequence number of the last packet taken


class _Mortal(FaultyConsumer):
    """Acts on packet 50, after it was taken and before it is let go."""

    def _damage(self, packet: Packet) -> None:
        if packet.sequence == LAST:
            self._act()

    def _act(self) -> None:
        raise NotImplementedError


class Segfaults(_Mortal):
    """Reads the memory at address 0."""

    def _act(self) -> None:
        ctypes.string_at(0)


class Aborts(_Mortal):
    """SIGABRT, as from a failed assertion in C."""

    def _act(self) -> None:
        os.abort()


class EatsMemory(FaultyConsumer):
    """Fills 8 MiB more with every packet until it is killed for it."""

    PIECE_BYTES = 8 * 2**20

    def __init__(self, inner: Consumer) -> None:
        super().__init__(inner)
        self._eaten: list[bytes] = []

    def _damage(self, packet: Packet) -> None:
        self._eaten.append(b"\1" * self.PIECE_BYTES)


class AsksForTooMuch(_Mortal):
    """Asks for 4 EiB, which no machine has: a real MemoryError."""

    def _act(self) -> None:
        bytearray(2**62)


class DeadlocksWithTheGil(_Mortal):
    """Waits in C for a signal, and keeps the GIL: no Python thread runs again."""

    def _act(self) -> None:
        ctypes.PyDLL(None).pause()


class Deadlocks(_Mortal):
    """Takes a lock that it has."""

    def _act(self) -> None:
        lock = threading.Lock()
        with lock:
            lock.acquire()


class ExitsSilently(_Mortal):
    """Leaves with code 0, as if all were well."""

    def _act(self) -> None:
        os._exit(0)


class Raises(_Mortal):
    """The application's own mistake."""

    def _act(self) -> None:
        raise RuntimeError("planted: the consumer cannot cope with this packet")


class _RaisesInItsFinaliser:
    def __del__(self) -> None:
        raise RuntimeError("planted: the finaliser failed")


class RaisesInFinaliser(_Mortal):
    """Python prints this one and goes on: only a hook sees it."""

    def _act(self) -> None:
        _RaisesInItsFinaliser()


FAULTS = (
    Fault("segfault", "SIGSEGV", "life", "crashed", consumer=Segfaults, settings=DYING),
    Fault("abort", "SIGABRT", "life", "crashed", consumer=Aborts, settings=DYING),
    Fault(
        "oom-kill",
        "memory grows by 8 MiB a packet until the process is killed at 512 MiB",
        "life",
        "memory",
        consumer=EatsMemory,
        settings={**DYING, "source.speed": "1", "limits.rss": "512 MiB"},
    ),
    Fault(
        "memory-error",
        "more memory is asked for than there is",
        "life",
        "memory",
        consumer=AsksForTooMuch,
        settings=DYING,
    ),
    Fault(
        "deadlock-with-gil",
        "a call into C never returns and keeps the GIL",
        "life",
        "hung",
        consumer=DeadlocksWithTheGil,
        settings=DYING,
    ),
    Fault(
        "deadlock",
        "a lock is taken by the thread that has it",
        "life",
        "hung",
        consumer=Deadlocks,
        settings=DYING,
    ),
    Fault(
        "silent-exit",
        "the process leaves with code 0 in mid stream",
        "life",
        "exited",
        consumer=ExitsSilently,
        settings=DYING,
    ),
    Fault(
        "consumer-exception",
        "the consumer raises",
        "life",
        "failed",
        consumer=Raises,
        settings=DYING,
    ),
    Fault(
        "finaliser-exception",
        "a finaliser raises, which Python prints and forgets",
        "life",
        "failed",
        consumer=RaisesInFinaliser,
        settings=QUICK,
    ),
)
