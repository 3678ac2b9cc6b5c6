"""docker stats, podman stats: the table, again and again; and one JSON object a container (--format json)."""

from __future__ import annotations

import json
import re
from typing import Any

from zcbench.importers.blocks import TIME, stamped_lines, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_COLUMNS = {TIME: "elapsed_s:time", "MEM USAGE": "cgroup_bytes", "PIDS": "threads"}


@reads(
    "docker",
    "docker stats, podman stats: tables",
    matching(r"CONTAINER ID\s+NAME\s+CPU %\s+MEM USAGE / LIMIT|^ID\s+NAME\s+CPU %\s+MEM USAGE / LIMIT"),
    _COLUMNS,
    labels=("NAME",),
    identity=("CONTAINER ID", "ID"),
)
def read(text: Text) -> Rows:
    """A row of each container each time; columns are apart by two spaces or more."""
    header: list[str] = []
    for number, now, line in stamped_lines(text):
        cells = re.split(r"\s{2,}", line.strip())
        if "NAME" in cells and any(cell.startswith("MEM USAGE") for cell in cells):
            header = [cell.partition(" / ")[0] if cell.startswith("MEM USAGE") else cell for cell in cells]
        elif header and len(cells) == len(header):
            yield number, timed(now, dict(zip(header, cells, strict=True)))
        else:
            text.remarks.add("a line that is no row is left out", text.where(number))


@reads(
    "docker-json",
    "docker stats --format json",
    matching(r'\{.*"MemUsage":\s*"[^"]*"'),
    _COLUMNS,
    labels=("NAME",),
    identity=("CONTAINER ID",),
)
def objects(text: Text) -> Rows:
    """A row of each object; a date before it is its time."""
    for number, line in text.lines():
        start = line.find("{")
        try:
            one: Any = json.loads(line[max(start, 0) :])
        except (ValueError, RecursionError):
            one = None
        if not isinstance(one, dict):
            if line.strip():
                text.remarks.add("a line that is no JSON object is left out", text.where(number))
            continue
        moment, _ = Clock().prefix(line[:start] + " ")
        usage = str(one.get("MemUsage", "")).partition(" / ")[0]
        name = one.get("Name") or one.get("Container") or one.get("ID")
        cells = {"NAME": name, "CONTAINER ID": one.get("ID"), "MEM USAGE": usage, "PIDS": one.get("PIDs")}
        yield number, timed(moment or one.get("time") or one.get("timestamp"), cells)
