"""redis-cli INFO in a loop: what its allocator has live, and what is resident."""

from __future__ import annotations

import re

from zcbench.importers.blocks import TIME, fields
from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

_FIELD = re.compile(r"^(?P<name>[a-z_]+):(?P<value>\d+)\s*$")


@reads(
    "redis",
    "redis-cli INFO memory in a loop",
    matching(r"^used_memory:\d+"),
    {
        TIME: "elapsed_s:time",
        "used_memory": "malloc.live_bytes:bytes",
        "used_memory_rss": "rss_bytes:bytes",
        "allocator_resident": "malloc.mapped_bytes:bytes",
    },
    identity=("process_id",),
)
def read(text: Text) -> Rows:
    """A row of each answer: a new one begins where a field comes again."""
    yield from fields(text, _FIELD)
