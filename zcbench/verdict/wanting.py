"""What the undecided checks of a record lack."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from zcbench.analysis.totals import Totals
from zcbench.quantities.names import CONSUMER_FOLLOWED
from zcbench.quantities.quantity import Quantity
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.verdict.checks import by_name

# What only the harness's own consumer can see: nothing that another tool could have measured.
_HARNESS_ONLY = frozenset({CONSUMER_FOLLOWED})


def unmeasured(record: Record, found: Totals, findings: Iterable[Finding]) -> dict[str, tuple[Quantity, ...]]:
    """What each undecided check of ``findings`` reads and ``record`` lacks, by the name of the check."""

    def known(name: str) -> bool:
        # A total that came without a column is known: what a check says at the end, it can say.
        column = record.samples[name] if name in record.samples else np.empty(0)
        return found.get(name) is not None or bool(np.isfinite(column).any())

    lacking = {}
    for finding in findings:
        check = by_name(finding.check)
        if check is None or finding.outcome not in ("inconclusive", "skipped"):
            continue
        # What only some subjects have (an event loop) is not wanted of the others.
        wanted = [
            name for name in check.lacks(known) if name not in _HARNESS_ONLY and name in record.quantities
        ]
        if wanted:
            lacking[finding.check] = tuple(record.quantities[name] for name in wanted)
    return lacking
