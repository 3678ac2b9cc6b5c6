"""The ordinary way with sounddevice: the callback copies into ``bytes`` and puts them into a ``queue.Queue``.

As its documentation does for a ``RawInputStream`` (``bytes(indata)``); the application makes an array with
``np.frombuffer``. A Python thread calls the callback: one of PortAudio's would have to take the GIL first.
"""

from __future__ import annotations

from collections.abc import Iterator
from queue import Queue

import numpy as np

from zcbench.bench.peers.producer import Producer
from zcbench.bench.work import DEPTH, Packet, Work


class Queued:
    """One queue for all threads; it blocks the callback where an audio callback would have to drop."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._queue: Queue[bytes] = Queue(DEPTH)
        self._producer = Producer(work, self._callback)

    def _callback(self, indata: Packet) -> None:
        self._queue.put(bytes(indata))

    def start(self) -> None:
        """See Peer."""
        self._producer.start()

    def packets(self, thread: int) -> Iterator[Packet]:
        """See Peer."""
        get, frombuffer, shape = self._queue.get, np.frombuffer, self._work.shape
        for _ in range(self._work.share):
            yield frombuffer(get(), np.float32).reshape(shape)

    def close(self) -> None:
        """See Peer."""
        self._producer.join()

    def producer_cpu_ns(self) -> int:
        """See Peer."""
        return 0


PEERS = {"queue": Queued}
