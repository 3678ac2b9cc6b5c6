"""Lines of metrics daemons: statsd's name:value|type, Graphite's name value time, collectd's CSV files."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME, stamped_lines, timed
from zcbench.importers.format import CERTAIN, LIKELY, Head, Rows, matching, reads
from zcbench.importers.formats import prometheus
from zcbench.importers.text import Text

_STATSD = re.compile(
    r"(?P<name>[A-Za-z][\w./-]*):(?P<value>[+-]?\d[\d.]*)\|(?P<type>ms|[gcshd])(?:\|@(?P<share>[\d.]+))?"
)
_GRAPHITE = re.compile(
    r"^(?P<name>[A-Za-z][\w.;=-]*\.[\w.;=-]+) (?P<value>[+-]?\d[\d.eE+-]*) (?P<time>\d{10})(?:\.\d+)?\s*$"
)


@reads("statsd", "statsd's lines: name:value|g", matching(_STATSD), {TIME: "elapsed_s:time"}, guess=True)
def statsd(text: Text) -> Rows:
    """A row of all lines of one time until a name comes again; counters are summed, gauges are as they are."""
    sums: dict[str, float] = {}
    row: dict[str, Any] = {}
    begin, at = 1, None
    for number, now, line in stamped_lines(text):
        for match in _STATSD.finditer(line):
            name, value = match["name"], float(match["value"])
            counts = match["type"] == "c"
            if row and (now != at or (name in row and not counts)):
                yield begin, timed(at, row)
                row = {}
            if not row:
                begin, at = number, now
            if counts:
                value = sums[name] = sums.get(name, 0.0) + value / float(match["share"] or 1.0)
            elif match["type"] == "g" and match["value"][0] in "+-":
                value = sums[name] = sums.get(name, 0.0) + value
            row[name] = value
    if row:
        yield begin, timed(at, row)


@reads(
    "graphite",
    "Graphite's plain text: name value time",
    matching(_GRAPHITE, confidence=LIKELY + 0.1),
    {TIME: "elapsed_s:time"},
    guess=True,
)
def graphite(text: Text) -> Rows:
    """A row of all lines of one time."""
    row: dict[str, Any] = {}
    begin = 1
    for number, line in text.short_lines():
        match = _GRAPHITE.match(line)
        if match is None:
            text.remarks.add("a line that is no reading is left out", text.where(number))
            continue
        time = float(match["time"])
        if row and (row[TIME] != time or match["name"] in row):
            yield begin, row
            row = {}
        if not row:
            begin, row = number, {TIME: time}
        row[match["name"]] = match["value"]
    if row:
        yield begin, row


_QUERIED = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)?(?P<labels>\{.*\})? =>\s*(?P<rest>.*)$")
_AT = re.compile(r"^\s*(?P<value>\S+) @\[(?P<time>[\d.]+)\]\s*$")


@reads(
    "promtool",
    "promtool query range, query instant",
    matching(r"^[\w:]*(?:\{.*\})? =>\s*(?:\S+ @\[[\d.]+\]\s*)?$"),
    prometheus.COLUMNS,
    labels=("series",),
    guess=True,
)
def promtool(text: Text) -> Rows:
    """A row of each reading; readings of several labels are series of their own."""
    name, labels = "value", ""
    for number, line in text.lines():
        if (begin := _QUERIED.match(line)) is not None:
            name, labels = begin["name"] or "value", begin["labels"] or ""
            line = begin["rest"]
        if (match := _AT.match(line)) is not None:
            yield number, {TIME: float(match["time"]), "series": labels, name: match["value"]}


def _is_collectd(head: Head) -> float:
    """Certain of the header of collectd's csv plugin, which names times "epoch"."""
    return CERTAIN if head[0].startswith("epoch,") else 0.0


_FILE = re.compile(r"^(?P<name>.+?)(?:-\d{4}-\d\d-\d\d)?(?:\.\w+)*$")


@reads(
    "collectd",
    "collectd's csv plugin: ps_rss-2026-11-28 and the like",
    _is_collectd,
    {
        TIME: "elapsed_s:time",
        "ps_rss": "rss_bytes:bytes",
        "ps_vm": "virtual_bytes:bytes",
        "ps_count threads": "threads",
        "ps_count processes": "processes",
        "file_handles": "fds",
        "memory-used": "machine.used_bytes:bytes",
        "memory-free": "machine.free_bytes:bytes",
    },
)
def collectd(text: Text) -> Rows:
    """A row of each line; what it counts stands in the file's name alone."""
    match = _FILE.match(text.path.name)
    called = match["name"] if match else text.path.name
    header: list[str] = []
    for number, line in text.short_lines():
        cells = line.split(",")
        if cells[0] == "epoch":
            header = [called if name == "value" else f"{called} {name}" for name in cells[1:]]
        elif len(cells) == len(header) + 1:
            yield number, {TIME: cells[0], **dict(zip(header, cells[1:], strict=True))}
        else:
            text.remarks.add("a line that is no row is left out", text.where(number))
