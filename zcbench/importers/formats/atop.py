"""atop -P PRM: a line of each process each time, in the order that its manual gives."""

from __future__ import annotations

import re

from zcbench.importers.blocks import TIME
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

# label host epoch date time interval, then of PRM: pid (name) state pagesize vsize rsize, in bytes and KiB
_LINE = re.compile(
    r"^PRM \S+ (?P<time>\d+) \S+ \S+ \d+ (?P<pid>\d+) \((?P<name>.*?)\) (?P<state>[A-Z]) "
    r"(?P<page>\d+) (?P<vsize>\d+) (?P<rsize>\d+) "
)


@reads(
    "atop",
    "atop -P PRM",
    matching(_LINE),
    {TIME: "elapsed_s:time", "rsize": "rss_bytes:KiB", "vsize": "virtual_bytes:KiB"},
    labels=("pid", "name"),
    identity=("pid",),
)
def read(text: Text) -> Rows:
    """A row of each process each time; those that ended (state E) no longer have memory."""
    for number, line in text.short_lines():
        match = _LINE.match(line)
        if match is not None and match["state"] != "E":
            row = {name: match[name] for name in ("pid", "name", "rsize", "vsize")}
            yield number, {TIME: float(match["time"]), **row}
