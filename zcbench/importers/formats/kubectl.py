"""kubectl top pod (and node, --containers, -A, --no-headers) in a loop, and the metrics API's own answers."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.blocks import TIME, blocks, has_header, matches, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.documents import values
from zcbench.importers.format import CERTAIN, Head, Rows, matching, reads
from zcbench.importers.text import Text
from zcbench.importers.words import words
from zcbench.record.writer import RecordError

HEADS = words("NAMESPACE POD NAME CPU(cores) CPU% CPU(%) MEMORY(bytes) MEMORY% MEMORY(%)")
LABELS = ("NAMESPACE", "POD", "NAME")
_COLUMNS = {TIME: "elapsed_s:time", "MEMORY(bytes)": "cgroup_bytes"}


@reads(
    "kubectl",
    "kubectl top pod, kubectl top node in a loop",
    has_header(HEADS, 3, CERTAIN, "MEMORY(bytes)"),
    _COLUMNS,
    labels=LABELS,
)
def read(text: Text) -> Rows:
    """A row of each pod, node or container each time."""
    yield from blocks(text, HEADS)


_ROW = re.compile(
    r"^\s*(?P<names>(?:[a-z0-9][\w.-]*\s+){1,3})\d+[nm]?\s+(?:\d+%\s+)?(?P<memory>\d+(?:[KMG]i?)?)(?:\s+\d+%)?\s*$"
)


def _is_bare(head: Head) -> float:
    rows = [_ROW.match(Clock().prefix(line)[1]) for line in head if line.strip()]
    sized = sum(row is not None and row["memory"][-1:] == "i" for row in rows)
    return CERTAIN - 0.1 if sized * 2 > len(rows) else 0.0


@reads("kubectl-bare", "kubectl top --no-headers in a loop", _is_bare, _COLUMNS, labels=LABELS)
def bare(text: Text) -> Rows:
    """A row of each line; of its names the last is the pod's or the container's."""
    for number, now, match in matches(text, _ROW):
        names = dict(zip(reversed(LABELS), reversed(match["names"].split()), strict=False))
        yield number, timed(now, {**names, "MEMORY(bytes)": match["memory"]})


@reads(
    "kubectl-raw",
    "kubectl get --raw /apis/metrics.k8s.io/...: pods and nodes",
    matching(r'"?kind"?: ?"(?:Pod|Node)Metrics(?:List)?"'),
    _COLUMNS,
    labels=LABELS,
)
def answers(text: Text) -> Rows:
    """A row of each container or node of each answer, with the time at which it was measured."""
    for number, one in values(text):
        items = one.get("items", [one]) if isinstance(one, dict) else None
        if not isinstance(items, list):
            raise RecordError(f"{text.where(number)}: not an answer of the metrics API: no items")
        for item in items:
            named: dict[str, Any] = item.get("metadata", {})
            whose = {"NAMESPACE": named.get("namespace"), "POD": named.get("name")}
            for part in item.get("containers", [item]):
                memory = part.get("usage", {}).get("memory")
                label = {"NAME": part.get("name") or named.get("name")}
                yield number, {TIME: item.get("timestamp"), **whose, **label, "MEMORY(bytes)": memory}
