"""jcmd PID GC.heap_info in a loop, and Android's dumpsys meminfo."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME, stamped_lines, timed
from zcbench.importers.format import CERTAIN, Rows, matching, reads
from zcbench.importers.text import Text

_GENERATION = re.compile(
    r"^\s*(?:garbage-first heap|Shenandoah|ZHeap|def new generation|tenured generation|PSYoungGen|ParOldGen|"
    r"PSOldGen)\s.*?\bused (?P<used>\d+)(?P<unit>[KM])"
)
_METASPACE = re.compile(r"^\s*Metaspace\s+used (?P<used>\d+)K")


@reads(
    "heap-info",
    "Java: jcmd PID GC.heap_info in a loop",
    matching(_GENERATION),
    {TIME: "elapsed_s:time", "used": "jvm.heap_bytes:KiB", "metaspace": "jvm.metaspace_bytes:KiB"},
)
def heap_info(text: Text) -> Rows:
    """A row of each answer: of all generations together; metaspace ends it."""
    used: int | None = None
    begin, at = 1, None
    for number, now, line in stamped_lines(text):
        if (match := _GENERATION.match(line)) is not None:
            begin, at = (number, now) if used is None else (begin, at)
            used = (used or 0) + int(match["used"]) * (1024 if match["unit"] == "M" else 1)
        elif used is not None and (meta := _METASPACE.match(line)) is not None:
            yield begin, timed(at, {"used": used, "metaspace": meta["used"]})
            used = None
    if used is not None:
        yield begin, timed(at, {"used": used})


_WHOSE = re.compile(r"^\*\* MEMINFO in pid (?P<pid>\d+) \[(?P<name>[^\]]+)\]")
_TOTAL = re.compile(r"^\s*TOTAL PSS:\s+(?P<pss>\d+)(?:\s+TOTAL RSS:\s+(?P<rss>\d+))?")
_OLD = re.compile(r"^\s*TOTAL\s+(?P<pss>\d+)\s+(?P<private>\d+)\s")


@reads(
    "dumpsys",
    "Android: dumpsys meminfo PACKAGE in a loop",
    matching(_WHOSE, r"(?:^|[\s\]])TOTAL(?:\s+\d+){6,}\s*$", confidence=CERTAIN),
    {
        TIME: "elapsed_s:time",
        "pss": "pss_bytes:KiB",
        "rss": "rss_bytes:KiB",
        "private": "private_bytes:KiB",
    },
    labels=("name",),
    identity=("pid",),
)
def dumpsys(text: Text) -> Rows:
    """A row of each process each time, of the totals."""
    row: dict[str, Any] = {}
    begin, at = 1, None
    for number, now, line in stamped_lines(text):
        if (whose := _WHOSE.match(line)) is not None:
            if "pss" in row:
                yield begin, timed(at, row)
            begin, at, row = number, now, whose.groupdict()
        elif not row and (match := _OLD.match(line)) is not None:  # what grep took of it
            yield number, timed(now, match.groupdict())
        elif row and (match := _OLD.match(line) or _TOTAL.match(line)) is not None:
            row |= {name: size for name, size in match.groupdict().items() if size is not None}
    if "pss" in row:
        yield begin, timed(at, row)
