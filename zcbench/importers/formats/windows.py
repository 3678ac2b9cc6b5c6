"""Windows: tasklist in a loop, PowerShell's Get-Process, and typeperf's CSV of performance counters."""

from __future__ import annotations

import csv
import re
from typing import Any

from zcbench.importers.blocks import TIME, has_header, header_of, stamped_lines, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.format import CERTAIN, Head, Rows, matching, reads
from zcbench.importers.text import SEARCHED, Text
from zcbench.importers.words import words

# "K" in English and German, "Ko" in French, "KB" in Spanish
_TASK = re.compile(
    r"^(?P<name>\S.*?)\s+(?P<pid>\d+) (?P<session>\S+)?\s+(?P<number>\d+)\s+"
    r"(?P<mem>\d[\d.,\u00a0\u202f\u2009' \ufffd]*) ?K[oB]?\s*$"
)
_TASK_CSV = re.compile(r'^"[^"]+","\d+","[^"]*","\d+","[^"]+ K[oB]?"')
_TASK_RULE = re.compile(r"^={20,} ={8} ={10,} ={8,} ={8,}\s*$")


def _is_tasklist(head: Head) -> float:
    """Certain of its header or the rule below it, in any language; else where most lines are its rows."""
    told = any(line.startswith('"Image Name","PID"') or _TASK_RULE.match(line) for line in head)
    rows = [Clock().prefix(line[:SEARCHED])[1] for line in head if line.strip()]
    fit = sum(bool(_TASK.match(row) or _TASK_CSV.match(row)) for row in rows)
    return CERTAIN if fit and (told or fit * 3 > len(rows)) else 0.0


@reads(
    "tasklist",
    "tasklist in a loop, as table or /FO CSV",
    _is_tasklist,
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
            name, pid, memory = cells[0], cells[1], cells[4]
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
        found = header_of(line, HEADS, 4)
        if found is not None:
            header = found
            continue
        cells = line.split(None, len(header) - 1) if header else []
        if header and len(cells) == len(header) - 1 and "CPU(s)" in header:
            cells.insert(header.index("CPU(s)"), "")
        if header and len(cells) == len(header) and cells[0].replace(",", "").isdigit():
            yield number, timed(now, dict(zip(header, cells, strict=True)))


# In English, German, French and Spanish.
_COUNTERS = {
    name: ours
    for ours, names in {
        "rss_bytes:bytes": ("Working Set", "Arbeitsseiten", "Plage de travail", "Espacio de trabajo"),
        "uss_bytes:bytes": ("Working Set - Private",),
        "private_bytes:bytes": ("Private Bytes", "Octets priv\u00e9s", "Bytes privados"),
        "virtual_bytes:bytes": (
            "Virtual Bytes", "Virtuelle Gr\u00f6\u00dfe", "Octets virtuels", "Bytes virtuales",
        ),
        "fds": ("Handle Count", "Handleanzahl", "Nombre de handles", "N\u00famero de identificadores"),
        "threads": ("Thread Count", "Threadanzahl", "Nombre de threads", "N\u00famero de subprocesos"),
        "clr.heap_bytes:bytes": ("# Bytes in all Heaps",),
    }.items()
    for name in names
}  # fmt: skip
_PDH = re.compile(r'^"?\(PDH-[CT]SV 4\.0\)[^",;\t]*"?(?P<delimiter>[,;\t])')


@reads(
    "typeperf",
    "typeperf, Performance Monitor: CSV of counters",
    matching(_PDH),
    {TIME: "elapsed_s:time", **_COUNTERS},
    labels=("instance",),
)
def typeperf(text: Text) -> Rows:
    """A row of each instance (process) each time; the counter's name is the last part of its path.

    Times are written with the month first, except where the list separator is a semicolon.
    """
    header: list[tuple[str, str]] = []
    delimiter = ","
    for number, line in text.lines():
        if (begin := _PDH.match(line)) is not None:
            delimiter = begin["delimiter"]
        cells = next(csv.reader([line], delimiter=delimiter), [])
        if not cells:
            continue
        if begin is not None:
            header = [_counter(cell) for cell in cells[1:]]
        elif len(cells) == len(header) + 1:
            moment = Clock(day_first=delimiter == ";").moment(cells[0])
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
