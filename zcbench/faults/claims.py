"""Engines that say what is not so: times, flags, shapes, and a pool that is none."""

from __future__ import annotations

import random
import time
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcbench.capture.engine import Packet, PacketFlags
from zcbench.capture.reference import ReferenceEngine, ReferencePacket, Slot, SlotPool
from zcbench.capture.sources import ReplaySource
from zcbench.clock import now_ns
from zcbench.faults.data import EVERY, FIRST
from zcbench.faults.fault import Fault
from zcbench.faults.pace import QUICK, STEADY
from zcbench.quantities.names import ENGINE_DROPS, ENGINE_START_NS


def _is_its_turn(sequence: int) -> bool:
    return sequence % EVERY == FIRST


class TimeGoesBack(ReferenceEngine):
    """Stamps a packet 20 ms too early."""

    def _publish(self, slot: Slot, time_ns: int, flags: int) -> None:
        back_ns = 20_000_000 if _is_its_turn(slot.sequence) else 0
        super()._publish(slot, time_ns - back_ns, flags)


class TimeStandsStill(ReferenceEngine):
    """Stamps every packet with the time of the first one."""

    def _publish(self, slot: Slot, time_ns: int, flags: int) -> None:
        self._first_ns = getattr(self, "_first_ns", time_ns)
        super()._publish(slot, self._first_ns, flags)


class TimeJitters(ReferenceEngine):
    """Stamps packets up to 300 ms too early or too late."""

    def _publish(self, slot: Slot, time_ns: int, flags: int) -> None:
        error_ns = random.Random(slot.sequence).randint(-300_000_000, 300_000_000)
        # Not the first one, which would be refused as a break of the contract.
        super()._publish(slot, time_ns + (error_ns if slot.sequence else 0), flags)


class RateRamps(ReferenceEngine):
    """Slows down by 3 % from the first packet to the last."""

    RAMP = 0.03

    def _replay(self, source: ReplaySource) -> None:
        start = self.scoreboard[ENGINE_START_NS] or 0
        period_ns = self.format.frames * 1e9 / (self.format.rate * source.speed)
        last = source.limit or 1
        for number in range(last):
            slowed = number + self.RAMP * number * number / (2 * last)
            due = start + int((slowed + 1) * period_ns)
            with self._changed:
                while not self._stopping and (wait := due - now_ns()) > 0:
                    self._changed.wait(wait / 1e9)
            if self._stopping:
                return
            self._capture(source.block(number, self.format.frames), due, may_wait=True)


class DelayLine(ReferenceEngine):
    """Keeps every packet for a second before it captures it, as it says, just now."""

    DELAY_S = 1.0

    def _replay(self, source: ReplaySource) -> None:
        time.sleep(self.DELAY_S)
        late: deque[NDArray[Any]] = deque()
        start = (self.scoreboard[ENGINE_START_NS] or 0) + int(self.DELAY_S * 1e9)
        period_ns = self.format.frames * 1e9 / (self.format.rate * source.speed)
        for number in range(source.limit or 0):
            late.append(source.block(number, self.format.frames))
            due = start + int((number + 1) * period_ns)
            with self._changed:
                while not self._stopping and (wait := due - now_ns()) > 0:
                    self._changed.wait(wait / 1e9)
            if self._stopping:
                return
            self._capture(late.popleft(), now_ns(), may_wait=True)


class FlagsAGap(ReferenceEngine):
    """Flags packets GAP though none was dropped."""

    def _publish(self, slot: Slot, time_ns: int, flags: int) -> None:
        gap = PacketFlags.GAP if _is_its_turn(slot.sequence) else 0
        super()._publish(slot, time_ns, flags | gap)


class HidesOverflow(ReferenceEngine):
    """Leaves out the flag OVERFLOW of packets outside the slab."""

    def _publish(self, slot: Slot, time_ns: int, flags: int) -> None:
        super()._publish(slot, time_ns, flags)
        slot.flags = int(slot.flags) & ~int(PacketFlags.OVERFLOW)


