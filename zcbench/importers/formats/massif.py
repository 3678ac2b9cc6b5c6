"""valgrind --tool=massif --time-unit=ms, and heaptrack_print -M: the bytes that malloc has live, exactly."""

from __future__ import annotations

import re
from typing import Any

from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text
from zcbench.record.writer import RecordError

_FIELD = re.compile(r"^(snapshot|time|mem_heap_B|mem_heap_extra_B|mem_stacks_B)=(\S+)\s*$")
_UNITS = {"ms": 1e-3, "s": 1.0}


@reads(
    "massif",
    "valgrind massif's file (--time-unit=ms), heaptrack_print -M",
    matching(r"^time_unit: (?:ms|s|i|B)", r"^mem_heap_B=\d+"),
    {"time": "elapsed_s", "mem_heap_B": "malloc.live_bytes:bytes"},
)
def read(text: Text) -> Rows:
    """A row a snapshot. Raises RecordError where time is in instructions or bytes, which are no seconds."""
    scale = 1.0
    row: dict[str, Any] = {}
    begin = 1
    for number, line in text.short_lines():
        if line.startswith("time_unit:"):
            unit = line.partition(":")[2].strip()
            if unit not in _UNITS:
                raise RecordError(
                    f"{text.where(number)}: time is in {'instructions' if unit == 'i' else 'bytes'}: record it "
                    "with valgrind --tool=massif --time-unit=ms"
                )
            scale = _UNITS[unit]
        match = _FIELD.match(line)
        if match is None:
            continue
        if match[1] == "snapshot" and "mem_heap_B" in row:
            yield begin, row
            row = {}
        if match[1] == "snapshot":
            begin = number
        row[match[1]] = float(match[2]) * scale if match[1] == "time" else match[2]
    if "mem_heap_B" in row and "time" in row:
        yield begin, row
