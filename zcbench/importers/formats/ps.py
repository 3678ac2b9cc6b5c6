"""ps in a loop: with its header, once or each time, with a date before a line or above it, or neither."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from zcbench.importers.blocks import TIME, blocks, has_header, header_of, matches, stamped, stamped_lines, timed
from zcbench.importers.format import CERTAIN, LIKELY, Head, Rows, reads
from zcbench.importers.text import Text
from zcbench.importers.words import words

HEADS = words(
    "PID PPID TGID TID LWP SPID USER UID RUSER %CPU %MEM CPU C VSZ VSIZE SZ RSS RSZ RSSIZE SIZE NLWP "
    "THCNT TTY TT STAT S STARTED START STIME TIME ELAPSED COMMAND CMD NI PRI PSR CLS WCHAN PSS USS SWAP "
    "MAJFL MINFL TH F ADDR PGID SID UCMD USERNAME STATE NICE PROCESS/NLWP"
)
# etime: "05:10" is minutes and seconds, never hours and minutes
_ETIME = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)")
# /proc/PID/statm, in pages; "lib" and "dt" are 0 since Linux 2.6
_STATM = ["size", "resident", "shared", "text", "lib", "data", "dt"]
# Of KiB all multiples of 4 MiB, and 1 GiB at least, would be a strange chance: they are bytes, whole pages.
_PAGE_BYTES, _LEAST_BYTES, _FEW = 4096, 2**20, 4
COLUMNS = {
    TIME: "elapsed_s:time",
    "ELAPSED": "elapsed_s",
    "RSS": "rss_bytes:KiB",
    "RSS bytes": "rss_bytes:bytes",
    "VSZ bytes": "virtual_bytes:bytes",
    "resident": "rss_bytes:pages",
    "size": "virtual_bytes:pages",
    "RSZ": "rss_bytes:KiB",
    "RSSIZE": "rss_bytes:KiB",
    "VSZ": "virtual_bytes:KiB",
    "VSIZE": "virtual_bytes:KiB",
    "PSS": "pss_bytes:KiB",
    "USS": "uss_bytes:KiB",
    "NLWP": "threads",
    "THCNT": "threads",
    "MINFL": "faults_minor",
    "MAJFL": "faults_major",
}


has_rss = has_header(HEADS, 2, CERTAIN - 0.1, "RSS")
has_vsz = has_header(HEADS, 4, CERTAIN - 0.1, "PID", "VSZ")  # busybox shows no more


@reads(
    "ps",
    "ps in a loop, with its header",
    lambda head: max(has_rss(head), has_vsz(head)),
    COLUMNS,
    labels=("PID",),
    identity=("PID", "STARTED", "START", "STIME"),
)
def read(text: Text) -> Rows:
    """A row of each process each time; sizes are in KiB on every system."""
    for number, row in blocks(text, HEADS, last_is_free=True):
        match = _ETIME.fullmatch(row.get("ELAPSED", ""))
        if match is not None:
            days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
            row = {**row, "ELAPSED": str(((days * 24 + hours) * 60 + minutes) * 60 + seconds)}
        yield number, row


_AUX = re.compile(
    r"^(?P<USER>\S+)\s+(?P<PID>\d+)\s+(?P<CPU>[\d.]+)\s+(?P<MEM>[\d.]+)\s+(?P<VSZ>\d+)\s+(?P<RSS>\d+)\s+"
    r"\S+\s+[A-Z][\w<+]*\s+\S+\s+\d+:\d+(?:\.\d+)?\s+(?P<COMMAND>.*)$"
)


def _is_aux(head: Head) -> float:
    """Certain where lines are those of ps aux without its header."""
    rows = [row for _, _, row in stamped(enumerate(head))]
    return CERTAIN - 0.15 if sum(_AUX.match(row) is not None for row in rows) * 2 > len(rows) else 0.0


@reads(
    "ps-aux",
    "ps aux | grep in a loop",
    _is_aux,
    COLUMNS,
    labels=("PID",),
    identity=("PID",),
)
def aux(text: Text) -> Rows:
    """A row of each process each time."""
    for number, now, match in matches(text, _AUX):
        yield number, timed(now, match.groupdict())


def _bare(line: str) -> list[str] | None:
    """The cells of a line of ps without a header: whole numbers, a command at the end."""
    cells = line.split()
    numbers = sum(cell.isdigit() for cell in cells)
    if any(cell[-1] in ":=" for cell in cells):
        return None  # "Id : 4411" names its numbers
    return cells if numbers >= 1 and numbers >= len(cells) - 2 else None


def _is_bare(head: Head) -> float:
    """Likely where every line is of statm, or a time and then as many whole numbers, with a command or not."""
    rows = [(moment, row) for _, moment, row in stamped(enumerate(head))]
    statm = [row.split() for _, row in rows[:20]]
    if len(rows) > 1 and all(len(one) == len(_STATM) and one[4] == one[6] == "0" for one in statm):
        return LIKELY
    if len(rows) < 2 or any(moment is None for moment, _ in rows[:20]):
        return 0.0
    cells = [_bare(rest) for _, rest in rows[:20]]
    if None in cells or len({len(one) for one in cells if one}) != 1 or header_of(rows[0][1], HEADS, 2):
        return 0.0
    return LIKELY


@reads(
    "ps-bare",
    "ps in a loop without a header (-o rss=): a time, then its numbers",
    _is_bare,
    COLUMNS,
    labels=("PID",),
    identity=("PID",),
)
def bare(text: Text) -> Rows:
    """Rows whose columns are told by what they hold: a pid stays, sizes are multiples of 4, VSZ above RSS."""
    names = _names([cells for _, _, cells in _lines(text)])
    told = [f"column {n} is {name}" for n, name in enumerate(names, 1) if not name.startswith("column")]
    text.remarks.add(f"no header; by what they hold {', '.join(told)}", text.where(1))
    for number, now, cells in _lines(text):
        if len(cells) < len(names):
            text.remarks.add("a line that is no row is left out", text.where(number))
            continue
        yield number, timed(now, dict(zip(names, cells, strict=False)))


def _lines(text: Text) -> Iterator[tuple[int, Any, list[str]]]:
    for number, now, line in stamped_lines(text):
        cells = _bare(line)
        if cells is not None:
            yield number, now, cells


def _is_bytes(sizes: list[int]) -> bool:
    """Whether sizes can only be bytes (memory.current): whole pages, each of them, and of several values."""
    whole = min(sizes) >= _LEAST_BYTES and all(size % _PAGE_BYTES == 0 for size in sizes)
    return whole and len(set(sizes)) >= _FEW


def _names(rows: list[list[str]]) -> list[str]:
    """A name for each column: PID, RSS, VSZ, NLWP, COMMAND, or what nobody can tell."""
    width = min(map(len, rows), default=0)
    columns = [[row[n] for row in rows] for n in range(width)]
    if width == len(_STATM) and all(row[4] == row[6] == "0" for row in rows):
        return _STATM
    names = [f"column{n}" for n in range(1, width + 1)]
    whole = [n for n, column in enumerate(columns) if all(cell.isdigit() for cell in column)]
    values = {n: [int(cell) for cell in columns[n]] for n in whole}
    sizes = [n for n, v in values.items() if max(v) >= 1024 and all(one % 4 == 0 for one in v)]
    # A pid need not be the same in all rows, and may be a multiple of 4: it is the first that hardly changes.
    steady = [n for n in values if len(set(columns[n])) * 4 <= len(rows) and max(values[n]) > 1]
    pid = next((n for n in steady if n not in sizes or len(sizes) > 2), None)
    if pid is None and len(sizes) == 2 and sizes[0] == 0:
        # The first stays while the second moves: whatever it is, the second is resident memory.
        still, moving = (len(set(columns[n])) for n in sizes)
        pid = 0 if still * 2 < moving else None
    sizes = sorted((n for n in sizes if n != pid), key=lambda n: sum(values[n]))
    if pid is not None and max(values[pid]) >= 100:
        names[pid] = "PID"
    for n, name in zip(sizes, ("RSS", "VSZ"), strict=False):
        names[n] = f"{name} bytes" if _is_bytes(values[n]) else name
    threads = [n for n in values if n not in sizes and n != pid and 0 < max(values[n]) < 10_000]
    if len(threads) == 1 and len(sizes) > 0:
        names[threads[0]] = "NLWP"
    return names
