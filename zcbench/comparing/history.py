"""Which metrics a history can show: every total and every derived number of a result, and its verdict."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from zcbench.analysis.derived import DERIVED
from zcbench.expectations.language import ALIASES
from zcbench.quantities.registry import METRICS

PASSED = "verdict"  # 1 for a run that passed, else 0
DEFAULT = (
    "engine.delivered", "missing", "consumer.gaps", "engine.drops", "pool.hit_rate", "pool.high_water",
    "delivery.p50", "delivery.p99", "cpu", "level.rss", "growth.native_heap",
)  # fmt: skip


class MetricError(LookupError):
    """No such metric; says which are near."""


@dataclass(frozen=True)
class Historic:
    """A number that every result has, or may have."""

    name: str
    unit: str
    meaning: str


HISTORIC: Mapping[str, Historic] = {
    h.name: h
    for h in (
        Historic(PASSED, "ratio", "1 if the run passed, else 0"),
        *(Historic(m.name, m.unit, f"{m.meaning} (at the end)") for m in METRICS),
        *(Historic(d.name, d.unit, d.meaning) for d in DERIVED.values()),
    )
}


def resolve(name: str) -> Historic:
    """The metric of that name, or of its short name in the expectation language: "latency.p99", "hit_rate".

    Raises MetricError.
    """
    head, dot, statistic = name.partition(".")
    for candidate in (name, ALIASES.get(name, ""), ALIASES.get(head, head) + dot + statistic):
        if candidate in HISTORIC:
            return HISTORIC[candidate]
    near = difflib.get_close_matches(name, [*HISTORIC, *ALIASES], 3, 0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(DEFAULT)}, ..."
    raise MetricError(f"--metric {name}: no such metric; {hint} `zcbench history --list` has all")
