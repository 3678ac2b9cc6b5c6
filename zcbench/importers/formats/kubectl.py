"""kubectl top pod (and node, --containers) in a loop."""

from __future__ import annotations

from zcbench.importers.blocks import TIME, blocks, has_header
from zcbench.importers.format import CERTAIN, Rows, reads
from zcbench.importers.text import Text
from zcbench.importers.words import words

HEADS = words("NAMESPACE POD NAME CPU(cores) CPU% CPU(%) MEMORY(bytes) MEMORY% MEMORY(%)")


@reads(
    "kubectl",
    "kubectl top pod, kubectl top node in a loop",
    has_header(HEADS, 3, CERTAIN, "MEMORY(bytes)"),
    {TIME: "elapsed_s:time", "MEMORY(bytes)": "cgroup_bytes"},
    labels=("NAMESPACE", "POD", "NAME"),
)
def read(text: Text) -> Rows:
    """A row of each pod, node or container each time."""
    yield from blocks(text, HEADS)
