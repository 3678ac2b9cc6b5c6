"""Units of sizes that nobody named, or that a name gives."""

from __future__ import annotations

from collections.abc import Mapping

from zcbench.importers.guess import read_name
from zcbench.importers.mapping import Spec
from zcbench.importers.table import ColumnFacts
from zcbench.quantities.names import PSS_BYTES, RSS_BYTES, SWAP_BYTES, USS_BYTES, VIRTUAL_BYTES
from zcbench.quantities.quantity import Quantity
from zcbench.record.writer import RecordError

PAGE_BYTES = 4096
# Resident sizes in KiB above this would be 64 GiB and more: the number is one of bytes.
MOST_KIB = 64 * 2**20
# Kinds of memory that systems count in pages: "KB" of them is 1,024 bytes in every tool (ps, /proc, Windows).
IN_PAGES = (RSS_BYTES, USS_BYTES, PSS_BYTES, SWAP_BYTES, VIRTUAL_BYTES)
# In these they are whole numbers.
_WHOLE_UNITS = ("b", "bytes", "kb", "kib")


def is_whole(unit: str, facts: ColumnFacts) -> bool:
    """Whether sizes in such units, a column's own or those of its cells, have no fraction."""
    return unit in _WHOLE_UNITS or facts.style.whole_units


def resident_unit(facts: ColumnFacts) -> str:
    """The unit of resident sizes that nobody named: they are whole pages, of 4 KiB or a multiple.

    "" where they are bytes, or too small to be, which the survey refuses.
    """
    if not facts.whole or facts.step % PAGE_BYTES == 0 or facts.low < PAGE_BYTES:
        return ""
    return "kib" if facts.step % 4 == 0 and facts.high < MOST_KIB else ""


def named_unit(spec: Spec, metric: Quantity, known: Mapping[str, float]) -> str:
    """The unit at a name's end ("heap_mib"). Raises RecordError for one that the quantity cannot have."""
    unit = read_name(spec.theirs).unit
    if unit in ("", "b", "h", "d", "pages"):
        return ""
    if unit in known:
        return unit if spec.theirs.lower() != metric.name else ""
    if spec.theirs in (metric.name, metric.column):
        return ""
    raise RecordError(
        f"--map {spec.text}: {spec.theirs} looks like {_WORDS.get(unit, unit)}, "
        f"{metric.name} is in {metric.unit}"
        + (f"; if it is, say which unit: {metric.name}={spec.theirs}:{metric.unit}" if known else "")
    )


_WORDS = {"%": "percent"}
