"""What the probe of JVMs costs a web service: requests/s and CPU time a request, with the probe and without.

``python benchmarks/probe_jvm.py [--rounds 8]`` starts examples/java-service once, has one client ask as fast
as it can, and turns the probe on and off from round to round. Prints the median of the ratios of neighbouring
rounds with its bootstrapped middle 90 %. Needs javac. On a busy machine the ratio of CPU times says more.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from zcbench.probes.jvm.probe import JvmProbe

SERVICE = Path(__file__).parents[1] / "examples" / "java-service"
PORT = "8097"
GC_EVERY_S = 12.5  # of a run of five minutes
WARM_UP_S = 45.0  # the JVM compiles


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=GC_EVERY_S)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(SERVICE / "Service.java", folder)
        subprocess.run(["javac", "Service.java"], cwd=folder, check=True)
        words = ["java", "-Xmx128m", "-Dsun.net.httpserver.nodelay=true", "Service", PORT]
        with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE) as service:
            try:
                assert service.stdout is not None
                service.stdout.readline()
                load(WARM_UP_S)
                print_ratios(service.pid, Path(folder), asked.rounds, asked.seconds)
            finally:
                service.kill()


def print_ratios(pid: int, folder: Path, rounds: int, seconds: float) -> None:
    """Of ``rounds`` pairs of rounds, the order within each by turns."""
    process = psutil.Process(pid)
    rates, costs = [], []
    for number in range(rounds):
        found = {}
        for probed in (True, False) if number % 2 else (False, True):
            found[probed] = measured(process, folder if probed else None, seconds)
        rates.append(found[True][0] / found[False][0])
        costs.append(found[True][1] / found[False][1])
        print(f"round {number + 1}: {found[True][0]:.0f} with, {found[False][0]:.0f} without", file=sys.stderr)
    print("requests/s with the probe over without:", summary(rates))
    print("CPU time a request with the probe over without:", summary(costs))


def measured(process: psutil.Process, folder: Path | None, seconds: float) -> tuple[float, float]:
    """Requests/s, and the service's CPU time (s) for one, with the probe if there is a folder for it."""
    probe = None
    if folder is not None:
        probe = JvmProbe(folder / "probe", gc_every_s=GC_EVERY_S, every_s=1.0)
        probe.begin(lambda: [process])
        probe.read()
    before, began_s = process.cpu_times(), time.monotonic()
    rate = load(seconds, probe)
    after, took_s = process.cpu_times(), time.monotonic() - began_s
    if probe is not None:
        probe.close()
    return rate, (after.user + after.system - before.user - before.system) / (rate * took_s)


def load(seconds: float, probe: JvmProbe | None = None) -> float:
    """Requests/s that one client gets; the probe is read once a second meanwhile."""
    words = [sys.executable, str(SERVICE / "load.py"), PORT, "0", str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as client:
        while client.poll() is None:
            time.sleep(1)
            if probe is not None:
                probe.read()
        assert client.stdout is not None
        return float(client.stdout.read().split()[0])


def summary(ratios: list[float]) -> str:
    """Median and the middle 90 % of its bootstrap."""
    chance = random.Random(16)
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(2000))
    return f"{statistics.median(ratios):.3f} ({medians[100]:.3f} to {medians[1899]:.3f})"


if __name__ == "__main__":
    main()
