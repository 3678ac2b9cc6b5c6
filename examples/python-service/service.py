"""A small web service: any ASGI server runs it. ``uvicorn service:app --port 8300``.

It keeps its newest 500 visits, as many services do. By environment, for a soak to find: LEAK=BYTES_PER_S keeps
more and more, in what LEAK_IN names: bytes, tuples, cache, callbacks, instances, or large (objects above 512
bytes, which are malloc's). GARBAGE=BYTES_PER_S makes objects in cycles, which only the garbage collector
frees, with GARBAGE_OF=BYTES (300) each. BLOCK=SECONDS sleeps in the event loop once in five seconds, as no
service should.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]

BLOCK_EVERY_S = 5.0


class Visit:
    """A client's visit. ``same`` makes it a cycle: only the collector frees it."""

    def __init__(self, number: int, data: bytes = b"") -> None:
        self.number, self.data, self.same = number, data, self


def leak_bytes(kept: list[Any], _cache: dict[str, str]) -> int:
    """Keep a string of bytes; the bytes that it takes, as those below."""
    kept.append(bytes(63))
    return 96


def leak_tuples(kept: list[Any], _cache: dict[str, str]) -> int:
    """Keep a tuple of two floats."""
    kept.append((time.monotonic(), time.time()))
    return 64 + 2 * 32


def leak_cache(_kept: list[Any], cache: dict[str, str]) -> int:
    """Keep an entry of a dictionary."""
    cache[f"session-{len(cache)}"] = f"user-{len(cache)}"
    return 2 * 64


def leak_callbacks(kept: list[Any], _cache: dict[str, str]) -> int:
    """Keep a function with what it closes over."""
    number = time.monotonic()
    kept.append(lambda: number)
    return 288


def leak_instances(kept: list[Any], _cache: dict[str, str]) -> int:
    """Keep an object with attributes."""
    kept.append(Visit(len(kept)))
    return 144


def leak_large(kept: list[Any], _cache: dict[str, str]) -> int:
    """Keep bytes that are too large for Python's own allocator."""
    kept.append(bytes(1400))
    return 1440


class Planted:
    """What the environment asks for, done as time goes by."""

    def __init__(self) -> None:
        of = os.environ
        self._leak, self._garbage = float(of.get("LEAK", "0")), float(of.get("GARBAGE", "0"))
        self._garbage_of = int(of.get("GARBAGE_OF", "300"))
        self._block_s = float(of.get("BLOCK", "0"))
        self._keep: Callable[[list[Any], dict[str, str]], int] = globals()[f"leak_{of.get('LEAK_IN', 'bytes')}"]
        self._kept: list[Any] = []
        self._cache: dict[str, str] = {}
        self._last = self._blocked = time.monotonic()
        self._owed_leak = self._owed_garbage = 0.0

    def act(self) -> None:
        """Do what the time since the last call owes."""
        now = time.monotonic()
        self._owed_leak += (now - self._last) * self._leak
        self._owed_garbage += (now - self._last) * self._garbage
        self._last = now
        while self._owed_leak > 0:
            self._owed_leak -= self._keep(self._kept, self._cache)
        while self._owed_garbage > 0:
            Visit(0, bytes(self._garbage_of))
            self._owed_garbage -= self._garbage_of + 200
        if self._block_s and now - self._blocked > BLOCK_EVERY_S:
            self._blocked = now
            time.sleep(self._block_s)


planted = Planted()
visits: deque[Visit] = deque(maxlen=500)


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer with the newest visits."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    planted.act()
    visits.append(Visit(len(visits), scope["query_string"]))
    newest = [{"number": one.number, "query": one.data.decode("latin-1")} for one in [*visits][-20:]]
    body = json.dumps({"path": scope["path"], "visits": newest}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
