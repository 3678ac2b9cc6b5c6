"""What watching costs an engine: zcbench beside what people watch with today, at the same work.

``python benchmarks/harness_cost.py [--rounds 5] [--seconds 5]`` runs, in turn and in another order each round:
a script that reads the native engine unpaced, alone, under psrecord, mprof, memray (with and without native
stacks) and tracemalloc; and zcbench's own worker, sampled each second and not at all. Watchers that poll do so
each second. It prints packets/s as a ratio to the same work unwatched in the same round, with the middle 90 %
of the bootstrapped median, and what the watching takes of memory: the subject's, and the other processes'.
``--json FILE`` keeps the numbers. psrecord, memory-profiler and memray are left out where not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from zcbench.quantities.units import format_bytes
from zcbench.record.reader import read_record

# What is watched. It says how many packets a second it read, how large it was, and its pid (first, at once).
SUBJECT = """
import json, os, sys, time
import psutil
from zcbench.capture.engine import PoolConfig, StreamFormat
from zcbench.capture.native import NativeEngine
from zcbench.capture.sources import ReplaySource, noise
format = StreamFormat()
source = ReplaySource(noise(format), "noise", pace="unpaced")
with NativeEngine(format, source, PoolConfig(slots=100)) as engine:
    engine.start()
    began = time.perf_counter()
    end = began + {seconds}
    packets = 0
    while time.perf_counter() < end:
        for _ in range(1000):
            engine.read().array
        packets += 1000
    rate = packets / (time.perf_counter() - began)
    with open({out!r}, "w") as out:
        json.dump([rate, psutil.Process().memory_info().rss, os.getpid()], out)
"""
INTERVAL_S = 1.0
PACKETS_PER_S = 100_000  # that zcbench's worker takes, about

Cell = dict[str, float]


def tools(script: Path, folder: Path) -> dict[str, list[str]]:
    """The command of each way to watch ``script``, where it is installed."""
    python = [sys.executable]
    ways = {
        "alone": [*python, str(script)],
        "tracemalloc, 1 frame": [*python, "-X", "tracemalloc=1", str(script)],
    }
    if importlib.util.find_spec("psrecord"):
        code = "from psrecord.main import main; main()"
        line = f"{sys.executable} {script}"
        log = str(folder / "psrecord.txt")
        polled = ["--interval", f"{INTERVAL_S:g}", "--include-children", "--log", log]
        ways["psrecord"] = [*python, "-c", code, line, *polled]
    if importlib.util.find_spec("mprof"):
        polled = ["--interval", f"{INTERVAL_S:g}", "--output", str(folder / "mprof.dat")]
        ways["mprof"] = [*python, "-m", "mprof", "run", *polled, str(script)]
    if importlib.util.find_spec("memray"):
        memray = [*python, "-m", "memray", "run", "--force", "--quiet"]
        ways["memray"] = [*memray, "-o", str(folder / "memray.bin"), str(script)]
        traced = ["--native", "-o", str(folder / "native.bin"), str(script)]
        ways["memray --native"] = [*memray, *traced]
    return ways


def watched(command: list[str], out: Path, folder: Path) -> Cell:
    """Rate and memory of the subject under ``command``, and the memory of the processes around it."""
    out.unlink(missing_ok=True)
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    around: list[tuple[int, int]] = []  # (pid, its most RSS)
    seen: dict[int, int] = {}

    def look() -> None:
        parent = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                for one in (parent, *parent.children(recursive=True)):
                    seen[one.pid] = max(seen.get(one.pid, 0), one.memory_info().rss)
            except psutil.Error:
                pass
            time.sleep(INTERVAL_S)

    looking = threading.Thread(target=look)
    looking.start()
    code = process.wait()
    looking.join()
    if code or not out.is_file():
        raise SystemExit(f"{command}: exit code {code}")
    rate, rss, pid = json.loads(out.read_text())
    around = [(other, most) for other, most in seen.items() if other != pid]
    return {"rate": rate, "subject": rss, "around": float(sum(most for _, most in around))}


def soaked(seconds: float, every: str, folder: Path) -> Cell:
    """The same of zcbench's worker, unpaced, sampled ``every`` so long."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        run = Path(temporary) / "run"
        # An unpaced run's duration is its stream's: so many packets as it reads in about `seconds`.
        stream_s = round(seconds * PACKETS_PER_S / 100)
        command = [
            sys.executable,
            "-m",
            "zcbench",
            "run",
            "crash-debug",
            "--out",
            str(run),
            "--quiet",
        ]
        command += ["--unpaced", "--pool", "100", "--set", "consumer.verify=false"]
        command += ["--duration", f"{stream_s}s", "--sample-every", every, "--report", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1, 4):
            raise SystemExit(done.stderr)
        record = read_record(run)
        found = record.result
        assert found is not None
        totals, samples = found.totals, record.samples
        streamed_s = ((totals["engine.stop_ns"] or 0) - (totals["engine.start_ns"] or 0)) / 1e9
        return {
            "rate": (totals["engine.delivered"] or 0) / streamed_s,
            "subject": most(samples["rss_bytes"]),
            "around": most(samples["supervisor_rss_bytes"]),
        }


