"""The native engine's Python face: zero-copy capture whose producer never takes the GIL.

>>> from zcbench import NativeEngine, PoolConfig, ReplaySource, StreamFormat, silence
>>> format = StreamFormat(frames=480, channels=2)
>>> source = ReplaySource(silence(format), "silence", pace="unpaced", limit=3)
>>> with NativeEngine(format, source, PoolConfig(slots=10)) as engine:
...     engine.start()
...     for packet in engine:
...         with packet:
...             print(packet.sequence, packet.array.shape)
0 (480, 2)
1 (480, 2)
2 (480, 2)
>>> engine.stats().in_flight
0
"""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Iterator
from typing import Any, Self

from zcbench.capture import _core
from zcbench.capture.engine import Packet, PoolConfig, PoolStats, StreamFormat, read_stats
from zcbench.capture.realtime import check_realtime
from zcbench.capture.sources import DeviceSource, InPlaceSource, ReplaySource, check_parts
from zcbench.page.scoreboard import Scoreboard


class NativeEngine(_core.Reader):
    """The capture engine of zcbench; see :class:`zcbench.capture.engine.CaptureEngine`.

    Raises MemoryError when the slab cannot be had, RealtimeError when it may not be locked or the priority
    is not to be had, and what the source raises when a device is missing or refuses the format.
    """

    counts_everything = True  # on the page: a zero there is a zero
    realtime = True  # pool.lock and source.priority are kept

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
        check_realtime(format, source, pool)
        self.format = format
        self.source = source
        self.scoreboard = scoreboard or Scoreboard.create()
        replay = source if isinstance(source, ReplaySource) else None
        self._core = _core.Engine(
            page=self.scoreboard.buffer,
            pcm=None if replay is None else replay.pcm,
            rate=float(format.rate),
            frames=format.frames,
            channels=format.channels,
            dtype=format.dtype,
            slots=pool.slots,
            policy=pool.policy,
            queue=pool.queue,
            debug=bool(pool.debug),
            checksum=bool(checksum),
            pace=replay.pace if replay else "real",
            speed=float(replay.speed) if replay else 1.0,
            limit=None if replay is None else replay.limit,
            lock=bool(pool.lock),
            minimum=pool.minimum,
            maximum=pool.maximum,
            shrink_after_ns=round(pool.shrink_after_s * 1e9),
            priority=source.priority or 0,
            in_place=isinstance(source, InPlaceSource),
            stamped=replay is not None and replay.stamped,
        )
        # read() and read_many() are the base's: no call of Python's lies between.
        super().__init__(self._core)
        self._stream: Any = None
        self._close_stream: weakref.finalize[..., Any] | None = None
        self._stopping = threading.Lock()  # a second stop() waits until the first has closed the device

    def start(self) -> None:
        """Start the producer; see the protocol."""
        self._core.start()
        if isinstance(self.source, DeviceSource):
            try:
                self._open_device(self.source)
            except BaseException:
                self.stop()  # or a reader would wait for ever
                raise

    def _open_device(self, source: DeviceSource) -> None:
        # A dropped sounddevice stream goes on calling back into memory it does not keep alive. So the
        # finaliser holds the core (a strong reference) until the stream is closed. At exit it must run before
        # sounddevice's own atexit handler: handlers run last registered first, and this one comes later.
        stream = source.open_stream(self.format, _core.PORTAUDIO_CALLBACK, self._core.user_data())
        self._stream = stream
        self._close_stream = weakref.finalize(self, _close, stream, self._core)
        atexit.register(self._close_stream)
        stream.start()

    def produce(self, packets: int = 1) -> int:
        """Capture the next packets in this thread (pace "manual"); see the protocol."""
        if isinstance(self.source, ReplaySource) and self.source.pace == "manual":
            return self._core.produce(packets)
        raise RuntimeError('produce() needs a replay source with pace "manual"')

    def maintain(self) -> None:
        """One step of an adaptive pool's maintenance; see the protocol."""
        self._core.maintain()

    def stop(self) -> None:
        """Stop the producer; see the protocol."""
        with self._stopping:
            self._core.request_stop()
            if self._close_stream is not None:
                self._close_stream()
                atexit.unregister(self._close_stream)
            self._core.stop()

    def close(self) -> None:
        """stop(), then discard what is queued; see the protocol."""
        self.stop()
        self._core.discard()

    def stats(self) -> PoolStats:
        """The counters now; O(slots)."""
        return read_stats(self.scoreboard, self._core.oldest_lease_ns())

    def check(self) -> int:
        """Debug pool: the number of slots found wrong; see the protocol."""
        return self._core.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Packet]:
        return iter(self.read, None)


def _close(stream: Any, core: _core.Engine) -> None:
    if core.in_forked_child():  # a forked child has none of PortAudio's threads to wait for
        return
    core.request_stop()
    stream.close()
    core.stop()
