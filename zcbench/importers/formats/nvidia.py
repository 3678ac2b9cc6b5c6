"""nvidia-smi in a loop: --query-gpu or --query-compute-apps as CSV, and pmon."""

from __future__ import annotations

import csv
import re

from zcbench.importers.blocks import TIME, has_header, stamped_lines, timed
from zcbench.importers.format import CERTAIN, Rows, matching, reads
from zcbench.importers.text import Text
from zcbench.importers.words import words

_MEMORY = re.compile(r"(?:memory\.used|used_memory|used_gpu_memory)(?: \[(MiB)\])?$")


_TABLE = re.compile(r"^\|[^|]*\|\s*(?P<used>\d+)MiB /\s*\d+MiB\s*\|")
_GPU = re.compile(r"^\|\s+(?P<index>\d+)\s+[^|\s][^|]*\|[^|]*\|[^|]*\|\s*$")
_COLUMNS = {TIME: "elapsed_s:time", "memory": "gpu_bytes:MiB"}


@reads("nvidia-table", "nvidia-smi's table in a loop", matching(_TABLE), _COLUMNS, labels=("index",))
def table(text: Text) -> Rows:
    """A row of each GPU each time; the line above has its index."""
    index = "0"
    for number, now, line in stamped_lines(text):
        if (match := _TABLE.match(line)) is not None:
            yield number, timed(now, {"memory": match["used"], "index": index})
        elif (named := _GPU.match(line)) is not None:
            index = named["index"]


@reads(
    "nvidia-dmon",
    "nvidia-smi dmon -s m",
    has_header(words("# gpu pwr gtemp mtemp sm mem enc dec jpg ofa mclk pclk fb bar1 ccpm"), 3, CERTAIN, "fb"),
    {TIME: "elapsed_s:time", "fb": "gpu_bytes:MiB"},
    labels=("gpu",),
)
def dmon(text: Text) -> Rows:
    """A row of each GPU each time; the header says which columns were asked for."""
    header: list[str] = []
    for number, now, line in stamped_lines(text):
        cells = line.lstrip("# ").split()
        if "gpu" in cells and "fb" in cells:
            header = cells
        elif header and len(cells) == len(header) and cells[0].isdigit():
            yield number, timed(now, dict(zip(header, cells, strict=True)))


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
