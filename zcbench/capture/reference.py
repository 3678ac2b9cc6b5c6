"""The capture engine in plain Python: the readable specification, and the oracle the native one is held to.

Everything happens under one lock. The counters are those of the native engine, on the same scoreboard.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zcbench.capture.detached import DetachedPacket
from zcbench.capture.engine import (
    SLOT_ALIGNMENT_BYTES,
    Packet,
    PacketFlags,
    PoolConfig,
    PoolStats,
    StreamFormat,
    read_stats,
)
from zcbench.capture.sizing import Sizing
from zcbench.capture.sources import DeviceSource, ReplaySource, check_parts
from zcbench.clock import now_ns
from zcbench.scoreboard import Scoreboard

GUARD_BYTES = 64
GUARD, POISON = 0xA5, 0xDB
KEEPER_PERIOD_S = 0.5  # between two steps of an adaptive pool's maintenance, when nothing is wanted


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


class Pool:
    """N slots, handed out first in first out. Every method expects the stream's lock to be held.

    Under policy ``adaptive`` the slab is several segments, which :meth:`maintain` adds and takes away.
    """

    def __init__(self, config: PoolConfig, payload_bytes: int, board: Scoreboard) -> None:
        self.config, self.board = config, board
        self._payload = payload_bytes
        guard = GUARD_BYTES if config.debug else 0
        stride = -(-payload_bytes // SLOT_ALIGNMENT_BYTES) * SLOT_ALIGNMENT_BYTES + 2 * guard
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


class Stream:
    """What a lease needs after its engine is gone: the pool, the lock, the format."""

    def __init__(self, format: StreamFormat, pool: Pool) -> None:
        self.format, self.pool = format, pool
        # Re-entrant: a lease may die (gc) in a thread that holds it.
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.lease_type: type[Any] = type(
            "Lease", (ctypes.c_char * format.packet_bytes,), {"__slots__": ()}
        )

    def release(self, slot: Slot) -> None:
        """Any thread."""
        with self.changed:
            self.pool.release(slot, now_ns())
            self.changed.notify_all()

    def lease(self, slot: Slot) -> Any:
        """A new lease on ``slot``: a ctypes array over its memory, so that it exports the buffer protocol.

        The slot returns when the lease's window dies, an ndarray that only the lease holds. A ``__del__`` of
        the lease would be too early: gc runs all finalisers of a cycle before it frees any of it (PEP 442), so
        another one could still read the slot, or keep it. An ndarray is not gc's to finalise: it dies with the
        lease, as a native lease does.
        """
        window = slot.memory[:]
        weakref.finalize(window, self.release, slot).atexit = False
        return self.lease_type.from_buffer(window)


class ReferencePacket:
    """A packet of the reference engine; see :class:`zcbench.capture.engine.Packet`."""

    def __init__(self, lease: Any, stream: Stream, slot: Slot, checksum: int | None) -> None:
        self._lease, self._format = lease, stream.format
        self.sequence, self.time_ns = slot.sequence, slot.time_ns
        self.flags = PacketFlags(slot.flags)
        self.frames, self.channels = stream.format.frames, stream.format.channels
        self.nbytes = stream.format.packet_bytes
        self.checksum = checksum

    @property
    def array(self) -> NDArray[Any]:
        """The samples, no copy; its base is the lease."""
        if self._lease is None:
            raise ValueError(
                f"packet {self.sequence} was released; take packet.array before release(), "
                "it keeps the slot by itself"
            )
        flat = np.frombuffer(self._lease, self._format.dtype)
        return flat.reshape(self.frames, self.channels)

    @property
    def released(self) -> bool:
        """Whether release() was called."""
        return self._lease is None

    def release(self) -> None:
        """Give up the packet's own claim."""
        self._lease = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.release()

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()

    def __reduce__(self) -> tuple[type[DetachedPacket], tuple[Any, ...]]:
        copy = self.array.copy()
        return DetachedPacket, (self.sequence, self.time_ns, self.flags, self.checksum, copy)


