"""The JVM's gc logs: unified ones (-Xlog:gc) and those of Java 8 (-XX:+PrintGC); the heap after each pause."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME
from zcbench.importers.clocks import Clock
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_UNIFIED = re.compile(
    r"^(?P<tags>(?:\[[^\]]*\])+) GC\((?P<n>\d+)\) (?P<what>[A-Z].*?) (?P<before>\d+[KMG])->(?P<after>\d+[KMG])"
    r"\((?P<total>\d+[KMG])\)"
)
_ZGC = re.compile(
    r"^(?P<tags>(?:\[[^\]]*\])+) GC\((?P<n>\d+)\) (?P<what>(?:Garbage|Major|Minor) Collection.*?) "
    r"(?P<before>\d+[KMG])\(\d+%\)->(?P<after>\d+[KMG])\(\d+%\)"
)
_OLD = re.compile(
    r"(?P<at>\d+\.\d+): \[(?P<what>Full GC|GC)[^\[\]]*?(?:\[[^\]]*\]\s*)*\s?"
    r"(?P<before>\d+[KMG])->(?P<after>\d+[KMG])\((?P<total>\d+[KMG])\)"
)
_UPTIME = re.compile(r"\[(\d+[.,]\d+)s\]|\[(\d+)ms\]")
_FULL = ("Pause Full", "Full GC", "Garbage Collection", "Major Collection")


@reads(
    "jvm-gc",
    "Java: -Xlog:gc, -XX:+PrintGC",
    matching(_UNIFIED, _ZGC, _OLD),
    {
        "uptime": "elapsed_s",
        TIME: "elapsed_s:time",
        "after": "jvm.heap_after_gc_bytes",
        "total": "jvm.heap_committed_bytes",
        "collections": "runtime.collections",
        "full": "runtime.full_collections",
    },
)
def read(text: Text) -> Rows:
    """A row a pause that says how much is left; a full one leaves what lives, a young one garbage too."""
    collections = full = 0
    for number, line in text.short_lines():
        match = _UNIFIED.match(line) or _ZGC.match(line) or _OLD.search(line)
        if match is None:
            continue
        collections += 1
        full += match["what"].startswith(_FULL)
        part: dict[str, Any] = match.groupdict()
        row = {"after": part["after"], "total": part.get("total"), "collections": collections, "full": full}
        tags = part.get("tags")
        uptime = _UPTIME.search(tags) if tags else None
        if uptime is not None:
            row["uptime"] = float(uptime[2]) / 1000 if uptime[2] else uptime[1].replace(",", ".")
        elif tags:
            row[TIME] = Clock().moment(tags[1:].partition("]")[0])
        else:
            row["uptime"] = part["at"]
        yield number, row
