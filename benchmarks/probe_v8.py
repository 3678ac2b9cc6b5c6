"""What the probe v8 takes from a web service of Node's: requests a second, and CPU time a request.

``python benchmarks/probe_v8.py [--pairs 30] [--slice 5] [--every 12.5]`` starts two of examples/node-service,
with the probe and without, and loads one after the other in slices, as fast as it answers, in random order. It
prints the median of the pairs' ratios with its bootstrapped middle 90 %. Both run all the time, so that
collections come in the slices as often as they do in a run; ``--every`` is that of a run of 5 minutes.
Needs node.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from zcbench.probes.probe import Probe
from zcbench.probes.runtimes import Setting
from zcbench.probes.v8 import make

FOLDER = Path(__file__).parents[1] / "examples" / "node-service"
SAMPLE_EVERY_S = 1.0


class Service:
    """The service at a port of its own, with ``probe`` or without, and the load."""

    def __init__(self, probe: Probe | None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = str(free.getsockname()[1])
        given = dict(os.environ)
        self.probe = probe
        if probe is not None:
            given |= probe.environment(given)
        self.popen = subprocess.Popen(["node", "service.js", self.port], cwd=FOLDER, env=given)
        self.process = psutil.Process(self.popen.pid)
        if probe is not None:
            probe.begin(lambda: (self.process,))

    def load(self, seconds: float) -> tuple[float, float]:
        """Requests a second, and CPU time (s) of the service a request."""
        before = self.process.cpu_times()
        command = ["node", "load.js", "--port", self.port, "--seconds", str(seconds)]
        answered = float(subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True).stdout)
        after = self.process.cpu_times()
        used = after.user + after.system - before.user - before.system
        if self.probe is not None:
            self.probe.read()
        return answered, used / (answered * seconds)

    def close(self) -> None:
        """End it."""
        self.popen.terminate()
        self.popen.wait()
        if self.probe is not None:
            self.probe.close()


def told(name: str, ratios: Sequence[float]) -> str:
    """The median, and the middle 90 % of its bootstrapped distribution."""
    draws = np.median(np.random.default_rng(1).choice(ratios, (4000, len(ratios))), axis=1)
    low, high = np.percentile(draws, (5, 95))
    return f"{name:24} {np.median(ratios):6.3f}  ({low:.3f} to {high:.3f})"


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--slice", type=float, default=5.0)
    parser.add_argument("--every", type=float, default=12.5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(Path(folder) / "v8", arguments.every, SAMPLE_EVERY_S, launched=True)
        services = {"with": Service(make(setting)), "without": Service(None)}
        time.sleep(1.0)
        for service in services.values():
            service.load(arguments.slice)  # both are warm
        rates, costs = [], []
        for _ in range(arguments.pairs):
            pair = {which: services[which].load(arguments.slice) for which in random.sample(list(services), 2)}
            rates.append(pair["with"][0] / pair["without"][0])
            costs.append(pair["with"][1] / pair["without"][1])
        probe = services["with"].probe
        assert probe is not None
        row = dict(probe.read())
        for service in services.values():
            service.close()
    print(told("requests a second", rates))
    print(told("CPU time a request", costs))
    shown = ("gc.forced_collections", "gc.forced_pause_ns", "probe.v8.inside_ns")
    print(", ".join(f"{name} {row.get(name)}" for name in shown), file=sys.stderr)


if __name__ == "__main__":
    main()
