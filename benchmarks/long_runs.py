"""What a long run costs the harness: a real run sampled every 10 ms, so that a night's samples come in minutes.

``python benchmarks/long_runs.py [--samples 300,2000,8000,17280]`` makes a run for each number of samples (72
hours of the ``nightly`` scenario are 17,280, one each 15 s) and prints, in Markdown: the supervisor's resident
memory after 200 samples and its most, its CPU time and its bytes on disk for each sample, and the time and peak
memory of ``zcbench report`` from that record, beside numpy reading its CSV. ``--keep DIR`` keeps the records.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rendering import NUMPY, one

from zcbench.quantities.units import format_bytes
from zcbench.record.reader import read_record

EVERY_S = 0.01  # the shortest interval there is
SETTLED = 200  # samples after which the supervisor has imported and allocated what it needs
FORMATS = ("json", "md", "html")
NIGHTLY_EVERY_S = 15.0


def run(directory: Path, samples: int) -> None:
    """A real run of ``samples`` samples into ``directory``."""
    command = [
        sys.executable,
        "-m",
        "zcbench",
        "run",
        "crash-debug",
        "--out",
        str(directory),
        "--quiet",
    ]
    command += ["--duration", f"{samples * EVERY_S:g}s", "--sample-every", f"{EVERY_S:g}s"]
    command += ["--set", "sampling.tracemalloc=false", "--report", "json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (
        0,
        1,
        4,
    ):  # a verdict; on a busy machine of 100 samples a second it may be any
        raise SystemExit(done.stderr)


def row(directory: Path) -> str:
    """The table's row of the run in ``directory``."""
    record = read_record(directory)
    samples = record.samples
    taken = samples["elapsed_s"].size
    rss, cpu = samples["supervisor_rss_bytes"], samples["supervisor_cpu_s"]
    known = np.flatnonzero(np.isfinite(cpu))
    spent = (cpu[known[-1]] - cpu[known[0]]) / (known[-1] - known[0])
    probes = float(np.nanmax(samples["probe.cost_ns"])) / 1e9 / taken
    stored = sum(f.stat().st_size for f in directory.iterdir() if f.name != "scoreboard.bin")
    settled = float(rss[min(SETTLED, taken - 2)])
    found = {}
    for name in (NUMPY, *FORMATS):
        with tempfile.TemporaryDirectory() as out:
            found[name] = one(name, directory, taken, Path(out) / "report")
    reports = " | ".join(
        f"{found[name][0]:.1f} s, {format_bytes(found[name][1])}" for name in (NUMPY, *FORMATS)
    )
    hours = taken * NIGHTLY_EVERY_S / 3600
    return (
        f"| {taken:,} | {hours:.1f} h | {format_bytes(settled)} | {format_bytes(float(np.nanmax(rss)))} "
        f"| {spent * 1e3:.2f} ms | {probes * 1e3:.2f} ms | {stored / taken:,.0f} B | {reports} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--samples", default="300,2000,8000,17280")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    heads = [
        *("samples", "of nightly", "supervisor RSS after 200", "its most", "CPU a sample"),
        *("probes a sample", "on disk a sample"),
        *(f"{name}: time, peak memory" for name in ("numpy reads the CSV", *FORMATS)),
    ]
    print(f"| {' | '.join(heads)} |")
    print("|" + "--:|" * len(heads))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for samples in map(int, options.samples.split(",")):
            directory = folder / f"{samples}"
            run(directory, samples)
            print(row(directory), flush=True)


if __name__ == "__main__":
    main()
