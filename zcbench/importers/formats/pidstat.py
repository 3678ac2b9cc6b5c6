"""sysstat's pidstat: memory (-r), threads and descriptors (-v), with its header each time."""

from __future__ import annotations

import re

from zcbench.importers.blocks import TIME, has_header, header_of
from zcbench.importers.clocks import Clock
from zcbench.importers.format import CERTAIN, Head, Rows, reads
from zcbench.importers.text import Text
from zcbench.importers.words import words

HEADS = words(
    "Time UID PID USER TGID TID minflt/s majflt/s VSZ RSS %MEM StkSize StkRef threads fd-nr %usr %system "
    "%guest %wait %CPU CPU kB_rd/s kB_wr/s kB_ccwr/s iodelay cswch/s nvcswch/s prio policy Command"
)
_sniff = has_header(HEADS, 4, CERTAIN, "PID", "Command")


# pidstat -r without its header, as grep leaves it
_MEMORY = ["UID", "PID", "minflt/s", "majflt/s", "VSZ", "RSS", "%MEM", "Command"]
_ROW = re.compile(r"^\s*\d+\s+\d+\s+\d+\.\d\d\s+\d+\.\d\d\s+\d+\s+\d+\s+\d+\.\d\d\s+\S")


def _is_pidstat(head: Head) -> float:
    rows = [_ROW.match(Clock().prefix(line)[1]) for line in head[:20] if line.strip()]
    bare = CERTAIN - 0.1 if all(rows) and rows else 0.0
    return _sniff([line.lstrip("# ") for line in head]) or bare


@reads(
    "pidstat",
    "pidstat -r, -v, -u of sysstat",
    _is_pidstat,
    {
        TIME: "elapsed_s:time",
        "RSS": "rss_bytes:KiB",
        "VSZ": "virtual_bytes:KiB",
        "threads": "threads",
        "fd-nr": "fds",
    },
    labels=("PID",),
    identity=("PID",),
)
def read(text: Text) -> Rows:
    """A row of each process each time; what -r and -v say of one time is one row."""
    header: list[str] = []
    held: tuple[int, dict[str, object]] | None = None
    for number, line in text.lines():
        if line.startswith("Average:"):
            continue
        moment, rest = Clock().prefix(line.lstrip("#"))
        words = header_of(rest, HEADS, 3)
        if words is not None:
            header = [word for word in words if word != "Time"]
            continue
        if not header and _ROW.match(rest):
            header = _MEMORY
        cells = rest.split(None, max(len(header) - 1, 0))
        if moment is None or not header or len(cells) != len(header):
            if rest.strip() and not rest.lstrip().startswith("Linux"):
                text.remarks.add("a line that is no row is left out", text.where(number))
            continue
        row = {TIME: moment, **dict(zip(header, cells, strict=True))}
        if held is not None and (held[1][TIME], held[1].get("PID")) == (moment, row.get("PID")):
            held = (held[0], {**held[1], **row})
            continue
        if held is not None:
            yield held
        held = (number, row)
    if held is not None:
        yield held
