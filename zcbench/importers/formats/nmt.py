"""jcmd PID VM.native_memory in a loop, plain or against a baseline: what the JVM has beside its heap."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME, stamped_lines, timed
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_SIZE = r"(?P<size>\d+)(?P<unit>[KMG]?B|bytes)?"
_CHANGE = r"(?: [+-]\d+(?:[KMG]?B)?)?"  # of summary.diff
_TOTAL = re.compile(rf"^\s*Total: reserved=\d+(?:[KMG]?B)?{_CHANGE}, committed={_SIZE}")
_KIND = re.compile(
    rf"^\s*-?\s*(?P<kind>[A-Z][A-Za-z ]*?) \(reserved=\d+(?:[KMG]?B)?{_CHANGE}, committed={_SIZE}"
)
_COUNT = re.compile(r"^\s*\((?P<what>threads?|classes) #(?P<count>\d+)")
_FACTORS = {"KB": 2**10, "MB": 2**20, "GB": 2**30}
_COLUMNS = {"Metaspace": "metaspace", "Java Heap": "heap"}


def _bytes(match: re.Match[str]) -> int:
    return int(match["size"]) * _FACTORS.get(match["unit"] or "", 1)


@reads(
    "nmt",
    "Java: jcmd PID VM.native_memory summary, or summary.diff, in a loop",
    matching(_TOTAL),
    {
        TIME: "elapsed_s:time",
        "native": "private_bytes",
        "heap": "jvm.heap_committed_bytes",
        "threads": "threads",
        "classes": "jvm.classes",
        "metaspace": "jvm.metaspace_bytes",
    },
)
def read(text: Text) -> Rows:
    """A row of each answer; ``native`` is all that is committed but the heap, whose limit is known."""
    row: dict[str, Any] = {}
    total, begin, at = 0, 1, None
    for number, now, line in stamped_lines(text):
        if (match := _TOTAL.match(line)) is not None:
            if row:
                yield begin, timed(at, row)
            total, begin, at = _bytes(match), number, now
            row = {"native": total}
        elif row and (match := _KIND.match(line)) is not None:
            if (column := _COLUMNS.get(match["kind"].strip())) is not None:
                row[column] = _bytes(match)
                row["native"] -= row[column] if column == "heap" else 0
        elif row and (match := _COUNT.match(line)) is not None:
            row.setdefault({"classes": "classes"}.get(match["what"], "threads"), int(match["count"]))
    if row:
        yield begin, timed(at, row)
