"""What is said of a word of the page that the engine under test does not write."""

from __future__ import annotations

from collections.abc import Iterable

from zcbench.quantities.names import POOL_OLDEST_LEASE_NS
from zcbench.quantities.registry import ON_SCOREBOARD
from zcbench.record.reader import Record

_POOL = frozenset(
    metric.name
    for metric in ON_SCOREBOARD
    if metric.name.startswith("pool.") and metric.name != POOL_OLDEST_LEASE_NS  # the harness asks for it
)


def sentence(names: Iterable[str]) -> str:
    """ "your engine does not write `pool.hits`, `pool.misses`"."""
    return f"your engine does not write {', '.join(f'`{name}`' for name in sorted(names))}"


def missing(record: Record, *names: str) -> frozenset[str]:
    """Those of ``names`` that the engine does not write."""
    return record.unwritten & set(names)


def has_no_pool(record: Record) -> bool:
    """Whether the engine says nothing at all of a pool: a subject without that capability."""
    return record.unwritten >= _POOL
