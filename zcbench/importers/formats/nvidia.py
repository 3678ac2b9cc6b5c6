"""nvidia-smi in a loop: --query-gpu or --query-compute-apps as CSV, and pmon."""

from __future__ import annotations

import csv
import re

from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_MEMORY = re.compile(r"(?:memory\.used|used_memory|used_gpu_memory)(?: \[(MiB)\])?$")


@reads(
    "nvidia-smi",
    "nvidia-smi --query-gpu=timestamp,memory.used --format=csv -l",
    matching(r"(?:memory\.used|used_memory|used_gpu_memory)( \[MiB\])?(?:,|$)"),
    {"timestamp": "elapsed_s:time", "memory": "gpu_bytes:MiB"},
    labels=("index", "uuid", "gpu_uuid", "pid", "name", "process_name"),
)
def read(text: Text) -> Rows:
    """A row of each GPU or process each time; MiB, with its unit in the cell or without."""
    header: list[str] = []
    for number, line in text.short_lines():
        cells = [cell.strip() for cell in next(csv.reader([line]), [])]
        names = ["memory" if _MEMORY.match(cell) else cell for cell in cells]
        if "memory" in names:
            header = names
        elif header and len(cells) == len(header):
            yield number, dict(zip(header, cells, strict=True))
        elif any(cells):
            text.remarks.add("a line that is no row is left out", text.where(number))
