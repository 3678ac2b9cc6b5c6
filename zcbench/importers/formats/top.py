"""top -b, of Linux (procps, busybox) and macOS (top -l): a block of processes each time."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME, header_of, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text
from zcbench.importers.words import words

HEADS = words(
    "PID USER PR NI VIRT RES SHR S %CPU %MEM TIME+ COMMAND SWAP DATA nTH P UID PPID VSZ STAT CPU TIME #TH "
    "#WQ #PORT #PORTS MEM PURG CMPRS PGRP STATE BOOSTS RSIZE VSIZE CODE USED nMaj nMin nDRT WCHAN Flags "
    "CGROUPS"
)
_NOW = re.compile(r"^top - (\S+(?: [AP]M)?) up|^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)")


@reads(
    "top",
    "top -b (Linux), top -l 0 (macOS)",
    matching(r"^top - \d+:\d\d:\d\d|^\s*PID USER +PR +NI +VIRT +RES|^PID +COMMAND +%CPU"),
    {
        TIME: "elapsed_s:time",
        "RES": "rss_bytes:KiB",
        "VIRT": "virtual_bytes:KiB",
        "VSZ": "virtual_bytes:KiB",
        "SWAP": "swap_bytes:KiB",
        "nTH": "threads",
        "#TH": "threads",
        "MEM": "private_bytes",
        "RSIZE": "rss_bytes",
    },
    labels=("PID",),
    identity=("PID",),
)
def read(text: Text) -> Rows:
    """A row of each process in each block; sizes are in KiB where no unit stands."""
    header: list[str] | None = None
    now: Any = None
    for number, line in text.short_lines():
        match = _NOW.match(line)
        if match is not None:
            now = Clock().moment(match[1] or match[2])
            header = None
            continue
        words = header_of(line, HEADS, 4)
        if words is not None:
            header = words
        elif header is not None and line.strip():
            cells = line.split(None, len(header) - 1) if header[-1] == "COMMAND" else line.split()
            if len(cells) == len(header):
                row: dict[str, Any] = dict(zip(header, cells, strict=True))
                if "#TH" in row:  # "12/3": of which so many run
                    row["#TH"] = row["#TH"].partition("/")[0]
                yield number, timed(now, row)
