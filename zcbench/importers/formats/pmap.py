"""pmap in a loop: the line of totals, of the plain form (what is mapped) and of -x (what is resident too)."""

from __future__ import annotations

import re

from zcbench.importers.blocks import TIME, stamped_lines, timed
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_TOTAL = re.compile(r"^\s*total(?: kB)?\s+(?P<mapped>\d+)(?P<unit>K?)(?:\s+(?P<rss>\d+)\s+(?P<dirty>\d+))?\s*$")
_MAPPED = re.compile(r"^mapped: (?P<mapped>\d+)K\s+writeable/private: (?P<private>\d+)K\s+shared: \d+K")


@reads(
    "pmap",
    "pmap, pmap -x, pmap -d in a loop",
    matching(_TOTAL, _MAPPED),
    {
        TIME: "elapsed_s:time",
        "RSS": "rss_bytes:KiB",
        "private": "private_bytes:KiB",
        "mapped": "virtual_bytes:KiB",
    },
)
def read(text: Text) -> Rows:
    """A row of each line of totals; the mappings themselves are left out."""
    for number, now, line in stamped_lines(text):
        match = _TOTAL.match(line) or _MAPPED.match(line)
        if match is None:
            continue
        part = match.groupdict()
        cells = {"mapped": part["mapped"], "RSS": part.get("rss"), "private": part.get("private")}
        yield number, timed(now, {name: cell for name, cell in cells.items() if cell is not None})
