"""How fast do packets come into Python, and does that hang on the pool's size, the run's length, other engines?

``python benchmarks/scaling.py`` prints five tables in Markdown, ``--json FILE`` keeps the numbers. Every cell
is a ratio to the first of its table, from rounds in which all cells took turns; the interval is the middle 90 %
of the medians of 2,000 bootstrap samples of the rounds.

Steps: a packet of 3,840 bytes, one step after the other in one thread (manual pace), with nothing to wait for;
"usual" copies it into ``bytes`` and makes an array of that. Rates: one engine, unpaced, 64 bytes a packet, read
in four ways. Pools: acquire and return of one packet in the producer's and reader's thread (manual pace), with
10 to 100,000 slots, all of which are used in turn; and the same late in a run. Engines: 1 to 32 engines in one
process, each with an unpaced source, read by a thread each. Large packets: 256 KiB, copied by a bare ``memcpy``
into 65 slots, and handed over by engines with 65 slots and fewer.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from zcbench.bench import _native
from zcbench.bench.work import on_pages
from zcbench.capture.engine import PoolConfig, StreamFormat
from zcbench.capture.native import NativeEngine
from zcbench.capture.sources import Pace, ReplaySource, noise

Rounds = dict[str, list[float]]

SMALL = StreamFormat(frames=8)  # 64 bytes
PACKETS = 200_000
BATCH = 256
QUEUED = 4 * BATCH
SLOTS = (10, 100, 1_000, 10_000, 100_000)
TURNS = 20_000  # acquire and return, in a cell of a round
ENGINES = (1, 2, 4, 8, 16, 32)
LARGE = StreamFormat(frames=2**15)  # 256 KiB
LARGE_SLOTS = (65, 16, 8)
LARGE_PACKETS = 6_000


def engine(format: StreamFormat, slots: int, pace: Pace, limit: int | None = None) -> NativeEngine:
    """A native engine over noise."""
    source = ReplaySource(noise(format), "noise", pace=pace, limit=limit)
    return NativeEngine(format, source, PoolConfig(slots=slots, policy="block", queue=4096))


# -- steps: each takes QUEUED packets


def usual(running: NativeEngine) -> None:
    """A copy into ``bytes``, and an array of that."""
    read = running.read
    for _ in range(QUEUED):
        np.frombuffer(bytes(read()), np.float32)  # type: ignore[arg-type]


def read_only(running: NativeEngine) -> None:
    """A packet and its lease, made and let go."""
    read = running.read
    for _ in range(QUEUED):
        read()


def read_array(running: NativeEngine) -> None:
    """The same with its array."""
    read = running.read
    for _ in range(QUEUED):
        _ = read().array  # type: ignore[union-attr]


def read_batch(running: NativeEngine) -> None:
    """Up to 256 at once."""
    for _ in range(QUEUED // BATCH):
        running.read_many(BATCH)


STEPS: Mapping[str, Callable[[NativeEngine], None]] = {
    "usual: `read()`, `bytes`, `np.frombuffer`, return": usual,
    "`read()`, return": read_only,
    "`read()`, `packet.array`, return": read_array,
    "`read_many(256)`, return": read_batch,
}
PRODUCE = "the producer: acquire, copy 3,840 bytes, publish"


def steps(rounds: int, rng: random.Random) -> Rounds:
    """ns a packet of each step: in each round the median of 50 goes, each cell in turn in each of them."""
    found: Rounds = {name: [] for name in (*STEPS, PRODUCE)}
    with engine(StreamFormat(), QUEUED, "manual") as running:
        running.start()
        for _ in range(rounds):
            goes: Rounds = {name: [] for name in found}
            for _ in range(50):
                for name in rng.sample(list(STEPS), len(STEPS)):
                    began = time.perf_counter_ns()
                    running.produce(QUEUED)
                    queued = time.perf_counter_ns()
                    STEPS[name](running)
                    goes[name].append((time.perf_counter_ns() - queued) / QUEUED)
                    goes[PRODUCE].append((queued - began) / QUEUED)
            for name, taken in goes.items():
                found[name].append(float(np.median(taken)))
    return found


# -- rates: each takes every packet of an engine


def by_iteration(running: NativeEngine) -> None:
    """One packet after the other."""
    for _ in running:
        pass


def arrays_by_iteration(running: NativeEngine) -> None:
    """The array of each."""
    for packet in running:
        _ = packet.array


def by_read_many(running: NativeEngine) -> None:
    """Up to 256 at once."""
    while running.read_many(BATCH):
        pass


def arrays_by_read_many(running: NativeEngine) -> None:
    """The array of each of up to 256."""
    while packets := running.read_many(BATCH):
        for packet in packets:
            _ = packet.array


WAYS: Mapping[str, Callable[[NativeEngine], None]] = {
    "`for packet in engine`": by_iteration,
    "the same, with `packet.array`": arrays_by_iteration,
    "`read_many(256)`": by_read_many,
    "the same, with `packet.array` of each": arrays_by_read_many,
}


def ns_a_packet(way: Callable[[NativeEngine], None]) -> float:
    """Time of a packet from an unpaced source to Python and back."""
    with engine(SMALL, 1024, "unpaced", PACKETS) as running:
        began = time.perf_counter_ns()
        running.start()
        way(running)
        return (time.perf_counter_ns() - began) / PACKETS


# -- pools


def turn_ns(running: NativeEngine) -> float:
    """Acquire, fill with 64 bytes, read and return, one packet at a time."""
    produce, read = running.produce, running.read
    began = time.perf_counter_ns()
    for _ in range(TURNS):
        produce(1)
        read()
    return (time.perf_counter_ns() - began) / TURNS


def pools(rounds: int, rng: random.Random) -> Rounds:
    """ns a turn by the number of slots; "late" is 100 slots after more than a million packets."""
    engines = {f"{slots:,} slots": engine(SMALL, slots, "manual") for slots in SLOTS}
    engines["100 slots, after 1,000,000 packets"] = late = engine(SMALL, 100, "manual")
    for running in engines.values():
        running.start()
    for _ in range(1_000_000 // BATCH + 1):
        late.produce(BATCH)
        late.read_many(BATCH)
    found = take_turns(
        {name: lambda running=running: turn_ns(running) for name, running in engines.items()},
        rounds,
        rng,
    )
    for running in engines.values():
        running.close()
    return found


# -- engines


def per_packet_ns(count: int) -> float:
    """Wall time over all packets of ``count`` engines side by side, each of 3,840 bytes a packet."""
    packets = PACKETS // 4 // count
    running = [engine(StreamFormat(), 64, "unpaced", packets) for _ in range(count)]
    readers = [threading.Thread(target=by_read_many, args=(one,)) for one in running]
    began = time.perf_counter_ns()
    for one, reader in zip(running, readers, strict=True):
        one.start()
        reader.start()
    for reader in readers:
        reader.join()
    took = time.perf_counter_ns() - began
    for one in running:
        one.close()
    return took / (packets * count)


# -- large packets


def memcpy_ns() -> float:
    """A packet's bytes from one of 8 places into the next of 65."""
    source, slots = (on_pages((n, LARGE.frames, 2)) for n in (8, LARGE_SLOTS[0]))
    return _native.copy_packets(source, slots, LARGE.packet_bytes, LARGE_PACKETS) / LARGE_PACKETS


