"""smem in a loop: swap, USS, PSS and RSS of each process, in KiB or with units (-k)."""

from __future__ import annotations

from zcbench.importers.blocks import TIME, blocks, has_header
from zcbench.importers.format import CERTAIN, Rows, reads
from zcbench.importers.text import Text
from zcbench.importers.words import words

HEADS = words("PID User Name Command Swap USS PSS RSS Maps")


@reads(
    "smem",
    "smem in a loop",
    has_header(HEADS, 4, CERTAIN, "USS", "PSS", "RSS"),
    {
        TIME: "elapsed_s:time",
        "RSS": "rss_bytes:KiB",
        "USS": "uss_bytes:KiB",
        "PSS": "pss_bytes:KiB",
        "Swap": "swap_bytes:KiB",
    },
    labels=("PID",),
    identity=("PID",),
)
def read(text: Text) -> Rows:
    """A row of each process each time. The command stands in the middle, and may hold spaces."""
    yield from blocks(text, HEADS, free="Command")
