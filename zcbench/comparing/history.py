"""Which quantities a history can show: every total and every derived number of a result, and its verdict."""

from __future__ import annotations

from collections.abc import Iterable

from zcbench.quantities.names import CONSUMER_GAPS, ENGINE_DELIVERED, ENGINE_DROPS, POOL_HIGH_WATER
from zcbench.quantities.quantity import Better, Kind, Origin, Quantity
from zcbench.quantities.registry import VOCABULARY, Registry
from zcbench.quantities.units import SHARE
from zcbench.record.brought import Brought, with_brought

PASSED = Quantity("verdict", SHARE, Kind.GAUGE, Origin.ANALYSIS, "1 if the run passed, else 0", Better.HIGHER)
DEFAULT = (
    ENGINE_DELIVERED, "missing", CONSUMER_GAPS, ENGINE_DROPS, "pool.hit_rate", POOL_HIGH_WATER,
    "delivery.p50", "delivery.p99", "cpu", "level.rss", "growth.native_heap",
)  # fmt: skip


class MetricError(LookupError):
    """No such metric; says which are near."""


def known_in(brought: Iterable[Brought] = ()) -> Registry:
    """What runs can have numbers of whose subjects brought these: one number a run, so no histograms."""
    known = with_brought(VOCABULARY, brought, [])
    return Registry((PASSED, *(one for one in known.values() if one.kind is not Kind.HISTOGRAM)))


def resolve(name: str, known: Registry) -> Quantity:
    """The quantity of that name, or of an alias: "latency.p99", "hit_rate".

    Raises MetricError.
    """
    head, dot, statistic = name.partition(".")
    histogram = VOCABULARY.named(head)
    of_one = head if histogram is None else histogram.name
    for candidate in (known.named(name), known.get(of_one + dot + statistic)):
        if candidate is not None:
            return candidate
    near = known.near(name)
    hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(DEFAULT)}, ..."
    raise MetricError(f"--metric {name}: no such metric; {hint} `zcbench history --list` has all")