class FlagsOverflow(ReferenceEngine):
    """Flags packets OVERFLOW that lie in the slab."""

    def _publish(self, slot: Slot, time_ns: int, flags: int) -> None:
        overflow = PacketFlags.OVERFLOW if _is_its_turn(slot.sequence) else 0
        super()._publish(slot, time_ns, flags | overflow)


class HidesGaps(ReferenceEngine):
    """Drops a packet, counts the drop, and does not flag the next one."""

    def _publish(self, slot: Slot, time_ns: int, flags: int) -> None:
        if _is_its_turn(slot.sequence):
            self._pool.release(slot, now_ns())
            self._pool.add(ENGINE_DROPS)
            return
        super()._publish(slot, time_ns, flags)


class _ReshapedPacket(ReferencePacket):
    """A packet whose array has its frames and channels the other way round."""

    @property
    def array(self) -> NDArray[Any]:
        """The samples, all of them."""
        return super().array.reshape(self.channels, self.frames)


class WrongShape(ReferenceEngine):
    """Hands out packets that are not of the shape they say."""

    def read(self, timeout: float | None = None) -> Packet | None:
        """The next packet, some reshaped."""
        packet = super().read(timeout)
        if isinstance(packet, ReferencePacket) and _is_its_turn(packet.sequence):
            packet.__class__ = _ReshapedPacket
        return packet


class _FreshPool(SlotPool):
    """Allocates every packet's memory anew, and counts a hit."""

    def _hand_out(self, slot: Slot, now: int) -> Slot:
        slot.memory = np.empty(self.stride, np.uint8)[: self._payload]
        return super()._hand_out(slot, now)

    def release(self, slot: Slot, now: int) -> None:
        """Free the memory."""
        super().release(slot, now)
        slot.memory = np.empty(0, np.uint8)[:0]


class FreshMemory(ReferenceEngine):
    """A pool that is none."""

    pool_type = _FreshPool


def _lie(name: str, meaning: str, cause: str, engine: type[Any], settings: Any = QUICK) -> Fault:
    return Fault(name, meaning, "claims", cause, engine=engine, settings=settings)


FAULTS = (
    _lie(
        "time-goes-back",
        "one packet in 100 is stamped 20 ms too early",
        "time_backward",
        TimeGoesBack,
    ),
    _lie(
        "time-stands-still",
        "every packet has the time of the first",
        "time_stands",
        TimeStandsStill,
    ),
    _lie("time-jitters", "stamps are up to 300 ms too early or too late", "time_ahead", TimeJitters),
    _lie("rate-ramps", "the rate falls by 3 % over the run", "rate_ramps", RateRamps, STEADY),
    _lie(
        "delay-line",
        "packets come a second late, and are stamped when they come",
        "delayed",
        DelayLine,
        STEADY,
    ),
    _lie("flags-a-gap", "one packet in 100 is flagged GAP, and none is missing", "flags", FlagsAGap),
    _lie(
        "hides-gaps",
        "one packet in 100 is dropped, the next one not flagged GAP",
        "flags",
        HidesGaps,
    ),
    _lie(
        "flags-overflow",
        "one packet in 100 is flagged OVERFLOW, and lies in the slab",
        "flags",
        FlagsOverflow,
    ),
    _lie(
        "hides-overflow",
        "no packet outside the slab is flagged OVERFLOW",
        "flags",
        HidesOverflow,
        {**QUICK, "pool.slots": "10", "consumer.kind": "hold", "consumer.hold": "200ms"},
    ),
    _lie("wrong-shape", "one packet in 100 has another shape than it says", "shape", WrongShape),
    _lie(
        "fresh-memory",
        "every packet lies in memory of its own, counted as a hit",
        "fresh_memory",
        FreshMemory,
    ),
)
