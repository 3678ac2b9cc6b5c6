"""What a report of a night costs: 8 hours, 28,800 samples, in every format, beside reading its CSV with numpy.

``python benchmarks/rendering.py [--repeats 5] [--samples 28800]`` makes a record through the project's own
writer, then runs each case in a process of its own, in turn, and prints a Markdown table. A case of zcbench is
the whole of ``zcbench report --format X``: start, reading, judging, rendering, writing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import numpy as np

from zcbench.page.scoreboard import Scoreboard
from zcbench.quantities.parsing import Duration
from zcbench.quantities.registry import STANDARD
from zcbench.quantities.units import format_bytes
from zcbench.record.schema import (
    SAMPLES_FILE,
    SCOREBOARD_FILE,
    WORKER_EVENTS_FILE,
    End,
    Ending,
    Environment,
    Event,
    RunInfo,
)
from zcbench.record.writer import RecordWriter
from zcbench.scenario import Scenario

SAMPLES = 28_800  # one a second for 8 hours
PER_S = 100
PACKET_BYTES = 3840
STARTED_NS = 10**12
STREAM_AFTER_S = 0.5
NUMPY = "numpy.genfromtxt"
FORMATS = ("json", "junit", "md", "html")

# What a child does, then the time and the peak memory of the whole of it.
_CHILD = """
import sys, time
began = time.perf_counter()
{work}
seconds = time.perf_counter() - began
try:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
except ImportError:
    import psutil
    peak = psutil.Process().memory_info().peak_wset
import json
print(json.dumps([seconds, peak]), file=sys.stderr)
"""
_READ = """
import numpy
assert len(numpy.genfromtxt({path!r}, delimiter=",", skip_header=1)) == {samples}
"""
_REPORT = """
from zcbench.cli import cli
try:
    cli(["report", {run!r}, "--format", {name!r}, "--report-dir", {out!r}])
except SystemExit as end:
    assert not end.code, end.code
"""


def write_night(directory: Path, samples: int = SAMPLES, seed: int = 1) -> Path:
    """The record of a sound stream of ``samples`` seconds with its ordinary unrest; returns ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    due = (samples - 1) * PER_S
    run = RunInfo(
        id="synthetic-night",
        started_at="2026-01-01T00:00:00.000+00:00",
        started_ns=STARTED_NS,
        command=["python", "benchmarks/rendering.py"],
        scenario=Scenario(name="synthetic-night", duration=Duration(samples), warmup=Duration(60)),
        environment=Environment(
            system="synthetic", machine="none", processor="none", cores=2, memory_bytes=2**33,
            python="none", zcbench="none", packages={},
        ),
        tracemalloc=True,
        due_packets=due,
        gc_every_s=60.0,
    )  # fmt: skip
    writer = RecordWriter(directory, run)
    noise = {name: rng.lognormal(0.0, 0.6, samples) for name in ("delivery", "hold", "cpu")}
    walk = np.cumsum(rng.integers(-3, 4, samples)) % 512
    for index in range(samples):
        writer.sample(_row(index, samples, noise, walk))
    last = float(samples)
    end = End(ending=Ending.FINISHED, elapsed_s=last, exit_code=0, last_sequence=due - 1, received=due)
    writer.event(Event(elapsed_s=last, kind="end", message="end", data=msgspec.to_builtins(end)))
    writer.close()
    _write_board(directory, _row(samples - 1, samples, noise, walk), rng)
    counts = {"fds": 6, "threads": 5, "children": 0}
    events = [
        Event(elapsed_s=0.1, kind="resources", message="before the stream", data=counts),
        Event(elapsed_s=last, kind="resources", message="after the drain", data=counts),
    ]
    lines = b"".join(msgspec.json.encode(event) + b"\n" for event in events)
    (directory / WORKER_EVENTS_FILE).write_bytes(lines)
    return directory


