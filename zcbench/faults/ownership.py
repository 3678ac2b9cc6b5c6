"""Bugs of who owns a slot: it never comes back, comes back twice, or comes back too early."""

from __future__ import annotations

import os
import queue
import threading
import weakref
from typing import Any

from numpy.typing import NDArray

from zcbench.capture.detached import DetachedPacket
from zcbench.capture.engine import Packet
from zcbench.capture.reference import ReferenceEngine, Slot, SlotPool, Stream
from zcbench.consumers.ledger import PacketLedger
from zcbench.faults.fault import Fault, FaultyConsumer
from zcbench.faults.pace import DYING, QUICK
from zcbench.quantities.names import POOL_OVERFLOW_FREED_BYTES, POOL_RETURNS


class _MixedOwnershipPool(SlotPool):
    """Engine and application each count a slot's owners, and each leaves the last one to the other.

    What neither frees stays in the engine's table of foreign buffers, which has an end.
    """

    TABLE_ENTRIES = 100  # for buffers that are not the slab's: with 10 slots the 111th return is too many

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._engine_count: dict[int, int] = {}
        self._orphans: list[Slot] = []

    def _hand_out(self, slot: Slot, now: int) -> Slot:
        self._engine_count[id(slot)] = 1
        return super()._hand_out(slot, now)

    def release(self, slot: Slot, now: int) -> None:
        """The application's count is 0 now; the engine's own is still 1, so nobody frees the slot."""
        if self._engine_count[id(slot)] == 0:
            super().release(slot, now)
            return
        self._orphans.append(slot)
        if len(self._orphans) > self.config.slots + self.TABLE_ENTRIES:
            os.abort()


class MixedOwnership(ReferenceEngine):
    """The original add-on: aborts with its 111th packet when it has 10 slots."""

    pool_type = _MixedOwnershipPool


class _NoOpReturnPool(SlotPool):
    """Overflow blocks are freed, so memory is flat; nothing else that a return should do is done."""

    def release(self, slot: Slot, now: int) -> None:
        if slot.overflow:
            self.overflow.remove(slot)
            self.add(POOL_OVERFLOW_FREED_BYTES, self.stride)


class NoOpReturn(ReferenceEngine):
    """The original's "fixed" state: as many hits as slots, and never one more."""

    pool_type = _NoOpReturnPool


class _LosingPool(SlotPool):
    """Counts every return, and loses the slot of each 100th."""

    LOST_EVERY = 100

    def release(self, slot: Slot, now: int) -> None:
        super().release(slot, now)
        lost = (self.board[POOL_RETURNS] or 0) % self.LOST_EVERY == 0
        if lost and not slot.overflow:
            self.free.pop()


class LostSlot(ReferenceEngine):
    """The slots in circulation become fewer and fewer."""

    pool_type = _LosingPool


class _HoardingPool(SlotPool):
    """An overflow block is counted as returned and kept all the same."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._kept: list[NDArray[Any]] = []

    def release(self, slot: Slot, now: int) -> None:
        freed = self.board[POOL_OVERFLOW_FREED_BYTES] or 0
        super().release(slot, now)
        if slot.overflow:
            self._kept.append(slot.zone)
            self.board[POOL_OVERFLOW_FREED_BYTES] = freed


class OverflowNeverFreed(ReferenceEngine):
    """Every miss costs a block for good."""

    pool_type = _HoardingPool


class _DoublingPool(SlotPool):
    """Each 20th return puts its slot on the free list twice: the next two packets share it."""

    TWICE_EVERY = 20

    def release(self, slot: Slot, now: int) -> None:
        if not slot.acquired_ns:  # the other reader returned it before: a hold time from now, not from 0
            slot.acquired_ns = now
        super().release(slot, now)
        if (self.board[POOL_RETURNS] or 0) % self.TWICE_EVERY == 0 and not slot.overflow:
            self.free.append(slot)


class DoubleReturn(ReferenceEngine):
    """One slot, two readers."""

    pool_type = _DoublingPool


class _PacketBoundStream(Stream):
    """Leases that say nothing when they die: the slot is bound to the packet object instead."""

    newest: Slot

    def lease(self, slot: Slot) -> Any:
        self.newest = slot
        return self.lease_type.from_buffer(slot.memory[:])


class RecycledUnderView(ReferenceEngine):
    """The slot returns when the packet object dies, whoever still reads an array over it."""

    stream_type = _PacketBoundStream

    def read(self, timeout: float | None = None) -> Packet | None:
        """The next packet, with its slot in tow."""
        packet = super().read(timeout)
        if packet is not None:
            assert isinstance(self._stream, _PacketBoundStream)
            weakref.finalize(packet, self._stream.release, self._stream.newest).atexit = False
        return packet


class KeepsViews(FaultyConsumer):
    """An application that keeps the arrays and drops the packets, which is its good right."""

    def consume(self, packet: Packet, ledger: PacketLedger) -> None:
        """See :class:`zcbench.consumers.Consumer`."""
        view = DetachedPacket(packet.sequence, packet.time_ns, packet.flags, packet.checksum, packet.array)
        del packet  # the caller's own reference goes when it asks for the next one
        self._inner.consume(view, ledger)


class _TwiceReturningStream(Stream):
    """Each 20th slot is returned by the reader's thread and by one that cleans up behind it.

    Both found the slot taken before either marked it free; the in-flight count is exchanged atomically and
    so goes down once, the count of returns goes up twice.
    """

    TWICE_EVERY = 20

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._behind: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        threading.Thread(target=self._clean_up, name="cleaner", daemon=True).start()

    def release(self, slot: Slot) -> None:
        if slot.sequence % self.TWICE_EVERY == 0 and not slot.overflow:
            self._behind.put(slot)
        super().release(slot)

    def _clean_up(self) -> None:
        while True:
            slot = self._behind.get()
            with self.changed:
                self.pool.add(POOL_RETURNS)
                self.pool.free.append(slot)
                self.changed.notify_all()


class ReturnedByTwoThreads(ReferenceEngine):
    """More returns than acquires."""

    stream_type = _TwiceReturningStream


class ExhaustedDeadlock(ReferenceEngine):
    """The producer waits for a free slot on a condition that no return ever notifies."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._slot_is_free = threading.Condition()

    def _capture(self, block: NDArray[Any], time_ns: int, **options: Any) -> None:
        if not self._pool.free:
            with self._slot_is_free:
                self._slot_is_free.wait()
        super()._capture(block, time_ns, **options)


