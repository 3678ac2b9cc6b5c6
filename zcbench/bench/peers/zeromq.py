"""pyzmq: PUSH and PULL over inproc, ``copy=False`` at both ends, as its documentation sends arrays.

The message must own its memory until it was sent, and the callback's buffer is the driver's: so it is
copied into ``bytes`` first. Below ``zmq.COPY_THRESHOLD`` (64 KiB) pyzmq copies once more: that is cheaper.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import numpy as np
import zmq

from zcbench.bench.peers.producer import Producer
from zcbench.bench.work import DEPTH, Packet, Work


class ZeroMq:
    """A pair of sockets for each thread, dealt out in turn: a single PUSH deals by who has room."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._context = zmq.Context()
        names = [f"inproc://bench-{thread}" for thread in range(work.threads)]
        self._pushes = [self._socket(zmq.PUSH) for _ in names]
        self._pulls = [self._socket(zmq.PULL) for _ in names]
        for push, pull, name in zip(self._pushes, self._pulls, names, strict=True):
            push.bind(name)
            pull.connect(name)
        self._sends = cycle([push.send for push in self._pushes])
        self._producer = Producer(work, self._callback)

    def _socket(self, kind: zmq.SocketType) -> zmq.Socket[bytes]:
        made = self._context.socket(kind)
        # Inproc has one pipe, as long as both ends' high-water marks together.
        made.set_hwm(max(1, DEPTH // 2 // self._work.threads))
        return made

    def _callback(self, indata: Packet) -> None:
        next(self._sends)(bytes(indata), copy=False)

    def start(self) -> None:
        """See Peer."""
        self._producer.start()

    def packets(self, thread: int) -> Iterator[Packet]:
        """See Peer."""
        receive, shape = self._pulls[thread].recv, self._work.shape
        for _ in range(self._work.share):
            yield np.frombuffer(receive(copy=False).buffer, np.float32).reshape(shape)

    def close(self) -> None:
        """See Peer."""
        self._producer.join()
        self._context.destroy(linger=0)

    def producer_cpu_ns(self) -> int:
        """See Peer."""
        return 0


PEERS = {"pyzmq": ZeroMq}
