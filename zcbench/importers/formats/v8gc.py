"""node --trace-gc: a line a collection; the heap after each mark-compact is a low-water mark."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_LINE = re.compile(
    r"(?:\[(?P<pid>\d+)(?::0x[0-9a-f]+)?\]\s+|^\s*)(?P<ms>\d+) ms: "
    r"(?P<kind>Scavenge|Mark-[Cc]ompact|Mark-sweep|Minor Mark-\w+)"
    r"(?: \([^)]*\))* (?P<before>[\d.]+) \([\d.]+\) -> (?P<after>[\d.]+) \((?P<total>[\d.]+)\) MB"
)


@reads(
    "v8-gc",
    "Node: --trace-gc",
    matching(_LINE),
    {
        "ms": "elapsed_s:ms",
        "after": "v8.heap_bytes:MiB",
        "total": "v8.heap_total_bytes:MiB",
        "collections": "runtime.collections",
        "full": "runtime.full_collections",
    },
    labels=("pid",),
    identity=("pid",),
)
def read(text: Text) -> Rows:
    """A row a collection: the heap right after it; scavenges look at young objects alone."""
    collections = full = 0
    for number, line in text.short_lines():
        match = _LINE.search(line)
        if match is None:
            if line.strip():
                text.remarks.add("a line that is no reading is left out", text.where(number))
            continue
        collections += 1
        full += match["kind"].startswith("Mark")
        cells: dict[str, Any] = {name: match[name] for name in ("pid", "ms", "after", "total")}
        yield number, {**cells, "collections": collections, "full": full}
