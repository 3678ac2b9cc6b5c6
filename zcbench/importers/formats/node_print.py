"""console.log(process.memoryUsage()): an object a reading, on one line or several."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_FIELD = re.compile(
    r"\b(rss|heapTotal|heapUsed|external|arrayBuffers): '?(\d[\d_]*(?:\.\d+)?(?:\s?(?:[kKMG]i?B|bytes)\b)?)"
)


@reads(
    "node",
    "Node: console.log(process.memoryUsage())",
    matching(r"^.*\bheapTotal: '?\d[\d_]*"),
    {
        TIME: "elapsed_s:time",
        "rss": "rss_bytes:bytes",
        "heapUsed": "v8.heap_bytes:bytes",
        "heapTotal": "v8.heap_total_bytes:bytes",
        "external": "v8.external_bytes:bytes",
        "arrayBuffers": "v8.array_buffers_bytes:bytes",
    },
)
def read(text: Text) -> Rows:
    """A row of each object: the next begins where a field comes again."""
    row: dict[str, Any] = {}
    now: Any = None
    begin = 1
    for number, line in text.short_lines():
        found = _FIELD.findall(line)
        moment = Clock().prefix(line)[0]
        if row and (moment is not None or any(name in row for name, _ in found)):
            yield begin, row
            row = {}
        now = moment or now
        if found and not row:
            begin = number
            row = timed(now, {})
        row |= {name: value.replace("_", "") for name, value in found}
    if row:
        yield begin, row
