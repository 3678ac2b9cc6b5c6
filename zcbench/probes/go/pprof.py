"""What a Go program tells of its heap over HTTP: expvar's ``/debug/vars``, and pprof's ``/debug/pprof/``.

Both are recognised by what they answer. pprof's heap profile with ``gc=1`` collects before it answers
(net/http/pprof), and its numbers are read before it allocates for itself (runtime/pprof): a settled reading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from zcbench.probes.jsonlines import json_object
from zcbench.quantities.names import (
    GC_FORCED_COLLECTIONS,
    GO_GOROUTINES,
    GO_HEAP_BYTES,
    GO_SYS_BYTES,
    RUNTIME_COLLECTIONS,
    RUNTIME_FULL_COLLECTIONS,
    RUNTIME_PAUSE_NS,
)

INDEX = "/debug/pprof"
FORCED_EVERY_S = 10.0  # between collections that we ask for, where samples come more often
_HEAP, _GOROUTINES = "heap profile:", re.compile(r"goroutine profile: total (\d+)")
_LINE = re.compile(r"^# (\w+) = (\d+)$", re.MULTILINE)


def addresses(url: str) -> tuple[str, ...]:
    """What is asked for ``url``: of pprof's index the heap after a collection, and the goroutines."""
    parts = urlsplit(url)
    if not parts.path.rstrip("/").endswith(INDEX):
        return (url,)
    path = parts.path.rstrip("/")
    return tuple(
        urlunsplit(parts._replace(path=f"{path}/{name}", query=query))
        for name, query in (("heap", "debug=1&gc=1"), ("goroutine", "debug=1"))
    )


def collects(url: str) -> bool:
    """Whether ``url`` is pprof's and has the program collect before it answers."""
    parts = urlsplit(url)
    return INDEX in parts.path and parse_qs(parts.query).get("gc", ["0"])[0] not in ("", "0")


def readings(text: str, *, collected: bool) -> dict[str, int] | None:
    """Quantities by name in a profile's text; None if it is none. ``collected``: the program was asked to."""
    if text.startswith(_HEAP):
        found = {name: int(number) for name, number in _LINE.findall(text)}
        forced = {GC_FORCED_COLLECTIONS: found["NumForcedGC"]} if collected and "NumForcedGC" in found else {}
        return _of_memstats(found) | forced
    match = _GOROUTINES.match(text)
    return {GO_GOROUTINES: int(match[1])} if match else None


def variables(text: str) -> tuple[dict[str, int], dict[str, Any]] | None:
    """Of expvar's JSON the runtime's quantities by name, and the program's variables; None if it is none."""
    if not text.lstrip().startswith("{"):
        return None
    found = json_object(text.encode())
    if found is None:
        return None
    memory = found.pop("memstats", None)
    found.pop("cmdline", None)
    known = {name: n for name, n in memory.items() if type(n) is int} if isinstance(memory, dict) else {}
    return _of_memstats(known), found


def _of_memstats(found: Mapping[str, int]) -> dict[str, int]:
    values = {}
    if "HeapAlloc" in found:
        values[GO_HEAP_BYTES] = found["HeapAlloc"]
    if "Sys" in found:
        values[GO_SYS_BYTES] = max(0, found["Sys"] - found.get("HeapReleased", 0))
    if "NumGC" in found:
        values |= {RUNTIME_COLLECTIONS: found["NumGC"], RUNTIME_FULL_COLLECTIONS: found["NumGC"]}
    if "PauseTotalNs" in found:
        values[RUNTIME_PAUSE_NS] = found["PauseTotalNs"]
    return values