class ReferenceEngine:
    """See :class:`zcbench.capture.engine.CaptureEngine`. Its producer is a Python thread, or sounddevice's
    Python callback."""

    # Planted faults put their own in place of these.
    pool_type: type[Pool] = Pool
    stream_type: type[Stream] = Stream

    def __init__(
        self,
        format: StreamFormat,
        source: ReplaySource | DeviceSource,
        pool: PoolConfig,
        *,
        scoreboard: Scoreboard | None = None,
        checksum: bool = False,
    ) -> None:
        check_parts(format, source, pool)
        if pool.lock or source.priority is not None:
            raise ValueError(
                "pool.lock and source.priority: the reference engine has neither; use native"
            )
        self.format, self.source = format, source
        self.scoreboard = scoreboard or Scoreboard.create()
        self._pool = self.pool_type(pool, format.packet_bytes, self.scoreboard)
        self._stream = self.stream_type(format, self._pool)
        self._changed = self._stream.changed
        self._queue: deque[Slot] = deque()
        self._capacity = 1 << (pool.queue - 1).bit_length()
        self._checksum = checksum
        self._gap = self._started = self._stopping = self._ended = False
        self._failure: BaseException | None = None  # what ended the producer; read() raises it
        self._running: set[threading.Thread] = set()  # that capture, or close the device
        self._device: Any = None

    # -- the producer

    def start(self) -> None:
        """Start the producer; see the protocol."""
        if self._started:
            raise RuntimeError("the engine was started before; make a new one")
        self._started = True
        self.scoreboard["engine.start_ns"] = now_ns()
        try:
            self._start_threads()
        except BaseException:
            self.stop()  # or a reader would wait for ever
            raise

    def _start_threads(self) -> None:
        source = self.source
        manual = isinstance(source, ReplaySource) and source.pace == "manual"
        if self._pool.config.policy == "adaptive" and not manual:
            self._begin(self._keep)
        if isinstance(source, DeviceSource):
            self._device = source.open_python_stream(self.format, self._on_audio)
            self._device.start()
        elif source.limit == 0:
            self._end()
        elif not manual:
            self._begin(self._drive, source)

    def _begin(self, target: Callable[..., None], *arguments: Any) -> None:
        def run() -> None:
            try:
                target(*arguments)
            finally:
                self._left(thread)

        thread = threading.Thread(target=run, daemon=True)
        with self._changed:
            thread.start()
            self._running.add(thread)

    def _left(self, thread: threading.Thread) -> None:
        with self._changed:
            self._running.discard(thread)
            self._changed.notify_all()

    def _keep(self) -> None:
        """Keep an adaptive pool at its size until the stream stops."""
        with self._changed:
            while not self._stopping:
                self._pool.maintain(now_ns())
                self._changed.notify_all()
                self._changed.wait_for(
                    lambda: self._stopping or self._pool.in_reserve(self._in_flight()),
                    KEEPER_PERIOD_S,
                )

    def _in_flight(self) -> int:
        return self.scoreboard["pool.in_flight"] or 0

    def maintain(self) -> None:
        """One step of an adaptive pool's maintenance; see the protocol."""
        with self._changed:
            self._pool.maintain(now_ns())
            self._changed.notify_all()

    def _drive(self, source: ReplaySource) -> None:
        try:
            self._replay(source)
        except BaseException as error:
            self._failure = error
        self._end()

    def _replay(self, source: ReplaySource) -> None:
        start = self.scoreboard["engine.start_ns"] or 0
        period_ns = self.format.frames * 1e9 / (self.format.rate * source.speed)
        number = 0
        while not self._stopping and (source.limit is None or number < source.limit):
            if source.pace == "real":
                due = start + int((number + 1) * period_ns)
                with self._changed:
                    while not self._stopping and (wait := due - now_ns()) > 0:
                        self._changed.wait(wait / 1e9)
            else:
                with self._changed:
                    self._changed.wait_for(lambda: self._caught_up() or self._stopping)
                due = now_ns()
            if self._stopping:
                break
            self._capture(source.block(number, self.format.frames), due, may_wait=True)
            number += 1

    def _caught_up(self) -> bool:
        """Whether an unpaced source may go on: room, and a free slot or nothing left to read. It does not
        run ahead into an adaptive pool's reserve: the pool would grow for a backlog of the source's making."""
        if len(self._queue) >= self._capacity:
            return False
        if self._pool.in_reserve(self._in_flight() + 1):
            return not self._queue and bool(self._pool.free)
        return bool(self._pool.free or not self._queue)

    def produce(self, packets: int = 1) -> int:
        """Capture the next packets in this thread (pace "manual"); see the protocol."""
        source = self.source
        if not isinstance(source, ReplaySource) or source.pace != "manual":
            raise RuntimeError('produce() needs a replay source with pace "manual"')
        if not self._started:
            raise RuntimeError("produce() needs a started engine")
        made = 0
        while made < packets and not self._stopping and len(self._queue) < self._capacity:
            number = self.scoreboard["engine.captured"] or 0
            if source.limit is not None and number >= source.limit:
                break
            if self._pool.config.policy == "block" and not self._pool.free:
                break
            block = source.block(number, self.format.frames)
            self._capture(block, now_ns(), may_wait=False)
            made += 1
        if self.scoreboard["engine.captured"] == source.limit:
            self._end()
        return made

    def _on_audio(self, data: Any, frames: int, _time: Any, status: Any) -> None:
        flags = PacketFlags.XRUN if status.input_overflow or status.input_underflow else 0
        if self._stopping:
            return
        self._pool.add("engine.xruns", bool(flags))
        if frames == self.format.frames:
            block = np.frombuffer(data, self.format.dtype)
            self._capture(block, now_ns(), may_wait=False, flags=flags)

    def _capture(
        self, block: NDArray[Any], time_ns: int, *, may_wait: bool, flags: int = 0
    ) -> None:
        pool, began = self._pool, now_ns()
        with self._changed:
            sequence = self.scoreboard["engine.captured"] or 0
            pool.add("engine.captured")
            pool.add("engine.captured_bytes", self.format.packet_bytes)
            slot = pool.acquire(began)
            if slot is None and may_wait and pool.config.policy == "block":
                self._changed.wait_for(lambda: pool.free or self._stopping)
                slot = pool.take_late(now_ns())
            if slot is None:
                pool.add("pool.refused")
                self._drop()
            else:
                slot.sequence = sequence
                slot.memory[:] = np.ascontiguousarray(block).reshape(-1).view(np.uint8)
                self._publish(slot, time_ns, flags)
            self.scoreboard.record("callback_ns", now_ns() - began)

    def _publish(self, slot: Slot, time_ns: int, flags: int) -> None:
        slot.time_ns = time_ns
        slot.flags = (
            flags | (self._gap and PacketFlags.GAP) | (slot.overflow and PacketFlags.OVERFLOW)
        )
        slot.checksum = zlib.crc32(slot.memory.data) if self._checksum else 0
        slot.queued_ns = now_ns()
        if len(self._queue) >= self._capacity:
            self._pool.release(slot, slot.queued_ns)
            self._drop()
            return
        self._gap = False
        self.scoreboard.record("fill_ns", slot.queued_ns - slot.acquired_ns)
        self._pool.add("engine.queued")
        self._queue.append(slot)
        self._changed.notify_all()

    def _drop(self) -> None:
        self._pool.add("engine.drops")
        self._gap = True

    def _end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    # -- the reader

    def read(self, timeout: float | None = None) -> Packet | None:
        """The next packet, None at the end of the stream; see the protocol."""
        return next(iter(self.read_many(1, timeout)), None)

    def read_many(self, packets: int, timeout: float | None = None) -> list[Packet]:
        """The next packets, none at the end of the stream; see the protocol."""
        if packets < 1:
            raise ValueError("packets must be at least 1")
        if timeout is not None and not timeout >= 0:
            raise ValueError("timeout must be at least 0 seconds, or None")
        with self._changed:
            if not self._changed.wait_for(lambda: self._queue or self._ended, timeout):
                raise TimeoutError("no packet within the timeout")
            if not self._queue and self._failure is not None:
                raise self._failure
            now = now_ns()
            taken = [self._queue.popleft() for _ in range(min(packets, len(self._queue)))]
            delivered = [self._deliver(slot, now) for slot in taken]
            self._changed.notify_all()
            return delivered

    def _deliver(self, slot: Slot, now: int) -> Packet:
        pool = self._pool
        pool.add("engine.queued", -1)
        pool.add("engine.delivered")
        pool.add("engine.delivered_bytes", self.format.packet_bytes)
        slot.delivered_ns = now
        self.scoreboard.record("queue_ns", now - slot.queued_ns)
        self.scoreboard.record("delivery_ns", max(0, now - slot.time_ns))
        checksum = slot.checksum if self._checksum else None
        return ReferencePacket(self._stream.lease(slot), self._stream, slot, checksum)

    # -- the end

    def stop(self) -> None:
        """Stop the producer; see the protocol."""
        this = threading.current_thread()
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            device, self._device = self._device, None
            if device is not None:
                self._running.add(this)  # until it is closed: the others wait
        if device is not None:
            try:
                device.close()
            finally:
                self._left(this)
        with self._changed:
            # Not join(): until Python 3.13 an assertion of its own may fail where several threads join one
            # (threading.Thread._stop), and any number of threads may stop an engine at once.
            # A forked child has none of its parent's threads.
            self._changed.wait_for(
                lambda: all(one is this or not one.is_alive() for one in self._running)
            )
            self._end()

    def close(self) -> None:
        """stop(), then discard what is queued; see the protocol."""
        self.stop()
        with self._changed:
            while self._queue:
                slot = self._queue.popleft()
                self._pool.add("engine.queued", -1)
                self._pool.add("engine.drops")
                self._pool.release(slot, now_ns())

    def stats(self) -> PoolStats:
        """The counters now."""
        with self._changed:
            return read_stats(self.scoreboard, self._pool.oldest_lease_ns(now_ns()))

    def check(self) -> int:
        """Debug pool: the number of slots found wrong."""
        with self._changed:
            return self._pool.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Packet]:
        while (packet := self.read()) is not None:
            yield packet
