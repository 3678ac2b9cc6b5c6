"""What the probes cost: the malloc meter its program, the process tree and the meters' pages the supervisor.

``python benchmarks/probes_cost.py [--rounds 15]`` runs each program with the meter and without, in turn, and
prints the median of the ratios of CPU time in each round with its bootstrapped middle 90 %, then what a
sample of 20 processes takes of a core when one is taken each second. Needs gcc and node.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil

from zcbench.probes.instruments import Instruments
from zcbench.probes.malloc.meter import MallocMeter
from zcbench.probes.processes.probe import ProcessProbe

# Four loops of malloc and free, by argument: how each block is used between the two.
LOOPS = r"""
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
static void *kept[1024];
static void pairs(long n) {
  for (long i = 0; i < n; ++i) { void *p = malloc(64); __asm__ volatile("" :: "r"(p) : "memory"); free(p); }
}
static void mixed(long n, int write) {
  unsigned x = 1;
  for (long i = 0; i < n; ++i) {
    x = x * 1664525u + 1013904223u;
    unsigned place = x >> 22;
    size_t size = 16 + (x >> 12) % 1000;
    free(kept[place]);
    kept[place] = malloc(size);
    if (write) memset(kept[place], 1, size);
  }
}
static void *thread(void *n) { pairs((long)n); return NULL; }
int main(int count, char **arguments) {
  (void)count;
  switch (arguments[1][0]) {
    case 'p': pairs(20000000); break;
    case 'm': mixed(8000000, 0); break;
    case 'w': mixed(5000000, 1); break;
    case 't': {
      pthread_t two[2];
      for (int i = 0; i < 2; ++i) pthread_create(&two[i], NULL, thread, (void *)10000000L);
      for (int i = 0; i < 2; ++i) pthread_join(two[i], NULL);
    }
  }
}
"""
PYTHON = """
import json
record = {"values": list(range(200)), "name": "x" * 500, "inner": {str(n): n / 7 for n in range(100)}}
for _ in range(6000):
    json.loads(json.dumps(record))
"""
NODE = """
const record = {values: [...Array(200).keys()], name: 'x'.repeat(500), buffer: ''};
let kept = [];
for (let i = 0; i < 20000; ++i) {
  kept.push(Buffer.from(JSON.stringify(record)));
  if (kept.length > 100) kept = kept.slice(50);
  JSON.parse(kept[kept.length - 1].toString());
}
"""
PROCESSES = """
import os, time
children = [p for p in range(19) if os.fork() == 0 and (time.sleep(60) or os._exit(0))]
print(1, flush=True)
time.sleep(60)
"""


def cpu_s(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """CPU time of a program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=dict(environment), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median_with_middle(ratios: Sequence[float]) -> tuple[float, float, float]:
    """The median, and the middle 90 % of its bootstrapped distribution."""
    draws = np.median(np.random.default_rng(1).choice(ratios, (2000, len(ratios))), axis=1)
    low, high = np.percentile(draws, (5, 95))
    return float(np.median(ratios)), float(low), float(high)


def meter_costs(rounds: int, folder: Path) -> None:
    """Print what the meter costs each program."""
    loops = folder / "loops"
    (folder / "loops.c").write_text(LOOPS)
    subprocess.run(
        ["gcc", "-O2", "-fno-builtin-malloc", "-pthread", folder / "loops.c", "-o", loops], check=True
    )
    programs: dict[str, list[str]] = {
        "malloc(64) and free, nothing else": [str(loops), "p"],
        "the same in two threads": [str(loops), "t"],
        "16 to 1,015 bytes, 1,024 blocks kept": [str(loops), "m"],
        "the same, each block written": [str(loops), "w"],
        "Python: json.dumps and json.loads": [sys.executable, "-c", PYTHON],
        "Node: JSON and Buffers": ["node", "-e", NODE],
    }
    meter = MallocMeter(folder / "pages")
    metered = dict(os.environ) | dict(meter.environment(os.environ))
    ratios: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, command in random.sample([*programs.items()], len(programs)):
            pair = {}
            for environment in random.sample([("with", metered), ("without", dict(os.environ))], 2):
                pair[environment[0]] = cpu_s(command, environment[1])
            ratios[name].append(pair["with"] / pair["without"])
    for name, found in ratios.items():
        median, low, high = median_with_middle(found)
        print(f"{name:40} {median:6.3f}  ({low:.3f} to {high:.3f})")


def sample_costs(samples: int, folder: Path) -> None:
    """Print what a sample of 20 processes costs, one each second."""
    meter = MallocMeter(folder / "tree")
    instruments = Instruments([ProcessProbe(), meter])
    environment = dict(os.environ) | instruments.environment(os.environ)
    popen = subprocess.Popen([sys.executable, "-c", PROCESSES], stdout=subprocess.PIPE, env=environment)
    assert popen.stdout is not None
    popen.stdout.readline()
    root = psutil.Process(popen.pid)
    processes = [root, *root.children()]
    instruments.begin(lambda: processes)
    rows = []
    for _ in range(samples):
        time.sleep(1)
        rows.append(instruments.read())
    for process in processes[::-1]:
        process.kill()
    popen.communicate()
    print(f"{len(processes)} processes, {samples} samples, one a second, of a core:")
    for probe in instruments.names:
        costs = [float(row[f"probe.{probe}.cost_ns"] or 0) for row in rows]
        # The first one imports, and reads everything for the first time.
        print(f"  {probe:12} {statistics.fmean(np.diff(costs[1:])) / 1e9:.3%}")


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--samples", type=int, default=30)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sample_costs(arguments.samples, Path(folder))
        meter_costs(arguments.rounds, Path(folder))


if __name__ == "__main__":
    main()
