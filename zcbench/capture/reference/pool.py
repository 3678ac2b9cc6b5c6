"""The reference engine's pool: a slab of slots, handed out first in first out (of ``_core``: pool.cpp)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from zcbench.capture.configuration import slot_stride
from zcbench.capture.engine import SLOT_ALIGNMENT_BYTES, PoolConfig
from zcbench.capture.sizing import Sizing
from zcbench.page.scoreboard import Scoreboard

GUARD_BYTES = 64
GUARD, POISON = 0xA5, 0xDB


@dataclass(eq=False)
class Slot:
    """One piece of memory for one packet: ``memory`` is its payload, ``zone`` that with its guard zones."""

    memory: NDArray[np.uint8]
    zone: NDArray[np.uint8]
    overflow: bool = False
    segment: Segment | None = None
    acquired_ns: int = 0  # 0: not in flight
    queued_ns: int = 0
    delivered_ns: int = 0  # 0: never reached the application
    sequence: int = 0
    time_ns: int = 0
    flags: int = 0
    checksum: int = 0


@dataclass(eq=False)
class Segment:
    """Slots of the slab that come and go together. One that is ``retired`` collects its slots in ``home``."""

    slots: list[Slot]
    retired: bool = False
    home: list[Slot] = field(default_factory=list)


class SlotPool:
    """N slots, handed out first in first out. Every method expects the stream's lock to be held.

    Under policy ``adaptive`` the slab is several segments, which :meth:`maintain` adds and takes away.
    """

    def __init__(self, config: PoolConfig, payload_bytes: int, board: Scoreboard) -> None:
        self.config, self.board = config, board
        self._payload = payload_bytes
        guard = GUARD_BYTES if config.debug else 0
        stride = slot_stride(payload_bytes) + 2 * guard
        self.stride, self._guard = stride, guard
        self.overflow: set[Slot] = set()
        self.free: deque[Slot] = deque()
        self.segments: list[Segment] = []
        self.sizing = Sizing(config.minimum, config.maximum)
        self._recent_high = 0  # leases in flight since the last step of maintenance
        self._window_began, self._window_high = 0, 0
        self._refused = False  # memory for more slots was not to be had
        # What may be given up again is a segment of its own.
        kept = config.minimum if config.policy == "adaptive" else config.slots
        self._add_segment(kept)
        if kept < config.slots:
            self._add_segment(config.slots - kept)

    @property
    def slots(self) -> list[Slot]:
        """Every slot of the slab, also of segments on their way out."""
        return [slot for segment in self.segments for slot in segment.slots]

    def _add_segment(self, slots: int) -> None:
        zones = _aligned(slots * self.stride).reshape(slots, self.stride)
        segment = Segment([self._slot(zone) for zone in zones])
        for slot in segment.slots:
            slot.segment = segment
        self.segments.append(segment)
        self.free.extend(segment.slots)
        self.add("pool.slots", slots)
        self.add("pool.slab_bytes", slots * self.stride)

    def _slot(self, zone: NDArray[np.uint8], *, overflow: bool = False) -> Slot:
        memory = zone[self._guard : self._guard + self._payload]
        if self.config.debug:
            zone[:] = GUARD
            if not overflow:
                memory[:] = POISON
        return Slot(memory, zone, overflow)

    def add(self, name: str, n: int = 1) -> None:
        """Count."""
        self.board.words[self.board.index[name]] += n

    def acquire(self, now: int) -> Slot | None:
        """A free slot (a hit), or what the policy gives on a miss; None under drop and block."""
        if self.free:
            self.add("pool.hits")
            return self._hand_out(self.free.popleft(), now)
        self.add("pool.misses")
        if self.config.policy != "grow":
            return None
        try:
            slot = self._slot(_aligned(self.stride), overflow=True)
        except MemoryError:
            return None
        self.overflow.add(slot)
        self.add("pool.overflow_allocations")
        self.add("pool.overflow_bytes", self.stride)
        return self._hand_out(slot, now)

    def take_late(self, now: int) -> Slot | None:
        """A free slot for a miss already counted (policy block)."""
        return self._hand_out(self.free.popleft(), now) if self.free else None

    def _hand_out(self, slot: Slot, now: int) -> Slot:
        if self.config.debug and not slot.overflow and not (slot.memory == POISON).all():
            self.add("pool.poison_violations")
        slot.acquired_ns, slot.delivered_ns = now, 0
        self.add("pool.in_flight")
        in_flight = self.board["pool.in_flight"] or 0
        if in_flight > (self.board["pool.high_water"] or 0):
            self.board["pool.high_water"] = in_flight
        self._recent_high = max(self._recent_high, in_flight)
        return slot

    def release(self, slot: Slot, now: int) -> None:
        """The slot's lease is over."""
        self.board.record("hold_ns", now - slot.acquired_ns)
        if slot.delivered_ns:
            self.board.record("held_ns", now - slot.delivered_ns)
        slot.acquired_ns = 0
        if self.config.debug and not self._guards_intact(slot):
            self.add("pool.guard_violations")
        self.add("pool.in_flight", -1)
        self.add("pool.returns")
        if slot.overflow:
            self.overflow.remove(slot)
            self.add("pool.overflow_freed_bytes", self.stride)
            return
        if self.config.debug:
            slot.zone[:] = GUARD
            slot.memory[:] = POISON
        self.free.append(slot)

    # -- policy adaptive

    def in_reserve(self, in_flight: int) -> bool:
        """Whether with so many leases out more slots are wanted, and can be had."""
        if self.config.policy != "adaptive" or self._refused:
            return False
        slots = self.board["pool.slots"] or 0
        return slots < self.sizing.maximum and self.sizing.too_few(slots, in_flight)

    def maintain(self, now: int) -> None:
        """One step: grow the slab when more than half of it was in flight since the last step, or give up a
        segment that was not needed for ``shrink_after_s``. Never the producer's to call: it allocates."""
        if self.config.policy != "adaptive":
            return
        high, self._recent_high = self._recent_high, self.board["pool.in_flight"] or 0
        self._window_began = self._window_began or now
        self._window_high = max(self._window_high, high)
        slots = self.board["pool.slots"] or 0
        if self.sizing.too_few(slots, high):
            if slots < self.sizing.maximum:
                self._grow_to(self.sizing.grown(slots, high))
            self._window_began, self._window_high = now, high
        else:
            self._refused = False
            if now - self._window_began >= self.config.shrink_after_s * 1e9:
                self._retire_one()
                self._window_began, self._window_high = now, high
        self._collect_retired()

    def _grow_to(self, wanted: int) -> None:
        before = self.board["pool.slots"] or 0
        # Segments on their way out come first, so that all of them together never exceed the maximum.
        for segment in reversed(self.segments):
            if segment.retired and (self.board["pool.slots"] or 0) < wanted:
                segment.retired = False
                self.free.extend(segment.home)
                segment.home.clear()
                self.add("pool.slots", len(segment.slots))
        missing = wanted - (self.board["pool.slots"] or 0)
        if missing > 0:
            try:
                self._add_segment(missing)
            except MemoryError:
                self.add("pool.growth_failures")
        grown = (self.board["pool.slots"] or 0) - before
        self.add("pool.grown", grown)
        self._refused = grown == 0

    def _retire_one(self) -> None:
        slots = self.board["pool.slots"] or 0
        for segment in reversed(self.segments):
            left = slots - len(segment.slots)
            if segment.retired or left < 1:
                continue
            if self.sizing.can_do_with(left, self._window_high):
                segment.retired = True
                self.add("pool.shrunk", len(segment.slots))
                self.add("pool.slots", -len(segment.slots))
                return

    def _collect_retired(self) -> None:
        """Go through the free slots once and keep those of retired segments out. A slot in flight stays valid,
        and may even be handed out again; the memory goes when every slot of its segment was caught."""
        if not any(segment.retired for segment in self.segments):
            return
        free = deque[Slot]()
        for slot in self.free:
            retired = slot.segment is not None and slot.segment.retired
            (slot.segment.home if retired and slot.segment else free).append(slot)
        self.free.clear()
        self.free.extend(free)
        for segment in [s for s in self.segments if s.retired and len(s.home) == len(s.slots)]:
            self.segments.remove(segment)
            self.add("pool.slab_bytes", -len(segment.slots) * self.stride)

    def oldest_lease_ns(self, now: int) -> int:
        """Age of the oldest lease in flight; 0 if there is none."""
        acquired = [s.acquired_ns for s in (*self.slots, *self.overflow) if s.acquired_ns]
        return max(0, now - min(acquired)) if acquired else 0

    def check(self) -> int:
        """Examine every slot of the slab; the number found wrong."""
        if not self.config.debug:
            return 0
        wrong = 0
        for slot in self.slots:
            guards = self._guards_intact(slot)
            poison = slot.acquired_ns != 0 or bool((slot.memory == POISON).all())
            self.add("pool.guard_violations", not guards)
            self.add("pool.poison_violations", not poison)
            wrong += not (guards and poison)
        return wrong

    def _guards_intact(self, slot: Slot) -> bool:
        before, after = slot.zone[: self._guard], slot.zone[self._guard + self._payload :]
        return bool((before == GUARD).all() and (after == GUARD).all())


def _aligned(size: int) -> NDArray[np.uint8]:
    raw = np.empty(size + SLOT_ALIGNMENT_BYTES, np.uint8)
    start = -raw.ctypes.data % SLOT_ALIGNMENT_BYTES
    return raw[start : start + size]
