"""Files of /proc and of control groups in a loop: status, smaps_rollup, memory.stat, with dates between."""

from __future__ import annotations

import re

from zcbench.importers.blocks import TIME, fields
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_FIELD = re.compile(r"^(?P<name>[A-Za-z_]+):?\s+(?P<value>\d+)(?P<unit> kB)?\s*$")


@reads(
    "proc",
    "/proc/PID/status, /proc/PID/smaps_rollup, memory.stat in a loop",
    matching(
        r"^VmRSS:\s+\d+ kB", r"^Private_Dirty:\s+\d+ kB", r"^Pss:\s+\d+ kB", r"^(?:anon|inactive_anon) \d+$"
    ),
    {
        TIME: "elapsed_s:time",
        "VmRSS": "rss_bytes:KiB",
        "Rss": "rss_bytes:KiB",
        "Pss": "pss_bytes:KiB",
        "VmSize": "virtual_bytes:KiB",
        "VmSwap": "swap_bytes:KiB",
        "Swap": "swap_bytes:KiB",
        "RssAnon": "anonymous_bytes:KiB",
        "Anonymous": "anonymous_bytes:KiB",
        "Private": "uss_bytes:KiB",
        "Threads": "threads",
        "anon": "cgroup_anonymous_bytes:bytes",
    },
    identity=("Pid",),
)
def read(text: Text) -> Rows:
    """A row of each file: a new one begins with a date, or with a field that was there already."""
    for number, row in fields(text, _FIELD, of_one_time=True):
        private = [int(row[name]) for name in ("Private_Clean", "Private_Dirty") if name in row]
        yield number, {**row, "Private": sum(private)} if private else row