def _row(
    index: int, samples: int, noise: dict[str, np.ndarray], walk: np.ndarray
) -> dict[str, int | float | None]:
    is_last = index == samples - 1
    n = min((samples - 1) * PER_S, round((index + 1 - STREAM_AFTER_S) * PER_S))
    n = (samples - 1) * PER_S if is_last else n
    delivery, hold, cpu = (float(values[index]) for values in noise.values())
    out = 0 if is_last else int(3 * hold)
    row: dict[str, int | float | None] = dict.fromkeys((one.name for one in STANDARD.sampled), 0)
    for name in ("engine.captured", "engine.delivered", "consumer.received", "consumer.checked"):
        row[name] = n
    row |= {
        "elapsed_s": index + 1.0,
        "phase": 3 if is_last else 1,
        "due": n,
        "engine.start_ns": STARTED_NS + round(STREAM_AFTER_S * 1e9),
        "engine.stop_ns": STARTED_NS + round((samples - 0.5) * 1e9) if is_last else 0,
        "pool.slots": 100,
        "engine.captured_bytes": n * PACKET_BYTES,
        "engine.delivered_bytes": n * PACKET_BYTES,
        "pool.hits": n,
        "pool.high_water": min(90, 4 + index // 600),
        "pool.in_flight": out,
        "pool.returns": n - out,
        "consumer.last_sequence": max(0, n - 1),
        "consumer.rechecked": n - out,
        "consumer.held": out,
        "pool.oldest_lease_ns": out * 10_000_000,
        "python_heap_bytes": 2_000_000 + int(walk[index]) * 64,
        "tracemalloc_bytes": 200_000,
        "native_heap_bytes": 8_000_000 + int(walk[index]) * 128,
        "allocated_blocks": 128_000 + int(walk[index]),
        "gc.collections": 1 + index // 60,
        "gc.full_collections": 1 + index // 60,
        "gc.forced_collections": 1 + index // 60,
        "gc.pause_ns": 30_000 * (1 + index // 60),
        "gc.forced_pause_ns": 30_000 * (1 + index // 60),
        "probe.cost_ns": 300_000 * (index + 1),
        "rss_bytes": None if is_last else 40 * 2**20 + 4096 * int(walk[index] // 64),
        "uss_bytes": None if index % 10 or is_last else 24 * 2**20,
        "threads": None if is_last else 5,
        "fds": None if is_last else 6,
        "children": None if is_last else 0,
        "cpu_user_s": None if is_last else round(0.012 * (index + cpu), 2),
        "cpu_system_s": None if is_last else round(0.005 * (index + cpu), 2),
        "rate_per_s": float(PER_S),
        "delivery_p50_ns": round(160_000 * delivery**0.2),
        "delivery_p99_ns": round(900_000 * delivery),
        "delivery_max_ns": round(3_000_000 * delivery),
        "hold_p50_ns": round(110_000 * hold**0.2),
        "hold_p99_ns": round(600_000 * hold),
        "hold_max_ns": round(2_000_000 * hold),
        "supervisor_rss_bytes": 60 * 2**20,
        "supervisor_cpu_s": round(0.5 + 0.003 * (index + cpu), 2),
        "sample_late_s": 0.0004 * delivery,
        "settled": 1,
    }
    return row


def _write_board(directory: Path, row: dict[str, int | float | None], rng: np.random.Generator) -> None:
    board = Scoreboard.create(directory / SCOREBOARD_FILE)
    for name in board.index:
        value = row.get(name)
        if value is not None:
            board[name] = int(value)
    for timing in STANDARD.histograms:
        for value in rng.lognormal(12.0, 1.0, 5000):
            board.record(timing.column, int(value))


def measure(run: Path, samples: int, repeats: int) -> dict[str, list[tuple[float, int]]]:
    """Seconds and peak bytes of each case, ``repeats`` times, in turn."""
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in (NUMPY, *FORMATS)}
    for _ in range(repeats):
        for name, taken in found.items():
            with tempfile.TemporaryDirectory() as out:
                taken.append(one(name, run, samples, Path(out) / "report"))
    return found


def one(name: str, run: Path, samples: int, out: Path) -> tuple[float, int]:
    """Seconds and peak bytes of one case, in a process of its own."""
    if name == NUMPY:
        work = _READ.format(path=str(run / SAMPLES_FILE), samples=samples)
    else:
        work = _REPORT.format(run=str(run), name=name, out=str(out))
    child = subprocess.run(
        [sys.executable, "-c", _CHILD.format(work=work)], capture_output=True, text=True, check=True
    )
    seconds, peak = json.loads(child.stderr.splitlines()[-1])
    return seconds, peak


def table(found: dict[str, list[tuple[float, int]]]) -> str:
    """Medians, and their ratios to numpy's of the same round: median and quartiles."""
    lines = [
        "| | Time | Ratio to numpy (quartiles) | Peak memory | Ratio to numpy |",
        "|:--|--:|--:|--:|--:|",
    ]
    for name, taken in found.items():
        seconds = statistics.median(s for s, _ in taken)
        peak = statistics.median(p for _, p in taken)
        ratios = [s / base for (s, _), (base, _) in zip(taken, found[NUMPY], strict=True)]
        low, middle, high = (float(q) for q in np.percentile(ratios, [25, 50, 75]))
        more = peak / statistics.median(p for _, p in found[NUMPY])
        said = name if name == NUMPY else f"`zcbench report --format {name}`"
        lines.append(
            f"| {said} | {seconds:.2f} s | {middle:.2f} ({low:.2f} to {high:.2f}) "
            f"| {format_bytes(peak)} | {more:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = write_night(Path(folder) / "night", arguments.samples)
        size = (run / SAMPLES_FILE).stat().st_size
        print(f"{arguments.samples:,} samples, {SAMPLES_FILE}: {format_bytes(size)}\n")
        print(table(measure(run, arguments.samples, arguments.repeats)))


if __name__ == "__main__":
    main()
