"""The JVM's gc logs: unified ones (-Xlog:gc) and those of Java 8 (-XX:+PrintGC); the heap after each pause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
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
# Java 8's G1 says the heap in a line of its own, below the pause it belongs to.
_G1_PAUSE = re.compile(r"(?P<at>\d+\.\d+): \[(?P<what>GC pause|Full GC)[^\[\]]*")
_G1_HEAP = re.compile(
    r"Heap: (?P<before>[\d.]+[BKMG])\([\d.]+[BKMG]\)->(?P<after>[\d.]+[BKMG])\((?P<total>[\d.]+[BKMG])\)"
)
# Shenandoah frees twice in a cycle: at once what is all garbage, and at its end what was moved.
_CLEANUP = "Concurrent cleanup"
_UPTIME = re.compile(r"\[(\d+[.,]\d+)s\]|\[(\d+)ms\]")
_FULL = ("Pause Full", "Full GC", "Garbage Collection", "Major Collection", _CLEANUP)


@reads(
    "jvm-gc",
    "Java: -Xlog:gc, -XX:+PrintGC",
    matching(_UNIFIED, _ZGC, _OLD, _G1_HEAP),
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
    full = 0
    for collections, (number, part) in enumerate(_last_of_each(_pauses(text)), 1):
        # Shenandoah's young cycles leave the old generation's garbage.
        full += part["what"].startswith(_FULL) and "(Young)" not in part["what"]
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


def _pauses(text: Text) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each collection that says what it left."""
    pause: dict[str, Any] | None = None  # of Java 8's G1, whose heap is not yet told
    for number, line in text.short_lines():
        match = _UNIFIED.match(line) or _ZGC.match(line) or _OLD.search(line)
        if match is not None:
            pause = None
            yield number, match.groupdict()
        elif (begin := _G1_PAUSE.search(line)) is not None:
            pause = begin.groupdict()
        elif pause is not None and (heap := _G1_HEAP.search(line)) is not None:
            yield number, pause | heap.groupdict()
            pause = None


def _last_of_each(pauses: Iterable[tuple[int, dict[str, Any]]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The same, of a cycle's cleanups the last alone."""
    held: tuple[int, dict[str, Any]] | None = None
    for number, part in pauses:
        cleanup = part["what"].startswith(_CLEANUP)
        if held is not None and not (cleanup and part["n"] == held[1]["n"]):
            yield held
        held = (number, part) if cleanup else None
        if not cleanup:
            yield number, part
    if held is not None:
        yield held
