"""The checks, one file each: a function from a record and its totals to a finding.

To add a check, add a file and name it here.
"""

from __future__ import annotations

from collections.abc import Callable

from zcbench.analysis.totals import Totals
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.verdict.checks import (
    claims,
    conservation,
    cost,
    delivery,
    disk,
    gaps,
    hit_rate,
    integrity,
    life,
    memory,
    rate,
    recycling,
    resources,
    timing,
    xruns,
)

Check = Callable[[Record, Totals], Finding]

CHECKS: tuple[Check, ...] = (
    life.check,
    delivery.check,
    rate.check,
    gaps.check,
    xruns.check,
    integrity.check,
    claims.check,
    conservation.check,
    recycling.check,
    hit_rate.check,
    memory.check,
    resources.check,
    disk.check,
    timing.check,
    cost.check,
)
