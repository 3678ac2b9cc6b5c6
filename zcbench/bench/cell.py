"""One measurement in a process of its own: ``python -m zcbench.bench.cell`` with a :class:`Order` on stdin.

Prints a :class:`Measured` on stdout.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from itertools import islice
from typing import Any

import msgspec

from zcbench.bench.allocations import Allocated, allocated, can_count
from zcbench.bench.memory import peak_bytes
from zcbench.bench.peers import MEMCPY, PEERS, Peer
from zcbench.bench.work import Reading, Work, take


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure: ``counting`` adds the allocations, and makes the times worthless but as an estimate."""

    peer: str
    work: Work
    counting: bool = False


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Of each packet: time passed, CPU time of all threads and processes, and of the application's threads;
    blocks of Python's allocator in use at the end of the clock over those at its beginning. ``peak_bytes`` is
    the process's, with interpreter and all."""

    wall_ns: float
    cpu_ns: float
    application_ns: float
    kept_blocks: float
    peak_bytes: int | None
    allocated: Allocated | None = None


class WrongPacketsError(Exception):
    """A peer lost, repeated or damaged packets."""


def measure(order: Order) -> Measured:
    """Do the work of ``order``. Raises WrongPacketsError."""
    peer: Any = PEERS[order.peer].load()
    run = _copied if order.peer == MEMCPY else _done
    found = run(peer, order.work)
    if order.counting and can_count():
        counted = allocated(order.work, lambda work: run(peer, work))
        found = msgspec.structs.replace(found, allocated=counted)
    return found


def _copied(kind: Any, work: Work) -> Measured:
    memcpy = kind(work)
    memcpy.run(work.warm * work.threads)
    packets = work.timed * work.threads
    cpu = time.process_time_ns()
    wall = memcpy.run(packets)
    cpu = time.process_time_ns() - cpu
    return Measured(
        wall_ns=wall / packets,
        cpu_ns=cpu / packets,
        application_ns=cpu / packets,
        kept_blocks=0.0,
        peak_bytes=peak_bytes(),
    )


class _Clock:
    """What the process had used when the first thread began, and when the last one ended."""

    def __init__(self) -> None:
        self.cpu_ns: list[int] = []
        self.blocks: list[int] = []

    def note(self) -> None:
        self.blocks.append(sys.getallocatedblocks())
        self.cpu_ns.append(time.process_time_ns())


def _done(kind: type[Peer], work: Work) -> Measured:
    peer = kind(work)
    clock, readings, failed = _Clock(), list[Reading](), list[BaseException]()

    def run(thread: int) -> None:
        try:
            readings.append(_read(peer, work, thread, clock))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(work.threads)]
    peer.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    peak = peak_bytes()
    peer.close()
    total = sum(reading.total for reading in readings)
    if total != work.expected:
        raise WrongPacketsError(f"the samples read add up to {total:,.0f}, not {work.expected:,.0f}")
    timed = work.timed * work.threads
    wall = max(one.end_ns for one in readings) - min(one.begin_ns for one in readings)
    return Measured(
        wall_ns=wall / timed,
        cpu_ns=(max(clock.cpu_ns) - min(clock.cpu_ns)) / timed + peer.producer_cpu_ns() / work.packets,
        application_ns=sum(reading.cpu_ns for reading in readings) / timed,
        kept_blocks=(clock.blocks[-1] - clock.blocks[0]) / timed,
        peak_bytes=peak,
    )


def _read(peer: Peer, work: Work, thread: int, clock: _Clock) -> Reading:
    packets = peer.packets(thread)
    holding: deque[Any] = deque(maxlen=work.held)
    total = take(islice(packets, work.warm), holding)
    clock.note()
    cpu, begin = time.thread_time_ns(), time.perf_counter_ns()
    total += take(islice(packets, work.timed), holding)
    end = time.perf_counter_ns()
    cpu = time.thread_time_ns() - cpu
    clock.note()
    total += take(islice(packets, work.tail), holding)
    return Reading(begin, end, cpu, total)


def main() -> None:
    """The child's entry point."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(measure(order)))


if __name__ == "__main__":
    main()
