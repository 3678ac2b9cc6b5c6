"""Node's inspector: opened by a signal, on loopback, for as long as it takes to hand over the agent.

https://nodejs.org/en/learn/getting-started/debugging: SIGUSR1 makes Node listen on 127.0.0.1:9229, or where
--inspect-port says. What listens, and that it is this process, the kernel's table of sockets tells.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import psutil
import websocket

from zcbench.probes.v8.preload import AGENT, OPTIONS_VARIABLE

PATIENCE_S = 5.0  # a loop that is blocked opens its inspector all the same: a thread of Node's own does
ANSWER_S = 10.0  # but it evaluates nothing until it turns
POLL_S = 0.05
DEFAULT_PORT = 9229
_INSPECT = re.compile(r"--inspect[a-z-]*=(?:.*:)?(\d+)$")
_LOOPBACK = ("127.0.0.1", "::1")
_LARGEST_ANSWER = 1 << 20

# The inspector is closed in a later turn: by then we are no longer connected to it, and closing does not wait.
_CLOSE = "setTimeout(() => require('inspector').close(), 100).unref();"


class InspectorError(RuntimeError):
    """The process cannot be asked; the message is a clause that says why."""


def inject(process: psutil.Process, folder: Path) -> None:
    """Start the agent in ``process``, which :func:`~zcbench.probes.v8.recognise.why_not` has nothing against;
    its page goes into ``folder``. The inspector is closed again if it was not open before.

    Raises InspectorError.
    """
    try:
        before = _listening(process)
        # Other ports are the program's own, and are not asked.
        ports = _inspector_ports(process)
        target, was_open = next(_targets({place for place in before if place[1] in ports}), None), True
        if target is None:
            was_open = False
            os.kill(process.pid, signal.SIGUSR1)
            target = _opened(process, before)
        _evaluate(target, _expression(folder, close=not was_open))
    except (psutil.Error, OSError, websocket.WebSocketException) as error:
        raise InspectorError(f"its inspector cannot be used: {error}") from error


def _expression(folder: Path, *, close: bool) -> str:
    """What starts the agent, whose variables stay its own; with ``close`` the inspector is closed after it."""
    told = json.dumps({"folder": str(folder), "supervisor": os.getpid()})
    agent = f"(function (require, module, zcbenchSettings) {{\n{AGENT.read_text()}\n}})(require, null, {told});"
    return f"(function (require) {{ {agent} {_CLOSE if close else ''} return 'zcbench'; }})(require)"


def _opened(process: psutil.Process, before: frozenset[tuple[str, int]]) -> str:
    """The address of the inspector that the signal has opened."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        time.sleep(POLL_S)
        if not process.is_running():
            raise InspectorError("it has ended")
        if (target := next(_targets(_listening(process) - before), None)) is not None:
            return target
    raise InspectorError(
        "it did not open its inspector at SIGUSR1: it handles that signal itself, or the port is taken"
    )


def _listening(process: psutil.Process) -> frozenset[tuple[str, int]]:
    """Where on loopback the process listens."""
    return frozenset(
        (one.laddr.ip, one.laddr.port)
        for one in process.net_connections(kind="tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr.ip in _LOOPBACK
    )


def _inspector_ports(process: psutil.Process) -> frozenset[int]:
    """Where its inspector may have been opened before."""
    words = [*process.cmdline(), *process.environ().get(OPTIONS_VARIABLE, "").split()]
    return frozenset({DEFAULT_PORT, *(int(found[1]) for word in words if (found := _INSPECT.match(word)))})


def _targets(places: Collection[tuple[str, int]]) -> Iterator[str]:
    """The addresses that inspectors at ``places`` give."""
    for host, port in sorted(places):
        # Something else may listen there.
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, http.client.HTTPException):
            connection = http.client.HTTPConnection(host, port, timeout=2.0)
            try:
                connection.request("GET", "/json/list")
                targets = json.loads(connection.getresponse().read(_LARGEST_ANSWER))
            finally:
                connection.close()
            yield str(targets[0]["webSocketDebuggerUrl"])


def _evaluate(target: str, expression: str) -> None:
    """Have ``expression`` evaluated. Raises InspectorError, OSError, WebSocketException."""
    connection = websocket.create_connection(
        target, timeout=ANSWER_S, http_no_proxy=list(_LOOPBACK), suppress_origin=True
    )
    try:
        # With the command line's API there is a require(), also where the program is an ES module.
        asked = {"expression": expression, "includeCommandLineAPI": True, "returnByValue": True}
        connection.send(json.dumps({"id": 1, "method": "Runtime.evaluate", "params": asked}))
        answer: dict[str, Any] = {}
        while answer.get("id") != 1:
            answer = json.loads(connection.recv())
    finally:
        connection.close(timeout=1)
    result = answer.get("result", {})
    if result.get("result", {}).get("value") != "zcbench":
        problem = result.get("exceptionDetails", {}).get("exception", {}).get("description", "no answer")
        raise InspectorError(f"it did not take the agent: {str(problem).splitlines()[0]}")
