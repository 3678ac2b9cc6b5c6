"""Counters of network devices in a loop: ip -s link, ifconfig, ethtool -S, /proc/net/dev, netstat -su."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from zcbench.importers.blocks import stamped_lines, timed
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text
from zcbench.record.writer import RecordError

RECEIVED, DROPPED = "received", "dropped"
_LINK = re.compile(r"^\d+: (?P<name>[\w.@-]+): <")
_LINK_HEADER = re.compile(r"^\s+(?P<way>[RT]X):\s+bytes\s+packets\s+(?P<rest>errors\s+dropped\s.*)$")
_IFCONFIG = re.compile(r"^(?P<name>[\w.-]+)(?:: flags=|\s+Link encap)")
_IFCONFIG_RX = re.compile(r"^\s+RX packets[ :](?P<received>\d+)")
_IFCONFIG_ERRORS = re.compile(
    r"^\s+RX (?:packets:\d+ )?errors[ :]\d+\s+dropped[ :](?P<dropped>\d+)\s+overruns[ :](?P<overruns>\d+)"
)
_ETHTOOL = re.compile(r"^NIC statistics:\s*$")
_STATISTIC = re.compile(r"^\s+(?P<name>[\w.]+): (?P<value>\d+)\s*$")
_PROC = re.compile(
    r"^\s*(?P<name>[\w.-]+):\s*\d+\s+(?P<received>\d+)\s+\d+\s+(?P<drop>\d+)\s+(?P<fifo>\d+)(?:\s+\d+){11}\s*$"
)
_UDP = re.compile(r"^Udp:\s*$")
_UDP_LINE = re.compile(
    r"^\s+(?P<value>\d+) (?P<name>packets received|receive buffer errors|packet receive errors)\s*$"
)
# What ethtool's drivers call packets that found no room; one packet may be counted by several of them.
_NO_ROOM = re.compile(
    r"(?:rx|port\.rx)_(?:dropped|missed(?:_errors)?|fifo_errors|over_errors|no_buffer_count|out_of_buffer|"
    r"no_dma_resources|discards(?:_phy)?|alloc_failed)|imissed|rx_nombuf"
)


@reads(
    "net-counters",
    "counters of a network device in a loop: ip -s link, ifconfig, ethtool -S, /proc/net/dev, netstat -su",
    matching(
        _LINK_HEADER, r"^Inter-\|\s+Receive", _IFCONFIG_ERRORS, _ETHTOOL, r"^\s+\d+ packet receive errors"
    ),
    {"time": "elapsed_s:time", RECEIVED: "engine.delivered", DROPPED: "engine.drops"},
    labels=("interface",),
)
def read(text: Text) -> Rows:
    """A row of each interface each time, of what came and was dropped since the first reading.

    Raises RecordError for one reading alone: the counters count since the machine began.
    """
    first: dict[str, dict[str, int]] = {}
    last: dict[str, dict[str, int]] = {}
    again = False
    for number, now, name, counts in _blocks(text):
        again = again or name in first
        before = first.setdefault(name, counts)
        if any(counts[key] < last.get(name, counts).get(key, 0) for key in counts):
            before = first[name] = dict.fromkeys(counts, 0)  # the driver was loaded anew
        last[name] = counts
        yield (
            number,
            timed(now, {"interface": name, **{key: n - before.get(key, 0) for key, n in counts.items()}}),
        )
    if first and not again:
        raise RecordError(
            f"{text.name}: one reading of counters that count since the machine began says nothing of a run: "
            "give two or more, of its begin and its end"
        )


def _blocks(text: Text) -> Iterator[tuple[int, Any, str, dict[str, int]]]:
    """Each interface's counters, with the line they end at and their time."""
    name, way = "all", ""
    names: list[str] = []
    row: dict[str, int] = {}
    kept: tuple[int, Any] = (1, None)
    for number, now, line in stamped_lines(text):
        begins = _LINK.match(line) or _IFCONFIG.match(line)
        if begins is not None or _ETHTOOL.match(line) or _UDP.match(line):
            if DROPPED in row:
                yield *kept, name, row
            name, row = ("all" if begins is None else begins["name"]), {}
        kept = (number, now)
        if (proc := _PROC.match(line)) is not None:
            dropped = int(proc["drop"]) + int(proc["fifo"])
            yield number, now, proc["name"], {RECEIVED: int(proc["received"]), DROPPED: dropped}
        elif (header := _LINK_HEADER.match(line)) is not None:
            way, names = header["way"], ["bytes", RECEIVED, *header["rest"].split()]
        elif way and names and len(cells := line.split()) == len(names) and all(map(str.isdigit, cells)):
            if way == "RX":
                found = dict(zip(names, map(int, cells), strict=True))
                row = {RECEIVED: found[RECEIVED], DROPPED: found["dropped"] + found.get("missed", 0)}
            way = ""
        else:
            _counted(line, row)
    if DROPPED in row:
        yield *kept, name, row


def _counted(line: str, row: dict[str, int]) -> None:
    """Take what a line of ifconfig, ethtool or netstat counts into ``row``."""
    if (match := _IFCONFIG_RX.match(line)) is not None:
        row[RECEIVED] = int(match["received"])
    if (match := _IFCONFIG_ERRORS.match(line)) is not None:
        row[DROPPED] = max(int(match["dropped"]), int(match["overruns"]))
    elif (match := _STATISTIC.match(line)) is not None:
        if match["name"] == "rx_packets":
            row[RECEIVED] = int(match["value"])
        elif _NO_ROOM.fullmatch(match["name"]):
            row[DROPPED] = max(row.get(DROPPED, 0), int(match["value"]))
    elif (match := _UDP_LINE.match(line)) is not None:
        key = RECEIVED if match["name"] == "packets received" else DROPPED
        row[key] = max(row.get(key, 0), int(match["value"]))
