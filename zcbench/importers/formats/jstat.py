"""jstat -gc -t: the Java heap's spaces in KiB, with the header again every few rows."""

from __future__ import annotations

from zcbench.importers.blocks import TIME, blocks, has_header
from zcbench.importers.cells import number
from zcbench.importers.format import CERTAIN, Rows, reads
from zcbench.importers.text import Text
from zcbench.importers.words import words

HEADS = words(
    "Timestamp S0C S1C S0U S1U EC EU OC OU PC PU MC MU CCSC CCSU YGC YGCT FGC FGCT CGC CGCT GCT S0 S1 E O "
    "M CCS P"
)
_USED = ("S0U", "S1U", "EU", "OU")


@reads(
    "jstat",
    "jstat -gc -t",
    has_header(HEADS, 8, CERTAIN, "OU", "YGC"),
    {
        "Timestamp": "elapsed_s",
        TIME: "elapsed_s:time",
        "used": "jvm.heap_bytes:KiB",
        "OU": "jvm.old_bytes:KiB",
        "MU": "jvm.metaspace_bytes:KiB",
        "collections": "runtime.collections",
        "FGC": "runtime.full_collections",
    },
)
def read(text: Text) -> Rows:
    """A row a reading; the heap in use is the sum of its spaces' use."""
    for line, row in blocks(text, HEADS, least=6):
        used = [read.value for name in _USED if (read := number(row.get(name))) is not None]
        young, full = number(row.get("YGC")), number(row.get("FGC"))
        total = (young.value if young else 0.0) + (full.value if full else 0.0)
        yield line, {**row, "used": sum(used) if len(used) == len(_USED) else None, "collections": total}