FAULTS = (
    Fault(
        "mixed-ownership",
        "two owners count each slot and neither frees it; aborts with packet 111 (10 slots)",
        "life",
        "crashed",
        engine=MixedOwnership,
        settings={**DYING, "pool.slots": "10"},
    ),
    Fault(
        "no-op-return",
        "returning a slot does nothing; memory stays flat, hits = slots",
        "pool.recycling",
        "never_recycled",
        engine=NoOpReturn,
        settings={**QUICK, "pool.slots": "10"},
    ),
    Fault(
        "lost-slot",
        "each 100th slot that returns is counted, and never handed out again",
        "pool.recycling",
        "slots_lost",
        engine=LostSlot,
        # 5,000 packets lose half of 100 slots: no miss gives it away, only the slots in circulation do.
        settings={**QUICK, "duration": "50s", "source.speed": "10", "pool.slots": "100"},
    ),
    Fault(
        "no-op-return-adaptive",
        "returning a slot does nothing, and the pool grows for it: not one packet is dropped (policy adaptive)",
        "pool.recycling",
        "never_recycled",
        engine=NoOpReturn,
        # A twentieth of the packets to begin with: growing takes a moment, and this is not about that.
        settings={**QUICK, "pool.slots": "50", "pool.policy": "adaptive"},
    ),
    Fault(
        "lost-slot-adaptive",
        "lost-slot in a pool that would grow, did it know (policy adaptive)",
        "pool.recycling",
        "slots_lost",
        engine=LostSlot,
        settings={
            **QUICK,
            "duration": "50s",
            "source.speed": "10",
            "pool.slots": "100",
            "pool.policy": "adaptive",
        },
    ),
    Fault(
        "overflow-never-freed",
        "memory allocated for a miss is kept after its return",
        "conservation",
        "overflow_never_freed",
        engine=OverflowNeverFreed,
        # 100 in flight (500 packets/s held 0.2 s) over 10 slots: nine of ten packets overflow.
        settings={
            **QUICK,
            "pool.slots": "10",
            "consumer.kind": "hold",
            "consumer.hold": "200ms",
        },
    ),
    Fault(
        "double-return",
        "each 20th return puts its slot on the free list twice: one slot, two readers",
        "integrity",
        "aliased",
        engine=DoubleReturn,
        settings={
            **QUICK,
            "pool.slots": "50",
            "consumer.kind": "hold",
            "consumer.hold": "50ms",
        },
    ),
    Fault(
        "recycled-under-view",
        "the slot returns with the packet object, though an array over it is still read",
        "integrity",
        "changed_while_held",
        engine=RecycledUnderView,
        consumer=KeepsViews,
        # Poisoned at once on return; 500 slots first in first out are not handed out again while 25 are held.
        settings={
            **QUICK,
            "pool.slots": "500",
            "pool.debug": "true",
            "consumer.kind": "hold",
            "consumer.hold": "50ms",
        },
    ),
    Fault(
        "returned-by-two-threads",
        "each 20th slot is returned by two threads",
        "conservation",
        "returned_twice",
        engine=ReturnedByTwoThreads,
        settings=QUICK,
    ),
    Fault(
        "exhausted-deadlock",
        "with no slot free the producer waits for a word that nobody says (policy block)",
        "life",
        "hung",
        engine=ExhaustedDeadlock,
        # 50 packets come between two readings, for 5 slots.
        settings={
            **DYING,
            "pool.slots": "5",
            "pool.policy": "block",
            "consumer.kind": "burst",
            "consumer.every": "100ms",
        },
    ),
)
