"""A whole machine's memory: /proc/meminfo in a loop, dstat --output, glances --export csv, nmon's files."""

from __future__ import annotations

import csv
import re
from typing import Any

from zcbench.importers.blocks import TIME, fields
from zcbench.importers.clocks import Clock
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_MEMINFO = re.compile(r"^(?P<name>[A-Za-z_]+(?:\([a-z_]+\))?):\s+(?P<value>\d+) kB\s*$")


@reads(
    "meminfo",
    "/proc/meminfo in a loop",
    matching(r"^MemTotal:\s+\d+ kB"),
    {
        TIME: "elapsed_s:time",
        "used": "machine.used_bytes:KiB",
        "MemFree": "machine.free_bytes:KiB",
        "Committed_AS": "machine.committed_bytes:KiB",
        "swap used": "machine.swap_bytes:KiB",
    },
)
def meminfo(text: Text) -> Rows:
    """A row of each file: used is what is not available, as the kernel reckons it."""
    for number, row in fields(text, _MEMINFO, of_one_time=True):
        for name, whole, free in (
            ("used", "MemTotal", "MemAvailable"),
            ("swap used", "SwapTotal", "SwapFree"),
        ):
            if whole in row and free in row:
                row = {**row, name: int(row[whole]) - int(row[free])}
        yield number, row


_DSTAT = {("memory usage", "used"): "used", ("memory usage", "free"): "free", ("swap", "used"): "swap used"}


@reads(
    "dstat",
    "dstat --output",
    matching(r'^"?(?:Dstat|pcp-dstat|Dool) [\d.]+ CSV output'),
    {
        "time": "elapsed_s:time",
        "epoch": "elapsed_s:time",
        "used": "machine.used_bytes:bytes",
        "free": "machine.free_bytes:bytes",
        "swap used": "machine.swap_bytes:bytes",
    },
)
def dstat(text: Text) -> Rows:
    """A row of each line below the two of headers: groups of columns, and their columns."""
    names: list[str] = []
    groups: list[str] = []
    for number, line in text.lines():
        cells = next(csv.reader([line]), [])
        if "time" in cells or "epoch" in cells:
            names = []
            for group, cell in zip(_filled(groups, len(cells)), cells, strict=True):
                names.append(
                    _DSTAT.get((group, cell), cell if cell in ("time", "epoch") else f"{group} {cell}")
                )
        elif names and len(cells) == len(names) and cells[0][:1].isdigit():
            row = dict(zip(names, cells, strict=True))
            # dstat writes no year: "28-11 13:58:47"
            if (match := re.match(r"(\d\d)-(\d\d) (.*)$", row.get("time", ""))) is not None:
                row["time"] = f"2000-{match[2]}-{match[1]} {match[3]}"
            yield number, row
        elif not names and cells:
            groups = cells


def _filled(groups: list[str], length: int) -> list[str]:
    """The group of each column: a group's name stands above its first one alone."""
    found: list[str] = []
    for at in range(length):
        name = groups[at] if at < len(groups) else ""
        found.append(name or (found[-1] if found else ""))
    return found


@reads(
    "glances",
    "glances --export csv",
    matching(r"^timestamp,.*\bmem_total\b.*\bmem_used\b"),
    {
        "timestamp": "elapsed_s:time",
        "mem_used": "machine.used_bytes:bytes",
        "mem_free": "machine.free_bytes:bytes",
        "memswap_used": "machine.swap_bytes:bytes",
    },
)
def glances(text: Text) -> Rows:
    """A row of each line; all of it is of the machine."""
    header: list[str] = []
    for number, line in text.lines():
        cells = next(csv.reader([line]), [])
        if cells[:1] == ["timestamp"]:
            header = cells
        elif header and len(cells) == len(header):
            yield number, dict(zip(header, cells, strict=True))
        elif any(cells):
            text.remarks.add("a line that is no row is left out", text.where(number))


# "TOP,1234,T0007,%CPU,...": a process; "MEM,T0007,...": the machine; "ZZZZ,T0007,13:58:47,28-NOV-2026"
_NMON_TIME = re.compile(r"^ZZZZ,(T\d+),([\d:]+),(\d\d-[A-Z]{3}-\d{4})")


@reads(
    "nmon",
    "nmon -f: the MEM lines, and TOP lines of processes (-t)",
    matching(r"^AAA,progname,nmon"),
    {
        TIME: "elapsed_s:time",
        "ResSet": "rss_bytes:KiB",
        "Size": "virtual_bytes:KiB",
        "used": "machine.used_bytes:MiB",
    },
    labels=("PID", "Command"),
    identity=("PID",),
)
def nmon(text: Text) -> Rows:
    """A row of each process each time; without -t one of the machine."""
    top: list[str] = []
    memory: list[str] = []
    now: Any = None
    has_top = any(re.match(r"TOP,\d", line) for line in text.head())
    for number, line in text.short_lines():
        cells = line.split(",")
        if (match := _NMON_TIME.match(line)) is not None:
            now = Clock().moment(f"{match[3].title()} {match[2]}")
        elif cells[0] == "TOP" and "ResSet" in cells:
            top = [cell.lstrip("+") for cell in cells[1:]]
        elif cells[0] == "TOP" and top and len(cells) == len(top) + 1 and cells[1].isdigit():
            yield number, {TIME: now, **dict(zip(top, cells[1:], strict=True))}
        elif cells[0] == "MEM" and "memtotal" in cells:
            memory = cells
        elif cells[0] == "MEM" and memory and not has_top and cells[1:2] and cells[1].startswith("T"):
            row = dict(zip(memory, cells, strict=False))
            used = sum(float(row.get(name, 0)) * sign for name, sign in _NMON_USED.items())
            yield number, {TIME: now, "used": used}


_NMON_USED = {"memtotal": 1, "memfree": -1, "cached": -1, "buffers": -1}
