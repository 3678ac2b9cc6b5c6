"""Files of /proc and of control groups in a loop: status, smaps_rollup, memory.stat, with dates between."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME, stamped_lines
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
    row: dict[str, Any] = {}
    begin, at = 1, None
    for number, now, line in stamped_lines(text):
        match = _FIELD.match(line)
        if match is None:
            continue
        name = match["name"]
        if row and (name in row or now != at):
            yield begin, _row(row, at)
            row = {}
        if not row:
            begin, at = number, now
        row[name] = match["value"]
    if row:
        yield begin, _row(row, at)


def _row(row: dict[str, Any], now: Any) -> dict[str, Any]:
    private = [int(row[name]) for name in ("Private_Clean", "Private_Dirty") if name in row]
    cells = {**row, "Private": sum(private)} if private else row
    return cells if now is None else {TIME: now, **cells}
