"""What the probes cost: the malloc meter its program, the process tree and the meters' pages the supervisor.

``python benchmarks/probes_cost.py [--rounds 15] [--seconds 75]`` runs the whole tool on 20 processes, and
prints what its own process takes of a core when it samples them each second. Then it runs each program with
the meter and without, in turn, and prints the median of the ratios of CPU time in each round with its
bootstrapped middle 90 %; ``--rounds 0`` leaves that out. Needs gcc and node.
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

from zcbench.probes.malloc.meter import MallocMeter
from zcbench.quantities.names import ELAPSED_S, SUPERVISOR_CPU_S
from zcbench.record.reader import read_record

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
SLEEPS = ("sh", "-c", "for n in $(seq 19); do sleep 10000 & done; exec sleep 10000")
PYTHONS = (
    sys.executable,
    "-c",
    "import os, time\nfor _ in range(19):\n  if os.fork() == 0: break\nwhile True: time.sleep(0.05)",
)
WARM_UP_S = 15


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


def supervisor_costs(seconds: int, folder: Path) -> None:
    """Print what the whole supervisor takes of a core while it samples 20 processes each second."""
    for name, program in (("20 processes of sh and sleep", SLEEPS), ("20 processes of Python", PYTHONS)):
        record = folder / name.replace(" ", "-")
        command = [sys.executable, "-m", "zcbench", "run", "--duration", f"{seconds}s", "--sample-every", "1s"]
        run = subprocess.Popen(
            [*command, "--out", str(record), "--", *program],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # On a busy machine, and beside others on one core, each call takes longer: so does this one then.
        references_us = []
        while run.poll() is None:
            time.sleep(1)
            references_us.append(reference_us())
        samples = read_record(record).samples
        late = samples[ELAPSED_S] > WARM_UP_S
        elapsed_s, cpu_s = samples[ELAPSED_S][late], samples[SUPERVISOR_CPU_S][late]
        share = (cpu_s[-1] - cpu_s[0]) / (elapsed_s[-1] - elapsed_s[0])
        processes = int(np.nanmedian(samples["processes"]))
        calls = share * 1e6 / statistics.median(references_us)
        print(f"{name}: {share:.2%} of a core, {len(cpu_s)} samples of {processes} processes, one a second;")
        print(f"  the CPU time of {calls:,.0f} readings of /proc/self/stat a second")
        for probe in ("processes", "malloc", "cpython"):
            costs = samples.get(f"probe.{probe}.cost_ns")
            if costs is not None:
                cost_ns = costs[late][-1] - costs[late][0]
                print(f"  {probe:12} {cost_ns / 1e9 / (elapsed_s[-1] - elapsed_s[0]):.3%}")


def reference_us() -> float:
    """CPU time of one reading of ``/proc/self/stat``, opened and closed again."""
    began_ns = time.thread_time_ns()
    for _ in range(200):
        Path("/proc/self/stat").read_bytes()
    return (time.thread_time_ns() - began_ns) / 200e3


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=75, help="of each run of the supervisor")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        supervisor_costs(arguments.seconds, Path(folder))
        if arguments.rounds:
            meter_costs(arguments.rounds, Path(folder))


if __name__ == "__main__":
    main()
