"""memory_profiler's mprof run: MEM lines in MiB with the time since 1970, CHLD lines of child processes."""

from __future__ import annotations

import re

from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_READING = re.compile(r"(?:MEM|CHLD (?P<child>\d+)) (?P<mem>[\d.]+) (?P<time>\d+\.\d+)\s*$")


@reads(
    "mprof",
    "memory_profiler: mprof run",
    matching(r"^(?:MEM|CHLD \d+) [\d.]+ \d{9,}\.\d+$"),
    {"time": "elapsed_s:unix", "MEM": "rss_bytes:MiB"},
    labels=("process",),
)
def read(text: Text) -> Rows:
    """A row of each reading; a child's are a series of their own. FUNC lines are left out."""
    for number, line in text.short_lines():
        match = _READING.match(line)
        if match is not None:
            process = f"child-{match['child']}" if match["child"] else "main"
            yield number, {"time": match["time"], "MEM": match["mem"], "process": process}
        elif line.strip() and not line.startswith(("CMDLINE", "FUNC")):
            text.remarks.add("a line that is no reading is left out", text.where(number))
