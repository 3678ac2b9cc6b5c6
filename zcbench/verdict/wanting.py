"""What a check looked for in a record and did not find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.totals import Totals
from zcbench.quantities.registry import BY_NAME, METRICS, Metric, Origin
from zcbench.record.reader import Record
from zcbench.verdict.checks import CHECKS

_BY_COLUMN = {metric.column: metric for metric in METRICS}
# How the harness keeps time and looks at itself: nothing that another tool could have measured.
_HARNESS_ONLY = frozenset(
    # consumer.xruns: who counts engine.xruns need not mark packets as well.
    {
        "phase",
        "consumer.xruns",
        "engine.start_ns",
        "engine.stop_ns",
        "probe.cost_ns",
        "tracemalloc_bytes",
    }
    | {metric.name for metric in METRICS if metric.origin is Origin.SUPERVISOR}
)


class _Totals(dict[str, int | float | None]):
    """Totals that note which of them were asked for and are not there."""

    def __init__(self, found: Totals, wanted: dict[str, None]) -> None:
        super().__init__(found)
        self._wanted = wanted

    def __getitem__(self, name: str) -> int | float | None:
        value = super().__getitem__(name)
        if value is None:
            self._wanted[name] = None
        return value

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if super().__contains__(name) else default


class _Samples(dict[str, NDArray[np.float64]]):
    """Columns that note which of them were asked for and hold no reading."""

    def __init__(self, samples: dict[str, NDArray[np.float64]], wanted: dict[str, None]) -> None:
        super().__init__(samples)
        self._wanted = wanted

    def __getitem__(self, column: str) -> NDArray[np.float64]:
        values = super().__getitem__(column)
        if not np.isfinite(values).any():
            self._wanted[_BY_COLUMN[column].name] = None
        return values

    def get(self, column: str, default: Any = None) -> Any:
        return self[column] if super().__contains__(column) else default


def unmeasured(record: Record, found: Totals) -> dict[str, tuple[Metric, ...]]:
    """What each undecided check asked ``record`` for in vain, by the check's name, in the order of asking.

    Learnt by watching the checks ask, so it cannot fall behind what they are today.
    """
    asked = {}
    for check in CHECKS:
        wanted: dict[str, None] = {}
        watched = replace(record, samples=_Samples(record.samples, wanted))
        finding = check.ask(watched, _Totals(found, wanted))
        # A total that came without a column is known: what a check says at the end, it can say.
        names = [name for name in wanted if found[name] is None and name not in _HARNESS_ONLY]
        names = [name for name in names if name.startswith(check.about)]
        if names and finding.outcome in ("inconclusive", "skipped"):
            asked[finding.check] = tuple(BY_NAME[name] for name in names)
    return asked
