"""What handing over one packet costs: read -> array -> return, against the usual copy.

Both sides read the same packets of the same native engine, in turns, in one run. The usual way copies the
packet into ``bytes`` and makes an array with ``np.frombuffer``. Run it with ``make bench``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from zcbench.capture.engine import PoolConfig, StreamFormat
from zcbench.capture.native import NativeEngine
from zcbench.capture.sources import ReplaySource, noise

BATCH = 1000  # packets a round; all of them queued before the clock starts


def zero_copy_ns(engine: NativeEngine) -> float:
    """Mean ns a packet of read -> array -> return."""
    read = engine.read
    began = time.perf_counter_ns()
    for _ in range(BATCH):
        array = read().array
    del array
    return (time.perf_counter_ns() - began) / BATCH


def copy_ns(engine: NativeEngine) -> float:
    """Mean ns a packet of read -> bytes copy -> np.frombuffer -> return."""
    read, shape = engine.read, (engine.format.frames, engine.format.channels)
    began = time.perf_counter_ns()
    for _ in range(BATCH):
        array = np.frombuffer(bytes(read()), np.float32).reshape(shape)
    del array
    return (time.perf_counter_ns() - began) / BATCH


def measure(rounds: int, frames: int = 480) -> list[tuple[float, float]]:
    """(zero-copy ns, copy ns) of each round; the two take turns in going first."""
    format = StreamFormat(frames=frames)
    source = ReplaySource(noise(format), "noise", pace="manual")
    with NativeEngine(format, source, PoolConfig(slots=BATCH, queue=2 * BATCH)) as engine:
        engine.start()

        def once(side: Callable[[NativeEngine], float]) -> float:
            assert engine.produce(BATCH) == BATCH
            return side(engine)

        pairs = []
        for number in range(rounds):
            if number % 2:
                copied = once(copy_ns)
                pairs.append((once(zero_copy_ns), copied))
            else:
                zero = once(zero_copy_ns)
                pairs.append((zero, once(copy_ns)))
    return pairs


def main() -> None:
    """Print the medians and the ratio with its quartiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--frames", type=int, default=480)
    chosen = parser.parse_args()
    pairs = measure(chosen.rounds, chosen.frames)
    ratios = [zero / copied for zero, copied in pairs]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"packet                 {StreamFormat(frames=chosen.frames).packet_bytes:,} bytes")
    print(
        f"zero-copy              {statistics.median(z for z, _ in pairs):,.0f} ns a packet (median)"
    )
    print(
        f"bytes + np.frombuffer  {statistics.median(c for _, c in pairs):,.0f} ns a packet (median)"
    )
    print(
        f"ratio                  {middle:.3f} (quartiles {low:.3f} to {high:.3f}, {chosen.rounds} rounds)"
    )


if __name__ == "__main__":
    main()
