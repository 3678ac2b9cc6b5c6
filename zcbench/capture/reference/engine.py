"""The reference engine: producer, reader, end (of ``_core``: capture.cpp, replay.cpp, keeper.cpp)."""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zcbench.capture.engine import (
    Packet,
    PacketFlags,
    PoolConfig,
    PoolStats,
    StreamFormat,
    read_stats,
)
from zcbench.capture.reference.lease import ReferencePacket, Stream
from zcbench.capture.reference.pool import Slot, SlotPool
from zcbench.capture.sources import DeviceSource, ReplaySource, check_parts
from zcbench.clock import now_ns
from zcbench.page.scoreboard import Scoreboard

# Between two steps of an adaptive pool's maintenance, when nothing is wanted.
KEEPER_PERIOD_S = 0.5


class ReferenceEngine:
    """See :class:`zcbench.capture.engine.CaptureEngine`. Its producer is a Python thread, or sounddevice's
    Python callback."""

    counts_everything = True  # on the page: a zero there is a zero
    # Planted faults put their own in place of these.
    pool_type: type[SlotPool] = SlotPool
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
            raise ValueError("pool.lock and source.priority: the reference engine has neither; use native")
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
        """True if the queue has room and (a slot is free or the queue is empty). It does not
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

    def _capture(self, block: NDArray[Any], time_ns: int, *, may_wait: bool, flags: int = 0) -> None:
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
        slot.flags = flags | (self._gap and PacketFlags.GAP) | (slot.overflow and PacketFlags.OVERFLOW)
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
            self._changed.wait_for(lambda: all(one is this or not one.is_alive() for one in self._running))
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

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Packet]:
        while (packet := self.read()) is not None:
            yield packet
