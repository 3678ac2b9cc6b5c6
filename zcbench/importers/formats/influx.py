"""InfluxDB's line protocol (Telegraf): measurement,tags fields time."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.format import LIKELY, Head, Rows, reads
from zcbench.importers.text import SEARCHED, Text

_LINE = re.compile(
    r"^(?P<name>[\w.-]+)(?P<tags>(?:,[\w.-]+=(?:\\.|[^ ,\\])*)*) "
    r"(?P<fields>[\w.-]+=[^\s,]+(?:,[\w.-]+=[^\s,]+)*)"
    r"(?: (?P<time>\d{10,19}))?\s*$"
)


_TIMED_OR_TAGGED = re.compile(
    r"^[\w.-]+(?:,[\w.-]+=\S+ | )[\w.-]+=\S+ \d{16,19}\s*$|^[\w.-]+,[\w.-]+=\S+ [\w.-]+=\S+i?\s*$"
)


def _sniff(head: Head) -> float:
    """Likely where most lines are of it, and one has tags or a time in nanoseconds; others are key=value."""
    lines = [line[:SEARCHED] for line in head if line.strip() and not line.startswith("#")]
    fit = sum(_LINE.match(line) is not None for line in lines)
    told = any(_TIMED_OR_TAGGED.match(line) for line in lines)
    return LIKELY + 0.1 if told and fit * 2 > len(lines) else 0.0


@reads(
    "influx",
    "InfluxDB line protocol (Telegraf)",
    _sniff,
    {
        "time": "elapsed_s:time",
        "procstat.memory_rss": "rss_bytes:bytes",
        "procstat.memory_vms": "virtual_bytes:bytes",
        "procstat.memory_swap": "swap_bytes:bytes",
        "procstat.num_threads": "threads",
        "procstat.num_fds": "fds",
    },
    labels=("pid", "process_name", "host", "exe"),
    identity=("procstat.pid", "pid"),
    guess=True,
)
def read(text: Text) -> Rows:
    """A row of each line; fields are named by their measurement."""
    for number, line in text.short_lines():
        match = _LINE.match(line)
        if match is None:
            if line.strip() and not line.startswith("#"):
                text.remarks.add("a line that is no reading is left out", text.where(number))
            continue
        row: dict[str, Any] = {"time": float(match["time"])} if match["time"] else {}
        for tag in match["tags"].split(",")[1:]:
            key, _, value = tag.partition("=")
            row[key] = value.replace("\\ ", " ")
        for pair in match["fields"].split(","):
            key, _, value = pair.partition("=")
            row[f"{match['name']}.{key}"] = value.rstrip("iu").strip('"')
        yield number, row
