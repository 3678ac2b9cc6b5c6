"""What capture tools say of packets: tcpdump, dumpcap, Suricata, ping, OBS Studio, Zeek, Snort, radios."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME, stamped_lines, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.losses import LOST, XRUNS, Losses
from zcbench.importers.text import Text

# "123 packets captured", "4 packets dropped by kernel"; "Packets received/dropped on interface 'eth0': 123/4"
_CAPTURED = re.compile(r"^(?P<count>\d+) packets? (?P<what>captured|received by filter|dropped)\b")
_INTERFACE = re.compile(r"^Packets received/dropped on interface '[^']*': (?P<received>\d+)/(?P<dropped>\d+)")


@reads(
    "tcpdump",
    "what tcpdump and dumpcap say at their end",
    matching(_CAPTURED, _INTERFACE),
    {TIME: "elapsed_s:time", "captured": "engine.captured", "dropped": "engine.drops"},
)
def tcpdump(text: Text) -> Rows:
    """One row of totals: what was written, and what was dropped on all interfaces together."""
    row: dict[str, int] = {}
    for _, line in text.short_lines():
        if (match := _CAPTURED.match(line)) is not None and match["what"] != "received by filter":
            # tcpdump: dropped by kernel, by interface; tshark: dropped from eth0
            row[match["what"]] = row.get(match["what"], 0) + int(match["count"])
        elif (match := _INTERFACE.match(line)) is not None:
            row["dropped"] = row.get("dropped", 0) + int(match["dropped"])
            row["captured"] = row.get("captured", 0) + int(match["received"])
    if row:
        yield 1, row


_DATE = re.compile(r"^Date: (?P<day>\d+/\d+/\d{4}) -- (?P<time>[\d:]+)")
_COUNTER = re.compile(r"^(?P<name>[a-z][\w.]+)\s+\| Total\s+\| (?P<value>\d+)\s*$")


@reads(
    "suricata",
    "Suricata's stats.log",
    matching(r"^Counter\s+\| TM Name\s+\| Value"),
    {
        TIME: "elapsed_s:time",
        "capture.kernel_packets": "engine.captured",
        "capture.kernel_drops": "engine.drops",
    },
)
def suricata(text: Text) -> Rows:
    """A row of each report, of the totals over all threads."""
    row: dict[str, Any] = {}
    begin = 1
    for number, line in text.short_lines():
        if (date := _DATE.match(line)) is not None:
            if len(row) > 1:
                yield begin, row
            begin, row = number, {TIME: Clock().moment(f"{date['day']} {date['time']}")}
        elif (match := _COUNTER.match(line)) is not None:
            row[match["name"]] = match["value"]
    if len(row) > 1:
        yield begin, row


_ECHO = re.compile(r"\bicmp_seq=(?P<seq>\d+) .*?\btime=")
_PINGED = re.compile(r"^(?P<due>\d+) packets transmitted, (?P<received>\d+) (?:packets )?received")


@reads(
    "ping",
    "ping: echoes, and what it says at its end",
    matching(_ECHO, _PINGED),
    {TIME: "elapsed_s:time", "received": "engine.delivered", "due": "due"},
)
def ping(text: Text) -> Rows:
    """One row of totals; without the line at its end, of the echoes that came and the highest number of one."""
    echoes = highest = 0
    for number, line in text.short_lines():
        if (end := _PINGED.match(line)) is not None:
            yield number, end.groupdict()
            return
        if (echo := _ECHO.search(line)) is not None and "DUP!" not in line:
            # The number begins anew after 65,535.
            highest += (int(echo["seq"]) - highest) % 65_536
            echoes += 1
    if echoes:
        yield 1, {"received": echoes, "due": highest}


_OUTPUT = re.compile(r"(?P<what>Total frames output|Total drawn frames): (?P<count>\d+)")
_LOST = re.compile(
    r"[Nn]umber of (?:lagged|dropped|skipped) frames due to (?P<why>rendering|encoding|insufficient)[^:]*: "
    r"(?P<count>\d+)"
)


@reads(
    "obs",
    "OBS Studio's log: frames lagged, skipped, dropped",
    matching(_LOST),
    {TIME: "elapsed_s:time", "output": "engine.delivered", "lost": "engine.drops"},
)
def obs(text: Text) -> Rows:
    """One row of totals: what rendering, encoding and the network lost, of all outputs together."""
    output = lost = 0
    for _, _, line in stamped_lines(text):
        if (match := _OUTPUT.search(line)) is not None and match["what"] == "Total frames output":
            output += int(match["count"])
        elif (match := _LOST.search(line)) is not None:
            lost += int(match["count"])
    yield 1, timed(None, {"output": output or None, "lost": lost})


# What others say at their end: the columns that it counts in. Zeek's is of each interface.
_SUMMARIES = (
    re.compile(r"\b(?P<captured>\d+) packets received on interface \S+, (?P<dropped>\d+) \([\d.]+%\) dropped"),
    re.compile(r"^Absolute Stats: \[(?P<captured_>\d+) pkts rcvd\].*\[(?P<dropped_>\d+) pkts dropped\]"),
    re.compile(r"^\s+Analyzed:\s+(?P<captured_>\d+) \("),
    re.compile(r"^\s+Dropped:\s+(?P<dropped_>\d+) \("),
    re.compile(r"^\s+Num (?:over|under)runs detected:\s+(?P<xruns>\d+)"),
    re.compile(r"^Samples per million lost \(minimum\): (?P<xruns_>\d+)"),
)


@reads(
    "capture-summary",
    "what Zeek, Snort, PF_RING, UHD's benchmark_rate and rtl_test say at their end",
    matching(*_SUMMARIES),
    {TIME: "elapsed_s:time", "captured": "engine.captured", "dropped": "engine.drops", "xruns": "engine.xruns"},
)
def summary(text: Text) -> Rows:
    """One row of totals: of those that are told again and again the last."""
    row: dict[str, int] = {}
    losses = Losses()
    for number, line in text.short_lines():
        match = next((found for pattern in _SUMMARIES if (found := pattern.search(line))), None)
        if match is None:
            losses.stray(text, number, line)
            continue
        for name, count in match.groupdict().items():
            column, again = name.rstrip("_"), name.endswith("_")
            row[column] = int(count) + (0 if again else row.get(column, 0))
    for column, counted in (("xruns", XRUNS), ("dropped", LOST)):
        if losses.counts.get(counted):
            row[column] = max(row.get(column, 0), losses.counts[counted])
    if row:
        yield 1, row
