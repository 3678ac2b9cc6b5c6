"""What the CPython probe costs a small web service: requests a second with it and without.

``python benchmarks/probe_cpython.py [--rounds 15] [--python PATH --uvicorn]`` starts the service once for each
way of being read, and loads one after another for some seconds, in random order, while the others are
stopped (SIGSTOP). It prints, against the service that nobody reads, the median of each round's ratios with its
bootstrapped middle 90 %: of requests a second, and of CPU time a request, which a busy machine disturbs less.
``--uvicorn`` serves by uvicorn, which the Python at PATH must have.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zcbench.probes.cpython.probe import CPythonProbe
from zcbench.probes.malloc.meter import MallocMeter
from zcbench.probes.runtimes import Setting

ANSWER = """
import json
ITEMS = [{"id": n, "name": f"item {n}", "tags": ["a", "b", str(n)]} for n in range(50)]
def answer():
    return json.dumps(json.loads(json.dumps(ITEMS))).encode()
"""
ASYNCIO = (
    ANSWER
    + """
import asyncio, sys
async def serve(reader, writer):
    while True:
        try:
            await reader.readuntil(b"\\r\\n\\r\\n")
        except asyncio.IncompleteReadError:
            return
        body = answer()
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
        await writer.drain()
async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()
asyncio.run(main())
"""
)
ASGI = (
    ANSWER
    + """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] == "http":
        body = answer()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off")
"""
)
NOBODY = "nobody reads it"
GC_EVERY_S = 10.0  # a run's collections come each 5 to 60 s


@dataclass
class Service:
    """The service, read in one way. It stands still unless it is loaded."""

    process: subprocess.Popen[bytes]
    connection: http.client.HTTPConnection

    @classmethod
    def start(cls, command: Sequence[str], environment: Mapping[str, str]) -> Service:
        """Start it by ``command`` and a free port, and wait until it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen([*command, str(port)], env=dict(environment))
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.05)
        service = cls(process, http.client.HTTPConnection("127.0.0.1", port))
        service.load(1.0)
        return service

    def load(self, seconds: float) -> tuple[float, float]:
        """Requests a second, and CPU time a request in s."""
        self.connection.close()  # the one that stood still has run out; the next request opens another
        self.process.send_signal(signal.SIGCONT)
        count, cpu, began = 0, self._cpu_s(), time.monotonic()
        while (took := time.monotonic() - began) < seconds:
            self.connection.request("GET", "/")
            self.connection.getresponse().read()
            count += 1
        cpu = self._cpu_s() - cpu
        self.process.send_signal(signal.SIGSTOP)
        return count / took, cpu / count

    def _cpu_s(self) -> float:
        """Of all its threads, to the nanosecond (schedstat)."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def end(self) -> None:
        """Kill it."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


def ways(folder: Path) -> dict[str, dict[str, str]]:
    """The environments to start the service in, by what they are."""
    plain = dict(os.environ)
    probe = CPythonProbe(Setting(folder / "cpython", GC_EVERY_S, 1.0, launched=True))
    natural = CPythonProbe(Setting(folder / "natural", None, 1.0, launched=True))
    meter = dict(MallocMeter(folder / "malloc").environment(plain))
    by_malloc = {"PYTHONMALLOC": "malloc"}
    return {
        NOBODY: plain,
        "the probe": plain | dict(probe.environment(plain)),
        "the probe, natural collections": plain | dict(natural.environment(plain)),
        "malloc's meter": plain | meter,
        "the probe and malloc's meter": plain | meter | dict(probe.environment(plain)),
        "PYTHONMALLOC=malloc, nobody reads it": plain | by_malloc,
        "PYTHONMALLOC=malloc and malloc's meter": plain | meter | by_malloc,
    }


def middle(ratios: Sequence[float]) -> str:
    """The median, and the middle 90 % of its bootstrapped distribution."""
    draws = np.median(np.random.default_rng(1).choice(ratios, (2000, len(ratios))), axis=1)
    low, high = np.percentile(draws, (5, 95))
    return f"{np.median(ratios):6.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=GC_EVERY_S)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--uvicorn", action="store_true")
    arguments = parser.parse_args()
    program = ASGI if arguments.uvicorn else ASYNCIO
    with tempfile.TemporaryDirectory() as folder:
        services = {
            name: Service.start([arguments.python, "-c", program], environment)
            for name, environment in ways(Path(folder)).items()
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in services}
        try:
            for _ in range(arguments.rounds):
                for name in random.sample([*services], len(services)):
                    found[name].append(services[name].load(arguments.seconds))
        finally:
            for service in services.values():
                service.end()
    plain = found[NOBODY]
    rate = np.median([one[0] for one in plain])
    print(f"{'':40} requests/s of {rate:,.0f}       CPU time a request of {_cpu(plain)}")
    for name, readings in found.items():
        rates = [one[0] / other[0] for one, other in zip(readings, plain, strict=True)]
        costs = [one[1] / other[1] for one, other in zip(readings, plain, strict=True)]
        print(f"{name:40} {middle(rates)}   {middle(costs)}")


def _cpu(readings: Sequence[tuple[float, float]]) -> str:
    return f"{np.median([one[1] for one in readings]) * 1e6:,.0f} µs"


if __name__ == "__main__":
    main()
