"""A ring in ``multiprocessing.shared_memory``, written by a process of its own: what it is there for.

Two semaphores count what may be written and what may be read. The array is a view of the ring: one that is kept
longer than the ring's turn is overwritten.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from itertools import cycle, islice
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

from zcbench.bench.work import Packet, Work, blocks


class SharedRing:
    """A ring for each thread, dealt out by one producer, which shares no GIL with the application."""

    def __init__(self, work: Work) -> None:
        self._work = work
        context = multiprocessing.get_context("spawn")
        rings = work.threads * work.ring_slots * work.size
        self._memory = SharedMemory(create=True, size=rings)
        self._free = [context.Semaphore(work.ring_slots) for _ in range(work.threads)]
        self._ready = [context.Semaphore(0) for _ in range(work.threads)]
        self._cpu_ns = context.Value("q", 0)
        self._go = context.Event()
        self._up = context.Event()
        ends = (self._free, self._ready, self._cpu_ns, self._up, self._go)
        self._producer = context.Process(target=_produce, args=(work, self._memory.name, *ends), daemon=True)
        self._producer.start()
        self._up.wait()

    def start(self) -> None:
        """See Peer."""
        self._go.set()

    def packets(self, thread: int) -> Iterator[Packet]:
        """See Peer."""
        work, ring = self._work, _rings(self._work, self._memory)[thread]
        wait, give_back = self._ready[thread].acquire, self._free[thread].release
        for number, array in enumerate(islice(cycle(ring), work.share)):
            wait()
            yield array
            if number >= work.held:
                give_back()

    def close(self) -> None:
        """See Peer."""
        self._producer.join()
        self._memory.close()
        self._memory.unlink()

    def producer_cpu_ns(self) -> int:
        """See Peer."""
        return int(self._cpu_ns.value)


def _rings(work: Work, memory: SharedMemory) -> list[list[Packet]]:
    """Each thread's packets, as arrays."""
    shape = (work.threads, work.ring_slots, *work.shape)
    whole: Packet = np.ndarray(shape, np.float32, memory.buf)
    return [list(ring) for ring in whole]


def _produce(work: Work, name: str, free: list[Any], ready: list[Any], cpu_ns: Any, up: Any, go: Any) -> None:
    memory = SharedMemory(name)
    rings = [cycle(ring) for ring in _rings(work, memory)]
    ways = cycle([(one.acquire, ring, two.release) for one, ring, two in zip(free, rings, ready, strict=True)])
    source = cycle(blocks(work))
    copyto = np.copyto
    up.set()
    go.wait()
    began = time.process_time_ns()
    for _ in range(work.packets):
        wait, ring, publish = next(ways)
        wait()
        copyto(next(ring), next(source))
        publish()
    cpu_ns.value = time.process_time_ns() - began


PEERS = {"shared-memory": SharedRing}
