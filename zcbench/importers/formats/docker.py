"""docker stats, podman stats: tables, JSON, lines of one's own --format, and the answers of Docker's API."""

from __future__ import annotations

import json
import re
from typing import Any

from zcbench.importers.blocks import TIME, matches, stamped_lines, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.documents import values
from zcbench.importers.format import CERTAIN, Head, Rows, matching, reads
from zcbench.importers.text import Text
from zcbench.record.writer import RecordError

_COLUMNS = {TIME: "elapsed_s:time", "MEM USAGE": "cgroup_bytes", "PIDS": "threads"}
_NAMES = ("NAME", "CONTAINER", "CONTAINER ID", "ID")


@reads(
    "docker",
    "docker stats, podman stats: tables",
    matching(r"(?:^|\s)(?:CONTAINER ID|CONTAINER|NAME|ID)\s.*MEM USAGE / LIMIT", r"MEM USAGE / LIMIT\s+.*NAME"),
    _COLUMNS,
    labels=("NAME", "CONTAINER"),
    identity=("CONTAINER ID", "ID"),
)
def read(text: Text) -> Rows:
    """A row of each container each time; columns are apart by two spaces or more."""
    header: list[str] = []
    for number, now, line in stamped_lines(text):
        cells = re.split(r"\s{2,}|\t", line.strip())
        if any(cell.startswith("MEM USAGE") for cell in cells) and any(name in cells for name in _NAMES):
            header = [cell.partition(" / ")[0] if cell.startswith("MEM USAGE") else cell for cell in cells]
        elif header and len(cells) == len(header):
            yield number, timed(now, dict(zip(header, cells, strict=True)))
        else:
            text.remarks.add("a line that is no row is left out", text.where(number))


_USED = re.compile(r"^(?P<before>.*?)(?P<used>\d[\d.]*\s?[kKMG]?i?B) / \d[\d.]*\s?[kKMGT]?i?B(?P<after>.*)$")

_FIGURE = re.compile(r"[\d.]+(?:%|[kKMG]?i?B|$)")


def _is_bare(head: Head) -> float:
    """Certain where most lines have what is used of a limit, and no header stands above them."""
    lines = [line for line in head if line.strip()]
    used = sum(_USED.match(line[:200]) is not None and line[:1] not in "|{" for line in lines)
    return CERTAIN - 0.1 if used * 2 > len(lines) else 0.0


@reads(
    "docker-bare", "docker stats --format of one's own, without a header", _is_bare, _COLUMNS, labels=("NAME",)
)
def bare(text: Text) -> Rows:
    """A row of each line; the container is its first word."""
    for number, now, match in matches(text, _USED):
        words = f"{match['before']} {match['after']}".replace(",", " ").split()
        name = next(
            (word.strip(":") for word in words if not re.match(r"[\d.]+(?:%|[kKMG]?i?B|$)", word)), None
        )
        yield number, timed(now, {"NAME": name, "MEM USAGE": match["used"]})


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


def _is_api(head: Head) -> float:
    text = "\n".join(head[:200])
    return CERTAIN if '"memory_stats"' in text and '"read"' in text else 0.0


@reads(
    "docker-api",
    "Docker's API: answers of /containers/NAME/stats",
    _is_api,
    {
        TIME: "elapsed_s:time",
        "used": "cgroup_bytes:bytes",
        "anon": "cgroup_anonymous_bytes:bytes",
        "pids": "threads",
    },
    labels=("NAME",),
    identity=("CONTAINER ID",),
)
def answers(text: Text) -> Rows:
    """A row of each answer; what is used is without the idle page cache, as docker stats counts it."""
    for number, one in values(text):
        if not isinstance(one, dict) or not isinstance(one.get("memory_stats"), dict):
            raise RecordError(f"{text.where(number)}: not an answer of Docker's API: no memory_stats")
        memory = one["memory_stats"]
        stats: dict[str, Any] = memory.get("stats") or {}
        idle = stats.get("inactive_file", stats.get("total_inactive_file", 0))
        usage = memory.get("usage")
        yield (
            number,
            {
                TIME: one.get("read"),
                "NAME": str(one.get("name", "")).lstrip("/"),
                "CONTAINER ID": one.get("id"),
                "used": None if usage is None else usage - idle if idle < usage else usage,
                "anon": stats.get("anon", stats.get("total_rss")),
                "pids": (one.get("pids_stats") or {}).get("current"),
            },
        )