def large_ns(slots: int) -> float:
    """A packet's time from one core to the other, first sample read; a third of them to warm up."""
    pcm = on_pages((8 * LARGE.frames, 2))
    source = ReplaySource(pcm, "ones", pace="unpaced", limit=LARGE_PACKETS)
    with NativeEngine(LARGE, source, PoolConfig(slots, "block", queue=64)) as running:
        running.start()
        for packet in running:
            packet.array.item(0)
            if packet.sequence == LARGE_PACKETS // 3:
                began = time.perf_counter_ns()
        del packet
    return (time.perf_counter_ns() - began) / (LARGE_PACKETS - LARGE_PACKETS // 3)


# -- rounds, ratios, tables


def take_turns(cells: Mapping[str, Callable[[], float]], rounds: int, rng: random.Random) -> Rounds:
    """Each cell once a round, in another order each time."""
    found: Rounds = {name: [] for name in cells}
    for _ in range(rounds):
        for name in rng.sample(list(cells), len(cells)):
            found[name].append(cells[name]())
    return found


def ratio(cell: Sequence[float], base: Sequence[float]) -> tuple[float, float, float]:
    """The median of the rounds' ratios, and the middle 90 % of its bootstrap."""
    ratios = np.asarray(cell) / np.asarray(base)
    random_rounds = np.random.default_rng(1).integers(0, ratios.size, (2000, ratios.size))
    low, high = np.quantile(np.median(ratios[random_rounds], axis=1), [0.05, 0.95])
    return float(np.median(ratios)), float(low), float(high)


def table(title: str, found: Rounds) -> None:
    """Print ``found`` with ratios to its first cell."""
    base = next(iter(found.values()))
    print(f"| {title} | ns a packet | packets/s | ratio | 90 % |\n|:--|--:|--:|--:|--:|")
    for name, cell in found.items():
        middle, low, high = ratio(cell, base)
        ns = float(np.median(cell))
        print(f"| {name} | {ns:,.0f} | {1e9 / ns:,.0f} | {middle:.2f} | {low:.2f} to {high:.2f} |")
    print()


def main() -> None:
    """Print the five tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    tables = {
        "3,840 bytes in one thread": steps(options.rounds, rng),
        "64-byte packets into Python": take_turns(
            {name: lambda way=way: ns_a_packet(way) for name, way in WAYS.items()},
            options.rounds,
            rng,
        ),
        "acquire, read, return": pools(options.rounds, rng),
        f"3,840-byte packets of several engines, {cores} cores": take_turns(
            {f"{n} engine" + "s" * (n > 1): lambda n=n: per_packet_ns(n) for n in ENGINES},
            options.rounds,
            rng,
        ),
        "256 KiB packets": take_turns(
            {"`memcpy` in C, one thread, into 65 places": memcpy_ns}
            | {f"{n} slots": lambda n=n: large_ns(n) for n in LARGE_SLOTS},
            options.rounds,
            rng,
        ),
    }
    for title, found in tables.items():
        table(title, found)
    if options.json is not None:
        options.json.write_text(json.dumps(tables), encoding="utf-8")


if __name__ == "__main__":
    main()
