"""Engines of a user's own: right ones that count little or nothing, and wrong ones, each in one way."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

import numpy as np

from zcbench.clock import now_ns


class Packet:
    flags = 0

    def __init__(self, sequence: Any, time_ns: Any, array: Any) -> None:
        self.sequence, self.time_ns, self.array = sequence, time_ns, array

    def release(self) -> None:
        pass


class CountsNothing:
    def __init__(
        self, format: Any, source: Any, pool: Any, *, scoreboard: Any = None, checksum: bool = False
    ) -> None:
        self.format, self.source, self.page = format, source, scoreboard
        self.queue: queue.Queue[Any] = queue.Queue(4)
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        self.thread = threading.Thread(target=self.capture, daemon=True)
        self.thread.start()

    def capture(self) -> None:
        began, period_ns = now_ns(), 1e9 / (self.format.packets_per_s * self.source.speed)
        for sequence in range(self.source.limit):
            due = began + round((sequence + 1) * period_ns)
            if self.source.pace == "unpaced":
                due = now_ns()
            elif self.stopping.wait(max(0, due - now_ns()) / 1e9):
                break
            for packet in self.packets(sequence, due):
                self.put(packet)
        self.put(None)

    def put(self, packet: Any) -> None:
        while not self.stopping.is_set():
            try:
                self.queue.put(packet, timeout=0.1)
                return
            except queue.Full:
                continue

    def packets(self, sequence: int, due: int) -> list[Any]:
        return [Packet(sequence, due, self.source.block(sequence, self.format.frames).copy())]

    def read(self, timeout: float | None = None) -> Any:
        try:
            packet = self.queue.get(timeout=timeout) if timeout else self.queue.get_nowait()
        except queue.Empty:
            if self.stopping.is_set():
                return None
            raise TimeoutError from None
        if packet is None:
            self.put(None)
        return packet

    def stop(self) -> None:
        self.stopping.set()
        if self.thread is not None:
            self.thread.join()

    def close(self) -> None:
        self.stop()

    def check(self) -> int:
        return 0


class CountsCaptured(CountsNothing):
    def packets(self, sequence: int, due: int) -> list[Any]:
        self.page["captured"] += 1  # by the short name that `zcbench metrics` prints
        return super().packets(sequence, due)


class CountsEachTwice(CountsNothing):
    def packets(self, sequence: int, due: int) -> list[Any]:
        self.page["engine.captured"] += 2
        return super().packets(sequence, due)


class LosesOne(CountsNothing):
    """Counts nothing, and one packet is lost: the harness counts that itself."""

    def packets(self, sequence: int, due: int) -> list[Any]:
        return [] if sequence == 10 else super().packets(sequence, due)


class MakesItsOwnSound(CountsNothing):
    def packets(self, sequence: int, due: int) -> list[Any]:
        array = np.full((self.format.frames, self.format.channels), sequence, self.format.dtype)
        return [Packet(sequence, due, array)]


class WrongAllOver(CountsNothing):
    """Whatever its first packet has is of the wrong kind."""

    def packets(self, sequence: int, due: int) -> list[Any]:
        packet = Packet(float(sequence), time.time_ns(), b"samples")
        packet.flags = None  # type: ignore[assignment]
        return [packet]


class SaysItIsOver(CountsNothing):
    def read(self, timeout: float | None = None) -> Any:
        try:
            return self.queue.get_nowait()
        except queue.Empty:
            return None


class HasNoCheck(CountsNothing):
    check = None  # type: ignore[assignment]


class MisspellsACounter(CountsNothing):
    """Its producer's thread dies of it, and nothing comes any more."""

    def packets(self, sequence: int, due: int) -> list[Any]:
        self.page["pool.hit"] += 1
        return super().packets(sequence, due)
