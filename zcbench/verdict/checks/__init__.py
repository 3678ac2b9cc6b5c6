"""The checks, one file each: a :class:`zcbench.verdict.check.Check`.

To add one, add a file with its ``CHECK`` and name it in ``CHECKS``. A check of a user's own comes by the
entry-point group ``zcbench.checks`` (:mod:`zcbench.verdict.theirs`).
"""

from __future__ import annotations

from typing import Any

from zcbench.verdict.check import Check
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

CHECKS: tuple[Check[Any], ...] = (
    life.CHECK,
    delivery.CHECK,
    rate.CHECK,
    gaps.CHECK,
    xruns.CHECK,
    integrity.CHECK,
    claims.CHECK,
    conservation.CHECK,
    recycling.CHECK,
    hit_rate.CHECK,
    memory.CHECK,
    resources.CHECK,
    disk.CHECK,
    timing.CHECK,
    cost.CHECK,
)
LIFE, MEMORY = life.CHECK, memory.CHECK
_BY_NAME = {check.name: check for check in CHECKS}


def by_name(name: str) -> Check[Any] | None:
    """The shipped check of this name, or None."""
    return _BY_NAME.get(name)
