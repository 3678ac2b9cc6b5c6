"""Bugs of time: a slow clock, stalls, latency and work that grow, a collector that will not rest."""

from __future__ import annotations

import dataclasses
import gc
import time
from typing import Any

from zcbench.capture.engine import Packet, PoolConfig, StreamFormat
from zcbench.capture.native import NativeEngine
from zcbench.capture.reference import ReferenceEngine
from zcbench.capture.sources import DeviceSource, ReplaySource
from zcbench.clock import now_ns
from zcbench.consumers.consumer import Consumer
from zcbench.faults.fault import Fault, FaultyConsumer
from zcbench.faults.pace import (
    FIVE_MINUTES,
    GROWING,
    STEADY,
    STEADY_PACKETS,
)

PACKET_S = 0.01  # at real pace


class SlowClock(NativeEngine):
    """A producer whose clock is 0.02 % slow, as the original's was: 72 packets an hour at 100/s.

    The native engine's: a Python thread that waits for the GIL on a busy machine has no clock to speak of.
    """

    SPEED = 0.9998

    def __init__(
        self,
        format: StreamFormat,
        source: ReplaySource | DeviceSource,
        pool: PoolConfig,
        **options: Any,
    ) -> None:
        if isinstance(source, ReplaySource):
            source = dataclasses.replace(source, speed=source.speed * self.SPEED)
        super().__init__(format, source, pool, **options)


class Stalls(FaultyConsumer):
    """Does nothing for 200 ms, each ``every`` packets."""

    STALL_S = 0.2
    every = 200  # two seconds at real pace

    def _damage(self, packet: Packet) -> None:
        if packet.sequence % self.every == self.every // 2:
            time.sleep(self.STALL_S)


class StallsEachMinute(Stalls):
    """At real pace."""

    every = 6_000


class LatencyCreep(ReferenceEngine):
    """Hands over each packet later than the last one, up to ten packets' time."""

    MOST_S = 10 * PACKET_S  # waiting in the queue: the producer is not held up
    LAST = STEADY_PACKETS

    def read(self, timeout: float | None = None) -> Packet | None:
        """The next packet, once it is old enough."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._ended, timeout)
            oldest = self._queue[0] if self._queue else None
        if oldest is not None:
            wanted_s = self.MOST_S * min(1.0, oldest.sequence / self.LAST)
            time.sleep(max(0.0, wanted_s - (now_ns() - oldest.time_ns) / 1e9))
        return super().read(timeout)


class GcStorm(FaultyConsumer):
    """Collects a heap of 300,000 containers each 5 packets: some 7 ms or more each time."""

    CONTAINERS, EVERY = 300_000, 5

    def __init__(self, inner: Consumer) -> None:
        super().__init__(inner)
        self._heap: list[list[Any]] = []

    def _damage(self, packet: Packet) -> None:
        if not self._heap:  # not before the stream: the worker freezes what is there by then
            self._heap = [[] for _ in range(self.CONTAINERS)]
        if packet.sequence % self.EVERY == 0:
            gc.collect()


class CpuCreep(FaultyConsumer):
    """Adds up more numbers for every packet: from nothing to some 3 ms of a packet's 10 ms."""

    NUMBERS_PER_PACKET = 75

    def _damage(self, packet: Packet) -> None:
        sum(range(packet.sequence % STEADY_PACKETS * self.NUMBERS_PER_PACKET))


FAULTS = (
    Fault(
        "slow-clock",
        "the producer's clock is 0.02 % slow",
        "rate",
        "clock_drift",
        engine=SlowClock,
        # 60,000 packets in a minute: 12 behind at the end, when rounding alone explains 1.5.
        # Bytes are not what it is about: uncompared, eight such runs at once leave two cores some room.
        settings={**GROWING, "duration": "600s", "consumer.verify": "false"},
    ),
    Fault(
        "stall",
        "the application stands still for 200 ms each 200 packets",
        "timing",
        "stalls",
        consumer=Stalls,
        settings=STEADY,
    ),
    Fault(
        "stall-each-minute",
        "the application stands still for 200 ms each minute",
        "timing",
        "stalls",
        consumer=StallsEachMinute,
        settings=FIVE_MINUTES,
        slow=True,
    ),
    Fault(
        "latency-creep",
        "every packet is handed over 50 µs later than the one before",
        "timing",
        "latency_creep",
        engine=LatencyCreep,
        settings=STEADY,
    ),
    Fault(
        "gc-storm",
        "a full collection of 300,000 containers each 5 packets",
        "timing",
        "gc_pauses",
        consumer=GcStorm,
        settings=STEADY,
    ),
    Fault(
        "cpu-creep",
        "the work per packet grows from nothing to some milliseconds",
        "cost",
        "cpu_creep",
        consumer=CpuCreep,
        settings=STEADY,
    ),
)
