"""Windows: tasklist in a loop, PowerShell's Get-Process, and typeperf's CSV of performance counters."""

from __future__ import annotations

import csv
import re
from typing import Any

from zcbench.importers.blocks import TIME, has_header, header_of, stamped_lines, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.format import CERTAIN, Rows, matching, reads
from zcbench.importers.text import Text
from zcbench.importers.words import words

_TASK = re.compile(
    r"^(?P<name>\S.*?)\s+(?P<pid>\d+) (?P<session>\S+)?\s+(?P<number>\d+)\s+"
    r"(?P<mem>\d[\d.,\u00a0\u202f' ]*) ?K\b"
)
_TASK_CSV = re.compile(r'^"[^"]+","\d+","[^"]*","\d+","[^"]+K"')


@reads(
    "tasklist",
    "tasklist in a loop, as table or /FO CSV",
    matching(r"^Image Name\s+PID Session Name", _TASK_CSV, r'^"Image Name","PID"'),
    {TIME: "elapsed_s:time", "Mem Usage": "rss_bytes:KiB"},
    labels=("Image Name", "PID"),
    identity=("PID",),
)
def tasklist(text: Text) -> Rows:
    """A row of each process each time; K is 1,024 bytes of working set, whatever stands between its digits."""
    for number, now, line in stamped_lines(text):
        match = _TASK.match(line)
        if match is not None:
            name, pid, memory = match["name"], match["pid"], match["mem"]
        elif _TASK_CSV.match(line):
            cells = next(csv.reader([line]))
            name, pid, memory = cells[0], cells[1], cells[4].rstrip("K")
        else:
            continue
        yield number, timed(now, {"Image Name": name, "PID": pid, "Mem Usage": re.sub(r"\D", "", memory)})


HEADS = words("Handles NPM(K) PM(K) WS(K) WS(M) PM(M) NPM(M) VM(M) CPU(s) Id SI ProcessName")


@reads(
    "get-process",
    "PowerShell: Get-Process in a loop",
    has_header(HEADS, 5, CERTAIN, "ProcessName"),
    {
        TIME: "elapsed_s:time",
        "WS(K)": "rss_bytes:KiB",
        "WS(M)": "rss_bytes:MiB",
        "PM(K)": "private_bytes:KiB",
        "PM(M)": "private_bytes:MiB",
        "Handles": "fds",
    },
    labels=("ProcessName", "Id"),
    identity=("Id",),
)
def get_process(text: Text) -> Rows:
    """A row of each process each time. CPU(s) is empty for a process of another user."""
    header: list[str] = []
    for number, now, line in stamped_lines(text):
        found = header_of(line, HEADS, 5)
        if found is not None:
            header = found
            continue
        cells = line.split(None, len(header) - 1) if header else []
        if header and len(cells) == len(header) - 1 and "CPU(s)" in header:
            cells.insert(header.index("CPU(s)"), "")
        if header and len(cells) == len(header) and cells[0].replace(",", "").isdigit():
            yield number, timed(now, dict(zip(header, cells, strict=True)))


_COUNTERS = {
    "Working Set": "rss_bytes:bytes",
    "Working Set - Private": "uss_bytes:bytes",
    "Private Bytes": "private_bytes:bytes",
    "Handle Count": "fds",
    "Thread Count": "threads",
    "Virtual Bytes": "virtual_bytes:bytes",
    "# Bytes in all Heaps": "clr.heap_bytes:bytes",
}


@reads(
    "typeperf",
    "typeperf, Performance Monitor: CSV of counters",
    matching(r'^"?\(PDH-CSV 4\.0\)'),
    {TIME: "elapsed_s:time", **_COUNTERS},
    labels=("instance",),
)
def typeperf(text: Text) -> Rows:
    """A row of each instance (process) each time; the counter's name is the last part of its path."""
    header: list[tuple[str, str]] = []
    for number, line in text.short_lines():
        cells = next(csv.reader([line]), [])
        if not cells:
            continue
        if cells[0].startswith("(PDH-CSV"):
            header = [_counter(cell) for cell in cells[1:]]
        elif len(cells) == len(header) + 1:
            moment = Clock().moment(cells[0])
            rows: dict[str, dict[str, Any]] = {}
            for (instance, counter), cell in zip(header, cells[1:], strict=True):
                rows.setdefault(instance, {TIME: moment, "instance": instance})[counter] = cell.strip()
            for row in rows.values():
                yield number, row
        else:
            text.remarks.add("a line that is no row is left out", text.where(number))


def _counter(path: str) -> tuple[str, str]:
    """Instance and counter of "\\\\\\\\HOST\\\\Process(app)\\\\Working Set"."""
    match = re.search(r"\\([^\\]*?)(?:\(([^)]*)\))?\\([^\\]+)$", path)
    return (match[2] or match[1], match[3]) if match else ("", path)
