"""zcbench's own engines, over an unpaced source: its native thread fills slots as fast as they come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any, ClassVar

from zcbench.bench.work import BATCH, BLOCKS, CHANNELS, DEPTH, Packet, Work, blocks
from zcbench.capture.copying import CopyingEngine
from zcbench.capture.engine import PoolConfig, StreamFormat
from zcbench.capture.native import NativeEngine
from zcbench.capture.sources import InPlaceSource, ReplaySource


class Native:
    """The native engine, ``for packet in engine: packet.array``."""

    engine: ClassVar[type[NativeEngine]] = NativeEngine
    source: ClassVar[type[ReplaySource]] = ReplaySource

    def __init__(self, work: Work) -> None:
        self._work = work
        pcm = blocks(work).reshape(BLOCKS * work.frames, CHANNELS)
        self._engine = self.engine(
            StreamFormat(frames=work.frames, channels=CHANNELS),
            self.source(pcm, "bench", pace="unpaced", limit=work.packets),
            PoolConfig(slots=work.slots, policy="block", queue=DEPTH),
        )
        self._reading = threading.Lock()  # an engine is read by one thread at a time

    def start(self) -> None:
        """See Peer."""
        self._engine.start()

    def packets(self, thread: int) -> Iterator[Packet]:
        """See Peer."""
        if self._work.threads == 1:
            return map(attrgetter("array"), self._engine)
        return self._in_turn()

    def _in_turn(self) -> Iterator[Packet]:
        read: Any = self._engine.read
        for _ in range(self._work.share):
            with self._reading:
                packet = read()
            yield packet.array
            del packet  # or its claim would outlive the array's

    def close(self) -> None:
        """See Peer."""
        self._engine.close()

    def producer_cpu_ns(self) -> int:
        """See Peer."""
        return 0


class Many(Native):
    """``engine.read_many()``, then one packet after the other."""

    def packets(self, thread: int) -> Iterator[Packet]:
        """See Peer."""
        if self._work.threads == 1:
            batches: Any = iter(partial(self._engine.read_many, BATCH), [])
            return map(attrgetter("array"), chain.from_iterable(batches))
        return self._batches_in_turn()

    def _batches_in_turn(self) -> Iterator[Packet]:
        read, wanted = self._engine.read_many, self._work.share
        while wanted:
            with self._reading:
                packets = read(min(BATCH, wanted))
            wanted -= len(packets)
            yield from map(attrgetter("array"), packets)


class InPlace(Native):
    """The same as the first with a source that writes into the slot by itself."""

    source = InPlaceSource


class Copying(Native):
    """The copying engine: a ``bytes`` copy and ``np.frombuffer`` within read()."""

    engine = CopyingEngine


PEERS = {
    "zcbench": Native,
    "zcbench-many": Many,
    "zcbench-in-place": InPlace,
    "zcbench-copying": Copying,
}
