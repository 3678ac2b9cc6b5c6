"""top -b, of Linux (procps, busybox) and macOS (top -l): a block of processes each time."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME, header_of, stamped_lines, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text
from zcbench.importers.words import words

HEADS = words(
    "PID USER PR NI VIRT RES SHR S %CPU %MEM TIME+ COMMAND SWAP DATA nTH P UID PPID VSZ STAT CPU TIME #TH "
    "#WQ #PORT #PORTS MEM PURG CMPRS PGRP STATE BOOSTS RSIZE VSIZE CODE USED nMaj nMin nDRT WCHAN Flags "
    "CGROUPS S[%CPU] ARGS %VSZ"
)
_LINUX = ["PID", "USER", "PR", "NI", "VIRT", "RES", "SHR", "S", "%CPU", "%MEM", "TIME+", "COMMAND"]
# A row of it that grep took from below its header
_ROW = re.compile(
    r"^(?:\S+ \S+ )?\s*\d+ \S+\s+(?:-?\d+|rt)\s+-?\d+\s+[\d.]+[mgt]?\s+[\d.]+[mgt]?\s+[\d.]+[mgt]?\s+[A-Z]\s+"
    r"[\d.,]+\s+[\d.,]+\s+\d+:[\d:.]+\s+\S"
)
_NOW = re.compile(r"^top - (\S+(?: [AP]M)?) up|^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)")


@reads(
    "top",
    "top -b (Linux), top -l 0 (macOS)",
    matching(
        r"^top - \d+:\d\d:\d\d|^\s*PID USER +PR +NI +VIRT +RES|^PID +COMMAND +%CPU",
        r"^\s*PID +PPID +USER +STAT +VSZ",
        _ROW,
    ),
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
    for number, stamp, line in stamped_lines(text):
        match = _NOW.match(line)
        if match is not None:
            now = Clock().moment(match[1] or match[2])
            header = None
            continue
        words = header_of(line, HEADS, 4)
        if words is not None:
            header = words
        elif _ROW.match(line) and header is None:
            yield number, timed(stamp, dict(zip(_LINUX, line.split(None, len(_LINUX) - 1), strict=True)))
        elif header is not None and line.strip():
            free = header[-1] in ("COMMAND", "ARGS")
            cells = line.split(None, len(header) - 1) if free else line.split()
            if len(cells) == len(header) and (header[0] != "PID" or cells[0].rstrip("*+-").isdigit()):
                row: dict[str, Any] = dict(zip(header, cells, strict=True))
                if "#TH" in row:  # "12/3": of which so many run
                    row["#TH"] = row["#TH"].partition("/")[0]
                yield number, timed(now or stamp, row)
