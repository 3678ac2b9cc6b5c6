"""A whole machine's memory: vmstat, free and sar -r. What is in use is judged as pages."""

from __future__ import annotations

from typing import Any

from zcbench.importers.blocks import TIME, has_header, header_of, stamped_lines, timed
from zcbench.importers.cells import number as number_in
from zcbench.importers.clocks import Clock
from zcbench.importers.format import CERTAIN, Rows, matching, reads
from zcbench.importers.text import Text
from zcbench.importers.words import words

VMSTAT = words(
    "r b swpd free buff cache inact active si so bi bo in cs us sy id wa st gu UTC CET CEST EST PST timestamp"
)
SAR = words("kbmemfree kbavail kbmemused %memused kbbuffers kbcached kbcommit %commit kbactive kbinact kbdirty")


@reads(
    "vmstat",
    "vmstat -t",
    has_header(VMSTAT, 12, CERTAIN, "swpd", "free"),
    {TIME: "elapsed_s:time", "free": "machine.free_bytes:KiB", "swpd": "machine.swap_bytes:KiB"},
)
def vmstat(text: Text) -> Rows:
    """A row a line of numbers; with -t its date and time stand at the end."""
    header: list[str] = []
    for number, line in text.lines():
        found = header_of(line, VMSTAT, 12)
        if found is not None:
            header = [word for word in found if word.islower()]
            told = "vmstat tells what the machine has free, not what is used: no growth is judged by it. "
            told += "Expect something of it (--expect 'machine.free_bytes > 1GiB'), or record free or sar -r"
            text.remarks.add(told, text.where(number))
            continue
        cells = line.split()
        if not header or len(cells) < len(header) or not cells[0].isdigit():
            continue
        now = Clock().moment(" ".join(cells[len(header) :])) if len(cells) > len(header) else None
        yield number, timed(now, dict(zip(header, cells, strict=False)))


@reads(
    "sar",
    "sar -r of sysstat",
    has_header(SAR, 5, CERTAIN, "kbmemused"),
    {TIME: "elapsed_s:time", "kbmemused": "machine.used_bytes:KiB", "kbcommit": "machine.committed_bytes:KiB"},
)
def sar(text: Text) -> Rows:
    """A row a line of numbers; the averages at the end are left out."""
    header: list[str] = []
    for number, now, line in stamped_lines(text):
        found = header_of(line, SAR, 5)
        if found is not None:
            header = found
        elif header and now is not None and not line.startswith("Average"):
            cells = line.split()
            if len(cells) == len(header):
                yield number, timed(now, dict(zip(header, cells, strict=True)))


@reads(
    "free",
    "free in a loop (kB, -b, -m, -h)",
    matching(r"^\s+total\s+used\s+free\s+shared\s+buff"),
    {TIME: "elapsed_s:time", "used": "machine.used_bytes", "swap used": "machine.swap_bytes"},
)
def free(text: Text) -> Rows:
    """A row of each block. Without a unit they are KiB, MiB where the whole machine's number is too small."""
    row: dict[str, Any] = {}
    begin = 1
    for number, now, line in stamped_lines(text):
        cells = line.split()
        if cells[:1] == ["Mem:"] and len(cells) >= 4:
            if row:
                yield begin, row
            begin, row = number, timed(now, {"used": _with_unit(cells[2], cells[1])})
        elif cells[:1] == ["Swap:"] and len(cells) >= 3 and row:
            row["swap used"] = _with_unit(cells[2], cells[1])
    if row:
        yield begin, row


def _with_unit(cell: str, total: str) -> str:
    read, whole = number_in(cell), number_in(total)
    if read is None or whole is None or read.unit:
        return cell
    # No machine of today has less than 512 MiB, or more than 512 TiB.
    unit = "B" if whole.value > 2**39 else "KiB" if whole.value > 2**19 else "MiB"
    return f"{cell} {unit}"
