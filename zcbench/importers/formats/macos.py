"""macOS: vmmap -summary, footprint, heap and leaks in a loop."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_FOOTPRINT = re.compile(r"^(?:Physical footprint|phys_footprint):\s+(?P<size>[\d.]+ ?[KMG]?B?)\s*$")
_NODES = re.compile(r"^All zones: (?P<nodes>\d+) nodes (?:malloced - Sizes: .*|\((?P<bytes>\d+) bytes\))")
_MALLOCED = re.compile(r"^Process \d+: (?P<nodes>\d+) nodes malloced for (?P<size>[\d.]+) ?(?P<unit>[KMG]B)")
_DATE = re.compile(r"^Date/Time:\s+(.*)$")


@reads(
    "macos",
    "macOS: vmmap -summary, footprint, heap, leaks in a loop",
    matching(_FOOTPRINT, _NODES, _MALLOCED),
    {
        TIME: "elapsed_s:time",
        "footprint": "private_bytes",
        "malloced": "malloc.live_bytes",
        "nodes": "malloc.blocks",
    },
)
def read(text: Text) -> Rows:
    """A row of each report: the physical footprint, or what malloc has live."""
    now: Any = None
    clock = Clock()
    for number, line in text.short_lines():
        dated = _DATE.match(line)
        now = clock.moment(dated[1]) if dated else (clock.moment(line) or now) if ":" in line else now
        cells: dict[str, Any] = {}
        if match := _FOOTPRINT.match(line):
            cells["footprint"] = match["size"]
        elif match := _NODES.match(line):
            cells |= {"nodes": match["nodes"], "malloced": match["bytes"]}
        elif match := _MALLOCED.match(line):
            cells |= {"nodes": match["nodes"], "malloced": f"{match['size']} {match['unit']}"}
        if cells:
            yield number, timed(now, cells)
