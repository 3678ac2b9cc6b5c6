"""The checks, one file each: a :class:`zcbench.verdict.check.Check` called ``CHECK``.

To add one, add a file. A check of a user's own comes by the entry-point group ``zcbench.checks``
(:mod:`zcbench.verdict.theirs`).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from zcbench.comparing.comparability import Aspect
from zcbench.verdict.check import Check
from zcbench.verdict.checks import life, memory, sanitizers

# The files, as their checks are asked and told; one that is not named here comes after them.
ORDER = (
    "life", "sanitizers", "load", "published", "delivery", "rate", "gaps", "xruns", "integrity", "claims",
    "conservation", "laws", "recycling", "hit_rate", "hand_over", "memory", "resources", "disk", "timing",
    "event_loop", "cost",
)  # fmt: skip


def _found() -> Iterator[Check[Any]]:
    files = sorted(module.name for module in pkgutil.iter_modules(__path__))
    for file in sorted(files, key=[*ORDER, *files].index):
        check = getattr(import_module(f"{__name__}.{file}"), "CHECK", None)
        if isinstance(check, Check):
            yield check


CHECKS: tuple[Check[Any], ...] = tuple(_found())
LIFE, MEMORY, SANITIZERS = life.CHECK, memory.CHECK, sanitizers.CHECK
# What of a changed setting or machine may explain that a check's answer changed.
EXPLAINED: Mapping[str, frozenset[Aspect]] = {check.name: check.explained_by for check in CHECKS}
_BY_NAME = {check.name: check for check in CHECKS}


def by_name(name: str) -> Check[Any] | None:
    """The shipped check of this name, or None."""
    return _BY_NAME.get(name)
