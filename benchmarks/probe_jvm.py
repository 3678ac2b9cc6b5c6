"""What the probe of JVMs costs a web service: requests/s and CPU time a request, with the probe and without.

``python benchmarks/probe_jvm.py [--rounds 12] [--seconds 25]`` starts examples/java-service twice, side by
side, each with one client that asks as fast as it can. In each half of a round one of the two is probed as in a
run of five minutes, then the other: what the machine does meanwhile happens to both, and what tells the two
apart turns over. Prints the median of the rounds' ratios with its bootstrapped middle 90 %, the same of rounds
in which nothing is probed (the benchmark's own noise); and what can be told without noise: for how long the
service stood still in collections that were asked for, and the CPU time of the threads that made them.
Attaching and the first settled collections come before: they are said by themselves. Needs javac.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from zcbench.probes.jvm.machine import Jvm, identify
from zcbench.quantities.names import GC_FORCED_PAUSE_NS

SERVICE = Path(__file__).parents[1] / "examples" / "java-service"
FIRST_PORT = 8096
GC_EVERY_S = 12.5  # of a run of five minutes
WARM_UP_S = 60.0  # the JVM compiles
# Threads that collect, that we talk to, that are ours.
OURS = ("GC Thread", "VM Thread", "G1 ", "Attach Listener", "zcbench")
FIRST_SETTLINGS = 4  # the third takes the first class histogram


@dataclass
class Service:
    """One of the two: its process, its port, how it is probed."""

    popen: subprocess.Popen[bytes]
    port: int
    jvm: Jvm
    collected_s: float = 0.0  # CPU time of the threads that collect and answer, while they were asked to

    def settle(self) -> None:
        """Make a settled collection, and add up what it takes."""
        before = self.threads()
        self.jvm.settle()
        took = {name: cpu_s - before.get(name, 0.0) for name, cpu_s in self.threads().items()}
        self.collected_s += sum(cpu_s for name, cpu_s in took.items() if name.startswith(OURS))

    def threads(self) -> dict[str, float]:
        """CPU time in s by the names of its threads, without the numbers at their ends."""
        found: dict[str, float] = {}
        tasks = f"/proc/{self.popen.pid}/task"
        for task in os.listdir(tasks):  # noqa: PTH208
            with contextlib.suppress(OSError):
                name = Path(tasks, task, "comm").read_text().strip().rstrip("#0123456789")
                ran_ns = int(Path(tasks, task, "schedstat").read_text().split()[0])
                found[name] = found.get(name, 0.0) + ran_ns / 1e9
        return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=2 * GC_EVERY_S)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as ends:
        folder = Path(name)
        shutil.copy(SERVICE / "Service.java", folder)
        subprocess.run(["javac", "Service.java"], cwd=folder, check=True)
        services = [started(folder, FIRST_PORT + number, ends) for number in range(2)]
        load(services, WARM_UP_S, None)
        for service in services:
            attach(service)
        before = spent(services)
        probed = [compared(services, asked.seconds, True, number) for number in range(asked.rounds)]
        idle = [compared(services, asked.seconds, False, number) for number in range(asked.rounds // 2)]
        for said, rounds in (("with the probe over without", probed), ("of nothing over nothing", idle)):
            print(f"requests/s {said}: {summary([rate for rate, _ in rounds])}")
            print(f"CPU time a request {said}: {summary([cost for _, cost in rounds])}")
        probed_s = asked.rounds * 2 * asked.seconds
        pause, cpu = ((now - then) / probed_s for now, then in zip(spent(services), before, strict=True))
        print(f"it stood still for {pause:.3%} of the time, and collected by {cpu:.3%} of a core")
        for service in services:
            service.jvm.close()


def spent(services: list[Service]) -> tuple[float, float]:
    """For how long both have stood still as they were asked to collect, and the CPU time that took, in s."""
    paused_ns = sum(one.jvm.totals[GC_FORCED_PAUSE_NS] for one in services)
    return paused_ns / 1e9, sum(one.collected_s for one in services)


def started(folder: Path, port: int, ends: contextlib.ExitStack) -> Service:
    """A service that listens; killed in the end."""
    words = ["java", "-Xmx128m", "-Dsun.net.httpserver.nodelay=true", "Service", str(port)]
    popen = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE)
    ends.callback(popen.wait)
    ends.callback(popen.kill)
    assert popen.stdout is not None
    popen.stdout.readline()
    identity = identify(popen.pid)
    assert identity is not None
    return Service(popen, port, Jvm(identity, folder))


def attach(service: Service) -> None:
    """Load what is loaded once, make the first settled collections, and say what all that took."""
    before = sum(service.threads().values())
    for _ in range(FIRST_SETTLINGS):
        service.settle()
    took_s = sum(service.threads().values()) - before
    print(f"attaching and {FIRST_SETTLINGS} settled collections: {took_s:.3f} s of CPU", file=sys.stderr)


def compared(services: list[Service], seconds: float, probes: bool, number: int) -> tuple[float, float]:
    """The ratios of requests/s and of CPU time a request, of the one that is probed over the other, the two
    halves' geometric mean; ``probes`` says whether anything is done to it."""
    rates, costs = 1.0, 1.0
    for first in (number % 2, 1 - number % 2):
        order = [services[first], services[1 - first]]
        before = [one.threads() for one in order]
        requests = load(order, seconds, order[0] if probes else None)
        after = [one.threads() for one in order]
        used = [sum(new.values()) - sum(old.values()) for old, new in zip(before, after, strict=True)]
        rates *= requests[0] / requests[1]
        costs *= used[0] / requests[0] / (used[1] / requests[1])
        print(f"{requests[0]:.0f} to {requests[1]:.0f} requests/s", file=sys.stderr)
    return rates**0.5, costs**0.5


def load(services: list[Service], seconds: float, probed: Service | None) -> list[float]:
    """Requests/s that the client of each gets, side by side; meanwhile one is probed, or none."""
    command = [sys.executable, str(SERVICE / "load.py")]
    clients = [
        subprocess.Popen([*command, str(one.port), "0", str(seconds)], stdout=subprocess.PIPE, text=True)
        for one in services
    ]
    began_s, turns = time.monotonic(), 0
    while any(client.poll() is None for client in clients):
        time.sleep(1.0)
        if probed is not None:
            probed.jvm.look()
            # In the middle of its time, not at the end.
            if time.monotonic() - began_s > (turns + 0.5) * GC_EVERY_S:
                turns += 1
                probed.settle()
    return [float(client.communicate()[0].split()[0]) for client in clients]


def summary(ratios: list[float]) -> str:
    """Median and the middle 90 % of its bootstrap."""
    if not ratios:
        return "not measured"
    chance = random.Random(16)
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(2000))
    return f"{statistics.median(ratios):.4f} ({medians[100]:.4f} to {medians[1899]:.4f})"


if __name__ == "__main__":
    main()
