"""systemd: systemctl status in a loop, and systemd-cgtop -b."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME, matches, stamped_lines, timed
from zcbench.importers.format import CERTAIN, Head, Rows, matching, reads
from zcbench.importers.text import Text

_FIELDS = {
    "memory": re.compile(r"^\s*Memory: (?P<value>[\d.]+[BKMGT]?)(?:\s|$)"),
    "tasks": re.compile(r"^\s*Tasks: (?P<value>\d+)(?:\s|$)"),
    "pid": re.compile(r"^\s*Main PID: (?P<value>\d+)(?:\s|$)"),
}
_UNIT = re.compile(r"^\s*\S? ?(?P<unit>[\w@.\\:-]+\.(?:service|scope|slice))(?: - |$)")


@reads(
    "systemctl",
    "systemctl status in a loop",
    matching(r"^\s*Main PID: \d+", r"^\s*Memory: [\d.]+[BKMGT](?: \(|\s*$)"),
    {TIME: "elapsed_s:time", "memory": "cgroup_bytes", "tasks": "threads"},
    labels=("unit",),
    identity=("pid",),
)
def status(text: Text) -> Rows:
    """A row of each answer: the next begins with a unit's name, or with a field that was there already."""
    row: dict[str, Any] = {}
    unit, begin, at = "", 1, None
    for number, now, line in stamped_lines(text):
        named = _UNIT.match(line)
        found = {name: match["value"] for name, field in _FIELDS.items() if (match := field.match(line))}
        if named is not None or not row.keys().isdisjoint(found):
            if "memory" in row:
                yield begin, timed(at, {"unit": unit, **row})
            row, unit = {}, named["unit"] if named is not None else unit
        if found and not row:
            begin, at = number, now
        row |= found
    if "memory" in row:
        yield begin, timed(at, {"unit": unit, **row})


_GROUP = re.compile(
    r"^(?P<group>/|[\w/@.\\:-]+)\s+(?P<tasks>\d+|-)\s+(?P<cpu>[\d.]+|-)\s+(?P<memory>[\d.]+[BKMGT]?|-)\s+"
    r"(?:[\d.]+[BKMGT]?|-)\s+(?:[\d.]+[BKMGT]?|-)\s*$"
)


def _is_cgtop(head: Head) -> float:
    groups = [match for line in head[:60] if (match := _GROUP.match(line))]
    sized = any(match["memory"][-1:] in "KMGT" for match in groups)
    return (
        CERTAIN - 0.1 if sized and len(groups) * 2 > len([line for line in head[:60] if line.strip()]) else 0.0
    )


@reads(
    "cgtop",
    "systemd-cgtop -b",
    _is_cgtop,
    {TIME: "elapsed_s:time", "memory": "cgroup_bytes", "tasks": "threads"},
    labels=("group",),
)
def groups(text: Text) -> Rows:
    """A row of each control group each time."""
    for number, now, match in matches(text, _GROUP):
        yield number, timed(now, {name: match[name] for name in ("group", "tasks", "memory")})
