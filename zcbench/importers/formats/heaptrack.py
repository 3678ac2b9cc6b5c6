"""heaptrack_print's summary: one reading, of the end."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_LINES = {
    "runtime": re.compile(r"^total runtime: (\S+)s\.?"),
    "allocations": re.compile(r"^calls to allocation functions: (\d+)"),
    "leaked": re.compile(r"^total memory leaked: (\S+)"),
    "rss": re.compile(r"^peak RSS \(including heaptrack overhead\): (\S+)"),
}


@reads(
    "heaptrack",
    "heaptrack_print's text",
    matching(r"^total memory leaked: |^peak heap memory consumption: "),
    {"runtime": "elapsed_s", "allocations": "malloc.allocations", "leaked": "malloc.live_bytes"},
)
def read(text: Text) -> Rows:
    """One row: what was not freed at the end. A course over time is in heaptrack_print -M's file."""
    row: dict[str, Any] = {}
    last = 1
    for number, line in text.short_lines():
        for name, pattern in _LINES.items():
            match = pattern.match(line)
            if match is not None:
                row[name], last = match[1].rstrip("."), number
    if "leaked" in row:
        yield last, row
