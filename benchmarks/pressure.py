"""A paced stream under pressure: is anything lost in the callback, and how long does it take?

``python benchmarks/pressure.py`` replays noise at 1,000 packets/s into the native engine, in a process of its
own for each of: nothing, threads that keep the GIL, full collections without end, page faults, malloc,
memory, busy processes, and a reader below those in priority. Every byte is compared. ``--priority N``
captures with a real-time thread (Linux), ``--lock`` with a locked pool. The table is Markdown, on stdout;
``--json FILE`` keeps the numbers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from pressures import PRESSURES, meaning

HEADER = (
    "| beside | packets due | captured | dropped | wrong | callback p50 | p99 | p99.9 | max | delivered "
    "after p50 | p99 | max | slots |\n|:--|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)
PERCENTILES = (50.0, 99.0, 99.9)
FRAMES = 48  # 1 ms


def measure(name: str, seconds: float, priority: int | None, lock: bool) -> dict[str, Any]:
    """Read a stream of ``seconds`` under the pressure ``name``; counts, and times in µs."""
    from zcbench.capture.engine import PoolConfig, StreamFormat
    from zcbench.capture.native import NativeEngine
    from zcbench.capture.sources import ReplaySource, noise
    from zcbench.consumers.verifying import ReplayVerifier

    format = StreamFormat(frames=FRAMES)
    limit = round(seconds * format.packets_per_s)
    source = ReplaySource(noise(format), "noise", limit=limit, priority=priority)
    # Half of the pool is a second of the stream: a reader may be away so long before the pool has to grow.
    pool = PoolConfig(slots=2_000, policy="adaptive", max=100_000, queue=100_000, lock=lock)
    verify = ReplayVerifier(source, FRAMES)
    wrong = 0
    with NativeEngine(format, source, pool) as engine:
        engine.start()  # before the pressure: a thread inherits the priority of the one that starts it
        with PRESSURES[name]():
            for packet in engine:
                wrong += not verify(packet)
                del packet
        stats = engine.stats()
        callback = engine.scoreboard.histogram("callback_ns")
        delivery = engine.scoreboard.histogram("delivery_ns")
    found = {"pressure": name, "due": limit, "captured": stats.captured, "dropped": stats.drops}
    found |= {"wrong": wrong, "slots": stats.slots}
    for what, times in (("callback", callback), ("delivery", delivery)):
        at = {f"p{p:g}": (times.percentile(p) or 0.0) / 1e3 for p in PERCENTILES}
        found[f"{what}_us"] = at | {"max": times.max_ns / 1e3}
    return found


def row(cell: dict[str, Any]) -> str:
    """A line of the table."""
    callback, delivery = cell["callback_us"], cell["delivery_us"]
    times = [*callback.values(), delivery["p50"], delivery["p99"], delivery["max"]]
    shown = " | ".join(_time(us) for us in times)
    return (
        f"| {meaning(cell['pressure'])} | {cell['due']:,} | {cell['captured']:,} | {cell['dropped']:,} | "
        f"{cell['wrong']:,} | {shown} | {cell['slots']:,} |"
    )


def _time(us: float) -> str:
    if us >= 10_000:
        return f"{us / 1e3:,.0f} ms"
    return f"{us:,.0f} µs" if us >= 10 else f"{us:.1f} µs"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PRESSURES), help="some of: %(default)s")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each stream")
    parser.add_argument("--priority", type=int, help="real-time priority of the capturing thread")
    parser.add_argument("--lock", action="store_true", help="lock the pool's memory")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument("--one", choices=PRESSURES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        found = measure(arguments.one, arguments.seconds, arguments.priority, arguments.lock)
        print(json.dumps(found))
        return
    options = ["--seconds", str(arguments.seconds)]
    options += ["--priority", str(arguments.priority)] if arguments.priority else []
    options += ["--lock"] if arguments.lock else []
    cells = []
    print(HEADER)
    for name in arguments.only.split(","):
        done = subprocess.run(
            [sys.executable, __file__, "--one", name, *options],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            why = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
            sys.exit(f"pressure: {name}: {why[-1]}")
        cells.append(json.loads(done.stdout))
        print(row(cells[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"cells": cells}, indent=1) + "\n")


if __name__ == "__main__":
    main()
