"""iceoryx2's Python bindings: publish-subscribe over shared memory, from a process of its own.

The publisher loans a sample, copies the driver's buffer into it and sends it; with ``RetryUntilDelivered`` it
waits where the subscriber is behind. The application polls, makes an array over the payload, and keeps the
sample for as long as the array, which does not own it.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import iceoryx2 as iox
import numpy as np

from zcbench.bench.work import FRAME_BYTES, Packet, Work, blocks

_BYTES = iox.Slice[ctypes.c_uint8]


class Iceoryx:
    """A service for each thread, since a publisher sends each packet to all its subscribers."""

    def __init__(self, work: Work) -> None:
        iox.set_log_level(iox.LogLevel.Error)
        self._work = work
        self._node = iox.NodeBuilder.new().create(iox.ServiceType.Ipc)
        names = [f"zcbench/{os.getpid()}/{thread}" for thread in range(work.threads)]
        self._services = [_service(self._node, name, work) for name in names]
        self._subscribers = [one.subscriber_builder().create() for one in self._services]
        context = multiprocessing.get_context("spawn")
        self._cpu_ns = context.Value("q", 0)
        self._up, self._go, self._done = (context.Event() for _ in range(3))
        marks = (self._up, self._go, self._done)
        self._producer = context.Process(target=_produce, args=(work, names, self._cpu_ns, *marks), daemon=True)
        self._producer.start()
        self._up.wait()

    def start(self) -> None:
        """See Peer."""
        for subscriber in self._subscribers:
            # Connects: to a subscriber that never looked, a publisher delivers no more than fits.
            assert subscriber.receive() is None
        self._go.set()

    def packets(self, thread: int) -> Iterator[Packet]:
        """See Peer."""
        receive, sleep, shape = self._subscribers[thread].receive, time.sleep, self._work.shape
        kept: deque[Any] = deque(maxlen=self._work.held + 1)
        for _ in range(self._work.share):
            while (sample := receive()) is None:
                sleep(0)
            kept.append(sample)
            yield np.frombuffer(sample.payload().as_memory_view(), np.float32).reshape(shape)

    def close(self) -> None:
        """See Peer."""
        self._done.set()
        self._producer.join()
        self._subscribers.clear()
        self._services.clear()
        del self._node

    def producer_cpu_ns(self) -> int:
        """See Peer."""
        return int(self._cpu_ns.value)


def _service(node: Any, name: str, work: Work) -> Any:
    return (
        node.service_builder(iox.ServiceName.new(name))
        .publish_subscribe(_BYTES)
        .payload_alignment(iox.Alignment.new(FRAME_BYTES))
        .enable_safe_overflow(False)
        .history_size(0)
        .max_publishers(1)
        .max_subscribers(1)
        .subscriber_max_buffer_size(work.ring_slots)
        .subscriber_max_borrowed_samples(work.held + 2)
        .open_or_create()
    )


def _produce(work: Work, names: list[str], cpu_ns: Any, up: Any, go: Any, done: Any) -> None:
    iox.set_log_level(iox.LogLevel.Error)
    node = iox.NodeBuilder.new().create(iox.ServiceType.Ipc)
    services = [_service(node, name, work) for name in names]
    publishers = [
        service.publisher_builder()
        .initial_max_slice_len(work.size)
        .max_loaned_samples(1)
        .backpressure_strategy(iox.BackpressureStrategy.RetryUntilDelivered)
        .create()
        for service in services
    ]
    source = [(block, block.ctypes.data) for block in blocks(work)]
    copy, size = ctypes.memmove, work.size
    up.set()
    go.wait()
    began = time.process_time_ns()
    for publisher, (_, address) in islice(zip(cycle(publishers), cycle(source)), work.packets):
        sample = publisher.loan_slice_uninit(size)
        copy(sample.payload_ptr, address, size)
        sample.assume_init().send()
    cpu_ns.value = time.process_time_ns() - began
    done.wait()  # what a publisher has sent is gone with it


PEERS = {"iceoryx2": Iceoryx}
