"""psrecord --log: CPU and memory of a process over time; its MB are MiB."""

from __future__ import annotations

import re

from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_HEADER = r"#\s*Elapsed time\s+CPU \(%\)\s+Real \(MB\)\s+Virtual \(MB\)"
_NAMES = ("elapsed", "CPU (%)", "Real (MB)", "Virtual (MB)")


@reads(
    "psrecord",
    "psrecord --log",
    matching(_HEADER),
    {"elapsed": "elapsed_s", "Real (MB)": "rss_bytes:MiB", "Virtual (MB)": "virtual_bytes:MiB"},
)
def read(text: Text) -> Rows:
    """A row of each line of numbers; further columns (input and output) are left alone."""
    for number, line in text.lines():
        cells = line.split()
        if not cells or line.lstrip().startswith("#"):
            continue
        if len(cells) < len(_NAMES) or not re.fullmatch(r"[\d.]+", cells[0]):
            text.remarks.add("a line that is no row is left out", text.where(number))
            continue
        yield number, dict(zip(_NAMES, cells, strict=False))
