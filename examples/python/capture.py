"""A capture loop in Python with a small pool, which publishes what it counts on the page of its run.

    zcbench run soak.toml

SIGTERM, or the end of --seconds, drains the pool. --lose-every 50 forgets to give back one slot in 50.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections import deque

import zcbench.page

SLOTS, BLOCK_BYTES = 100, 3840

options = argparse.ArgumentParser()
options.add_argument("--seconds", type=float, default=float("inf"))
options.add_argument("--rate", type=float, default=100)
options.add_argument("--hold-ms", type=float, default=30)
options.add_argument("--lose-every", type=int, default=0)
given = options.parse_args()

page = zcbench.page.open()
captured = page.total("engine.captured", "packets")
drops = page.total("engine.drops", "packets")
hits = page.total("pool.hits", "acquires")
misses = page.total("pool.misses", "acquires")
refused = page.total("pool.refused", "acquires")
returns = page.total("pool.returns", "returns")
in_flight = page.gauge("pool.in_flight", "leases")
high_water = page.gauge("pool.high_water", "leases")
delivered = page.total("engine.delivered", "packets")
received = page.total("consumer.received", "packets")
last_sequence = page.gauge("consumer.last_sequence", "sequence")
hold = page.histogram("hold_ns", "ns")
page.constant("pool.slots", "slots", SLOTS)
in_flight.set(0)
high_water.set(0)
page.law("engine.captured == pool.hits + pool.misses")
page.law("engine.captured == pool.returns + pool.in_flight + pool.refused")

free = deque(bytearray(BLOCK_BYTES) for _ in range(SLOTS))
held: deque[tuple[int, int, bytearray]] = deque()
stopped: list[int] = []
signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
signal.signal(signal.SIGINT, lambda number, frame: stopped.append(number))


def give_back() -> None:
    """Return the slot that has been held longest; one that is lost stays in flight for ever."""
    sequence, taken_ns, slot = held.popleft()
    if given.lose_every and sequence % given.lose_every == 0:
        return
    hold.record(time.monotonic_ns() - taken_ns)
    free.append(slot)
    in_flight.add(-1)
    returns.add()


page.state = zcbench.page.State.READY
start = time.monotonic()
sequence = 0
while not stopped and time.monotonic() - start < given.seconds:
    sequence += 1
    captured.add()
    if free:
        slot = free.popleft()
        slot[:] = bytes([sequence & 0xFF]) * BLOCK_BYTES
        held.append((sequence, time.monotonic_ns(), slot))
        hits.add()
        in_flight.add()
        high_water.raise_to(in_flight.get() or 0)
        delivered.add()
        last_sequence.set(sequence)
        received.add()
    else:
        misses.add()
        refused.add()
        drops.add()
    while held and time.monotonic_ns() - held[0][1] >= given.hold_ms * 1e6:
        give_back()
    time.sleep(max(0.0, start + sequence / given.rate - time.monotonic()))

page.state = zcbench.page.State.DRAINING
while held:
    give_back()
page.state = zcbench.page.State.DONE
