"""What looks like a fault and is none: no check may fail on these."""

from __future__ import annotations

import random
from typing import Any

from zcbench.capture.engine import Packet
from zcbench.consumers.consumer import Consumer
from zcbench.faults.fault import Fault, FaultyConsumer
from zcbench.faults.pace import GROWING, GROWING_PACKETS


class WarmsUp(FaultyConsumer):
    """Keeps 256 bytes a packet for the first 15 % of a run, then no more: a cache that fills."""

    PACKETS, ENTRY_BYTES = GROWING_PACKETS * 15 // 100, 256

    def __init__(self, inner: Consumer) -> None:
        super().__init__(inner)
        self._cache: list[bytearray] = []

    def _damage(self, packet: Packet) -> None:
        if packet.sequence < self.PACKETS:
            self._cache.append(bytearray(self.ENTRY_BYTES))


class StepsOnce(FaultyConsumer):
    """Allocates 256 KiB in mid run, once, and keeps it: a table that doubled."""

    AT, STEP_BYTES = GROWING_PACKETS // 2, 256 * 1024

    def __init__(self, inner: Consumer) -> None:
        super().__init__(inner)
        self._table = b""

    def _damage(self, packet: Packet) -> None:
        if packet.sequence == self.AT:
            self._table = b"\1" * self.STEP_BYTES


class _Node:
    """A cycle with a load, for the collector."""

    def __init__(self) -> None:
        self.itself, self.load = self, bytearray(200)


class MakesGarbage(FaultyConsumer):
    """Leaves three small cycles a packet to the collector: memory is a sawtooth."""

    CYCLES = 3

    def _damage(self, packet: Packet) -> None:
        for _ in range(self.CYCLES):
            _Node()


class Fragments(FaultyConsumer):
    """Replaces four of 1,024 blocks with ones of odd sizes, each packet: the heap scatters, then settles."""

    BLOCKS, REPLACED, LARGEST_BYTES, SEED = 1_024, 4, 4_096, 1

    def __init__(self, inner: Consumer) -> None:
        super().__init__(inner)
        self._random = random.Random(self.SEED)
        self._blocks: list[Any] = [None] * self.BLOCKS

    def _damage(self, packet: Packet) -> None:
        for _ in range(self.REPLACED):
            size = self._random.randint(1, self.LARGEST_BYTES)
            self._blocks[self._random.randrange(self.BLOCKS)] = bytearray(size)


FAULTS = (
    Fault(
        "warm-up",
        "memory grows for the first 4,500 packets, then no more",
        consumer=WarmsUp,
        settings=GROWING,
    ),
    Fault(
        "one-step",
        "256 KiB are allocated once, with packet 15,000",
        consumer=StepsOnce,
        settings=GROWING,
    ),
    Fault(
        "gc-sawtooth",
        "reference cycles are made steadily, and collected",
        consumer=MakesGarbage,
        settings=GROWING,
    ),
    Fault(
        "fragmentation",
        "blocks of odd sizes are allocated and freed until the heap is full of holes",
        consumer=Fragments,
        settings=GROWING,
    ),
    Fault(
        "long-hold",
        "the application holds 3 s of a stream, thirty times what the pool has",
        settings={
            **GROWING,
            "consumer.kind": "hold",
            "consumer.hold": "3s",
            "pool.slots": "100",
        },
    ),
    Fault(
        "long-hold-30s",
        "the application holds 30 s of a stream at real pace, thirty times what the pool has",
        settings={
            "duration": "3m",
            "sampling.every": "500ms",
            "consumer.kind": "hold",
            "consumer.hold": "30s",
            "pool.slots": "100",
        },
        slow=True,
    ),
)
