"""What the CPython probe costs a small web service: requests a second with it and without.

``python benchmarks/probe_cpython.py [--rounds 20] [--python PATH --uvicorn]`` starts the service once for each
way of being read, and asks one after another for some ms each, in random order, for minutes. It prints requests
a second (by the median time of 25 of them) against the service that nobody reads: the median of the rounds'
ratios, with its bootstrapped middle 90 %. What a probe does by itself, collections included, is then seen in
services that nobody asks: CPU time, of a core.
``--uvicorn`` serves by uvicorn, which the Python at PATH must have.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import random
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
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False, timeout_keep_alive=3600)
"""
)
NOBODY = "nobody reads it"
GC_EVERY_S = 12.5  # of a run of 5 minutes
AT_ONCE = 25  # requests: some ms
WARM_UP = 20  # times that
IDLE_S = 5 * GC_EVERY_S


@dataclass
class Service:
    """The service, read in one way."""

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
        for _ in range(WARM_UP):
            service.ask()
        return service

    def ask(self) -> float:
        """Ask it some times; how long that took, s."""
        began = time.perf_counter()
        for _ in range(AT_ONCE):
            self.connection.request("GET", "/")
            self.connection.getresponse().read()
        return time.perf_counter() - began

    def cpu_s(self) -> float:
        """CPU time of all its threads so far, to the nanosecond (schedstat)."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def end(self) -> None:
        """Kill it."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


def one_round(services: Mapping[str, Service], seconds: float) -> dict[str, float]:
    """Requests a second of each, asked in turn for ``seconds``."""
    took: dict[str, list[float]] = {name: [] for name in services}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name in random.sample([*services], len(services)):
            took[name].append(services[name].ask())
    return {name: AT_ONCE / float(np.median(times)) for name, times in took.items()}


def idle(services: Mapping[str, Service], seconds: float) -> dict[str, float]:
    """CPU time of each that nobody asks, of a core."""
    before = {name: service.cpu_s() for name, service in services.items()}
    time.sleep(seconds)
    return {name: (service.cpu_s() - before[name]) / seconds for name, service in services.items()}


def ways(folder: Path, *, by_malloc: bool) -> dict[str, dict[str, str]]:
    """The environments to start the service in, by what they are."""
    plain = dict(os.environ)
    probe = CPythonProbe(Setting(folder / "cpython", GC_EVERY_S, 1.0, launched=True))
    meter = dict(MallocMeter(folder / "malloc").environment(plain))
    found = {
        NOBODY: plain,
        "the probe": plain | dict(probe.environment(plain)),
        "the probe and malloc's meter": plain | meter | dict(probe.environment(plain)),
    }
    if by_malloc:
        found["PYTHONMALLOC=malloc"] = plain | {"PYTHONMALLOC": "malloc"}
        found["PYTHONMALLOC=malloc and malloc's meter"] = plain | meter | {"PYTHONMALLOC": "malloc"}
    return found


def middle(ratios: Sequence[float]) -> str:
    """The median, and the middle 90 % of its bootstrapped distribution."""
    draws = np.median(np.random.default_rng(1).choice(ratios, (2000, len(ratios))), axis=1)
    low, high = np.percentile(draws, (5, 95))
    return f"{np.median(ratios):6.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=15.0, help="of a round")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--uvicorn", action="store_true")
    parser.add_argument("--by-malloc", action="store_true", help="with Python's objects in malloc, too")
    arguments = parser.parse_args()
    program = ASGI if arguments.uvicorn else ASYNCIO
    with tempfile.TemporaryDirectory() as folder:
        services = {
            name: Service.start([arguments.python, "-c", program], environment)
            for name, environment in ways(Path(folder), by_malloc=arguments.by_malloc).items()
        }
        try:
            rounds = [one_round(services, arguments.seconds) for _ in range(arguments.rounds)]
            resting = idle(services, IDLE_S)
        finally:
            for service in services.values():
                service.end()
    rate = np.median([one[NOBODY] for one in rounds])
    print(f"{'':40} requests/s of {rate:,.0f}      idle, of a core")
    for name in services:
        print(f"{name:40} {middle([one[name] / one[NOBODY] for one in rounds])}   {resting[name]:.2%}")


if __name__ == "__main__":
    main()
