"""Bugs of what is delivered: packets that vanish, repeat, overtake or are torn, and counters that lie."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcbench.capture.detached import DetachedPacket
from zcbench.capture.engine import Packet, PacketFlags
from zcbench.capture.reference import ReferenceEngine, ReferencePacket, Slot, SlotPool
from zcbench.capture.sources import ReplaySource
from zcbench.faults.fault import Fault
from zcbench.faults.pace import QUICK
from zcbench.quantities.names import ENGINE_CAPTURED, ENGINE_DELIVERED_BYTES, ENGINE_XRUNS, POOL_HITS

EVERY = 100  # packets from one fault to the next
FIRST = 50  # not the first packet: a stream that begins well


def _is_its_turn(sequence: int) -> bool:
    return sequence % EVERY == FIRST


class DroppedSilently(ReferenceEngine):
    """Takes a packet out of the queue, counts it as delivered, and hands out the next one."""

    def read(self, timeout: float | None = None) -> Packet | None:
        """The next packet, without those that vanish."""
        packet = super().read(timeout)
        if packet is not None and _is_its_turn(packet.sequence):
            del packet
            return super().read()
        return packet


class Duplicated(ReferenceEngine):
    """Hands out a packet, and then a copy of it."""

    _again: DetachedPacket | None = None

    def read(self, timeout: float | None = None) -> Packet | None:
        """The next packet, or the last one again."""
        if self._again is not None:
            packet, self._again = self._again, None
            return packet
        fresh = super().read(timeout)
        if fresh is not None and _is_its_turn(fresh.sequence):
            self._again = DetachedPacket(
                fresh.sequence, fresh.time_ns, fresh.flags, fresh.checksum, fresh.array.copy()
            )
        return fresh


class Reordered(ReferenceEngine):
    """Lets a packet be overtaken by the next one."""

    _overtaken: Packet | None = None

    def read(self, timeout: float | None = None) -> Packet | None:
        """The next packet, or the one after it."""
        if self._overtaken is not None:
            late, self._overtaken = self._overtaken, None
            return late
        packet = super().read(timeout)
        if packet is None or not _is_its_turn(packet.sequence):
            return packet
        following = super().read()
        if following is None:  # it was the last of the stream
            return packet
        self._overtaken = packet
        return following


class Torn(ReferenceEngine):
    """Publishes a packet whose second half is the next block's already."""

    def _capture(self, block: NDArray[Any], time_ns: int, **options: Any) -> None:
        number, frames = self.scoreboard[ENGINE_CAPTURED] or 0, self.format.frames
        if _is_its_turn(number) and isinstance(self.source, ReplaySource):
            half = frames // 2
            block = np.concatenate([block[:half], self.source.block(number + 1, frames)[half:]])
        super()._capture(block, time_ns, **options)


class ShortPacket(ReferencePacket):
    """A packet that promises its frames and has one less."""

    @property
    def array(self) -> NDArray[Any]:
        """The samples but the last frame."""
        return super().array[:-1]


class WrongSize(ReferenceEngine):
    """Hands out packets that lack their last frame, and counts the bytes it did hand out."""

    def read(self, timeout: float | None = None) -> Packet | None:
        """The next packet, some a frame short."""
        packet = super().read(timeout)
        if isinstance(packet, ReferencePacket) and _is_its_turn(packet.sequence):
            packet.__class__ = ShortPacket
            self._pool.add(ENGINE_DELIVERED_BYTES, -packet.nbytes // packet.frames)
        return packet


class Overrun(ReferenceEngine):
    """Writes 4 bytes past the end of a slot's payload: into its guard zone, or into the next slot."""

    BYTES = 4

    def _publish(self, slot: Slot, time_ns: int, flags: int) -> None:
        # Not past the slab's end: this is to damage a neighbour, not the harness's heap.
        has_neighbour = slot.segment is not None and slot is not slot.segment.slots[-1]
        if _is_its_turn(slot.sequence) and (has_neighbour or self._pool.config.debug):
            ctypes.memset(slot.memory.ctypes.data + slot.memory.nbytes, 0, self.BYTES)
        super()._publish(slot, time_ns, flags)


class _LyingPool(SlotPool):
    """Counts each 50th hit twice."""

    TWICE_EVERY = 50

    def _hand_out(self, slot: Slot, now: int) -> Slot:
        if (self.board[ENGINE_CAPTURED] or 0) % self.TWICE_EVERY == 0:
            self.add(POOL_HITS)
        return super()._hand_out(slot, now)


class LyingStatistics(ReferenceEngine):
    """More hits and misses than acquires."""

    pool_type = _LyingPool


class Xruns(ReferenceEngine):
    """Captures one packet in 100 as a device would after an overrun: some sound went before it."""

    def _capture(self, block: NDArray[Any], time_ns: int, *, may_wait: bool, flags: int = 0) -> None:
        if _is_its_turn(self.scoreboard[ENGINE_CAPTURED] or 0):
            self._pool.add(ENGINE_XRUNS)
            flags |= PacketFlags.XRUN
        super()._capture(block, time_ns, may_wait=may_wait, flags=flags)


FAULTS = (
    Fault(
        "xruns",
        "before one packet in 100 the device reports an overrun",
        "xruns",
        "lost_sound",
        engine=Xruns,
        settings=QUICK,
    ),
    Fault(
        "dropped-silently",
        "one packet in 100 vanishes on its way to the application; no drop is counted",
        "gaps",
        "gaps",
        engine=DroppedSilently,
        settings=QUICK,
    ),
    Fault(
        "duplicated",
        "one packet in 100 is delivered twice",
        "gaps",
        "duplicates",
        engine=Duplicated,
        settings=QUICK,
    ),
    Fault(
        "reordered",
        "one packet in 100 is overtaken by the next",
        "gaps",
        "reordered",
        engine=Reordered,
        settings=QUICK,
    ),
    Fault(
        "torn",
        "the second half of one packet in 100 is the next block's",
        "integrity",
        "corrupt_on_delivery",
        engine=Torn,
        settings=QUICK,
    ),
    Fault(
        "wrong-size",
        "one packet in 100 has a frame less than it promises",
        "integrity",
        "wrong_size",
        engine=WrongSize,
        settings=QUICK,
    ),
    Fault(
        "overrun",
        "one packet in 100 is written 4 bytes too long, into the guard zone (debug pool)",
        "integrity",
        "overrun",
        engine=Overrun,
        settings={**QUICK, "pool.debug": "true"},
    ),
    Fault(
        "lying-statistics",
        "each 50th hit is counted twice: hits and misses are more than the acquires",
        "conservation",
        "counters_disagree",
        engine=LyingStatistics,
        settings=QUICK,
    ),
)
