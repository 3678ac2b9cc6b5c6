"""Engines that end badly, each in one way: what the supervisor has to tell apart.

Each behaves until it has read packet ``HOSTILE_AT`` (an environment variable, default 10) and then does its
one thing before handing that packet over: the application's last packet is number ``HOSTILE_AT - 1``.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import time
from typing import Any, NoReturn

from zcbench.capture.engine import Packet
from zcbench.capture.reference import ReferenceEngine

AT = int(os.environ.get("HOSTILE_AT", "10"))


def sleep_for_ever() -> NoReturn:
    while True:
        time.sleep(60)


class Hostile(ReferenceEngine):
    def read(self, timeout: float | None = None) -> Packet | None:
        packet = super().read(timeout)
        if packet is not None and packet.sequence >= AT:
            self.act()
        return packet

    def act(self) -> None:
        raise NotImplementedError


class Segfaults(Hostile):
    def act(self) -> None:
        ctypes.string_at(0)


class IsKilled(Hostile):
    def act(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        sleep_for_ever()


class ExitsWithThree(Hostile):
    def act(self) -> None:
        os._exit(3)


class ExitsWithZero(Hostile):
    def act(self) -> None:
        os._exit(0)


class Raises(Hostile):
    def act(self) -> None:
        raise RuntimeError("the device went away")


class RunsOutOfMemory(Hostile):
    def act(self) -> None:
        raise MemoryError("no slab for you")


class Hangs(Hostile):
    def act(self) -> None:
        sleep_for_ever()


class HangsWithTheGil(Hostile):
    def act(self) -> None:
        ctypes.PyDLL(None).pause()  # PyDLL keeps the GIL: no other Python thread runs again


class Grows(Hostile):
    hoard: list[bytes] = []  # noqa: RUF012

    def act(self) -> None:
        self.hoard.append(b"x" * 2**22)


class FallsSilent(Hostile):
    """Neither blocks nor delivers: the loop turns, and nothing comes any more."""

    def read(self, timeout: float | None = None) -> Packet | None:
        if self.stats().delivered < AT:
            return super().read(timeout)
        time.sleep(timeout or 0)
        raise TimeoutError


class NeverEnds(ReferenceEngine):
    """Delivers everything that is due, and then never says that the stream is over."""

    def read(self, timeout: float | None = None) -> Packet | None:
        packet = super().read(timeout)
        if packet is None:
            time.sleep(timeout or 0)
            raise TimeoutError
        return packet


class HangsInStart(ReferenceEngine):
    def start(self) -> None:
        sleep_for_ever()


class HangsWhileDraining(ReferenceEngine):
    def check(self) -> int:
        sleep_for_ever()


class SegfaultsAtExit(ReferenceEngine):
    """A whole run without fault, and a crash while the interpreter shuts down."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        atexit.register(ctypes.string_at, 0)


class Unreadable:
    """A packet whose samples cannot be had: the application's own code raises."""

    def __init__(self, packet: Packet) -> None:
        self._packet = packet

    def __getattr__(self, name: str) -> Any:
        if name == "array":
            raise BufferError("the samples are gone")
        return getattr(self._packet, name)


class HandsOutUnreadable(ReferenceEngine):
    def read(self, timeout: float | None = None) -> Any:
        packet = super().read(timeout)
        return Unreadable(packet) if packet is not None and packet.sequence >= AT else packet


class DiesOfARealTimeSignal(Hostile):
    def act(self) -> None:
        os.kill(os.getpid(), 40)  # has no name of its own in Python's signal module
        sleep_for_ever()


class ProducerRaises(ReferenceEngine):
    """The thread that captures dies, not the one that reads."""

    def _capture(self, *arguments: Any, **options: Any) -> None:
        if (self.scoreboard["engine.captured"] or 0) >= AT:
            raise RuntimeError("the source went away")
        super()._capture(*arguments, **options)


class SegfaultsWhenRead(Unreadable):
    """A packet whose memory is gone: whoever compares its bytes crashes."""

    def __getattr__(self, name: str) -> Any:
        if name == "array":
            ctypes.string_at(0)
        return getattr(self._packet, name)


class HandsOutDanglingPackets(ReferenceEngine):
    def read(self, timeout: float | None = None) -> Any:
        packet = super().read(timeout)
        if packet is None or packet.sequence < AT:
            return packet
        return SegfaultsWhenRead(packet)


class StatisticsFail(ReferenceEngine):
    """Statistics that worked at the start fail from the second reading on."""

    readings = 0

    def stats(self) -> Any:
        StatisticsFail.readings += 1
        if StatisticsFail.readings > 1:
            raise RuntimeError("no statistics today")
        return super().stats()