def most(values: NDArray[np.float64]) -> float:
    """The largest reading; 0 if there is none."""
    return float(np.nanmax(values, initial=0.0))


def measure(rounds: int, seconds: float, seed: int) -> dict[str, list[Cell]]:
    """Every cell in every round."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        script, out = folder / "subject.py", folder / "out.json"
        script.write_text(SUBJECT.format(seconds=seconds, out=str(out)), encoding="utf-8")

        def way(command: list[str]) -> Callable[[], Cell]:
            return lambda: watched(command, out, folder)

        cells = {name: way(command) for name, command in tools(script, folder).items()}
        cells["zcbench's worker, not sampled"] = lambda: soaked(seconds, "1h", folder)
        cells["zcbench, sampled each second"] = lambda: soaked(seconds, "1s", folder)
        found: dict[str, list[Cell]] = {name: [] for name in cells}
        for number in range(rounds):
            for name in rng.sample(list(cells), len(cells)):
                found[name].append(cells[name]())
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return found


def ratio(cell: list[Cell], base: list[Cell]) -> tuple[float, float, float]:
    """The median of the rounds' ratios of rates, and the middle 90 % of its bootstrap."""
    ratios = np.array([c["rate"] / b["rate"] for c, b in zip(cell, base, strict=True)])
    chosen = np.random.default_rng(1).integers(0, ratios.size, (2000, ratios.size))
    low, high = np.quantile(np.median(ratios[chosen], axis=1), [0.05, 0.95])
    return float(np.median(ratios)), float(low), float(high)


def table(found: Mapping[str, list[Cell]]) -> None:
    """Print it."""
    print("| watched by | packets/s | to unwatched | 90 % | subject's RSS | the watcher's |")
    print("|:--|--:|--:|--:|--:|--:|")

    def median(name: str, what: str) -> float:
        return float(np.median([cell[what] for cell in found[name]]))

    for name, cells in found.items():
        base: Any = "zcbench's worker, not sampled" if name.startswith("zcbench") else "alone"
        middle, low, high = ratio(cells, found[base])
        around = median(name, "around")
        print(
            f"| {name} | {median(name, 'rate'):,.0f} | {middle:.3f} | {low:.3f} to {high:.3f} "
            f"| {size(median(name, 'subject'))} | {size(around)} |"
        )


def size(octets: float) -> str:
    """ "10.99 MiB"; a dash for what was not measured."""
    return format_bytes(octets) if octets else "–"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = measure(options.rounds, options.seconds, options.seed)
    table(found)
    if options.json is not None:
        options.json.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
