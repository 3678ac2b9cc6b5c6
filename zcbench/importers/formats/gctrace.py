"""Go's GODEBUG=gctrace=1: a line a collection; the live heap that it leaves is a low-water mark."""

from __future__ import annotations

import re

from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_LINE = re.compile(
    r"\bgc (?P<n>\d+) @(?P<at>[\d.]+)s \d+%: .*?(?P<before>\d+)->(?P<at_end>\d+)->(?P<live>\d+) MB"
)


@reads(
    "gctrace",
    "Go: GODEBUG=gctrace=1",
    matching(_LINE),
    {
        "at": "elapsed_s",
        "live": "go.heap_bytes:MiB",
        "collections": "runtime.full_collections",
    },
)
def read(text: Text) -> Rows:
    """A row a collection; @ is the time since the program's start, MB are MiB, and the last is what lives."""
    for number, line in text.short_lines():
        match = _LINE.search(line)
        if match is None:
            if line.strip():
                text.remarks.add("a line that is no reading is left out", text.where(number))
            continue
        yield number, {"at": match["at"], "live": match["live"], "collections": match["n"]}
