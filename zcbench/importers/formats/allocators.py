"""What allocators print of themselves: jemalloc's statistics, mallinfo, tcmalloc's MALLOC lines."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_JEMALLOC = re.compile(
    r"^Allocated: (?P<live>\d+), active: \d+,.* resident: (?P<resident>\d+), mapped: (?P<mapped>\d+)"
)
_TCMALLOC = re.compile(r"^MALLOC:\s+(?P<live>\d+) \(\s*[\d.]+ MiB\) Bytes in use by application")
_IN_USE = re.compile(r"^in use bytes\s+=\s+(?P<live>\d+)")


@reads(
    "allocator",
    "jemalloc's malloc_stats_print, glibc's malloc_stats, tcmalloc's statistics, again and again",
    matching(_JEMALLOC, _TCMALLOC, _IN_USE),
    {TIME: "elapsed_s:time", "live": "malloc.live_bytes:bytes", "mapped": "malloc.mapped_bytes:bytes"},
)
def read(text: Text) -> Rows:
    """A row of each report; of glibc's the total over all arenas, which comes last."""
    now: Any = None
    total = False
    for number, line in text.short_lines():
        moment = (
            Clock().moment(line) or Clock().prefix(line)[0]
            if line[:1].isdigit() or line[:1] in "[SMTWF"
            else None
        )
        now = moment or now
        total = total or line.startswith("Total (incl. mmap):")
        match = _JEMALLOC.match(line) or _TCMALLOC.match(line) or (_IN_USE.match(line) if total else None)
        if match is not None:
            total = False
            yield number, timed(now, match.groupdict())
