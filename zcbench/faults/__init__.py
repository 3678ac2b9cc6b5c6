"""Planted bugs, each naming the finding it must get: what proves that a verdict is right.

A fault plants an engine (a subclass of the reference engine) or a :class:`FaultyConsumer` (around the
scenario's own). It declares what it is and what it must be called; :data:`FAULTS` lists them all, and
``zcbench run --fault NAME`` plants one in any run.
"""

from __future__ import annotations

import difflib

from zcbench.faults import (
    benign,
    claims,
    content,
    data,
    death,
    memory,
    ownership,
    resources,
    timing,
)
from zcbench.faults.fault import Fault, FaultyConsumer, plant

__all__ = ["FAULTS", "Fault", "FaultyConsumer", "UnknownFaultError", "find_fault", "plant"]

FAULTS: tuple[Fault, ...] = (
    *ownership.FAULTS,
    *data.FAULTS,
    *content.FAULTS,
    *claims.FAULTS,
    *memory.FAULTS,
    *resources.FAULTS,
    *timing.FAULTS,
    *death.FAULTS,
    *benign.FAULTS,
)


class UnknownFaultError(ValueError):
    """There is no fault of that name; the message has the nearest ones."""


def find_fault(name: str) -> Fault:
    """The fault called ``name``. Raises UnknownFaultError."""
    names = [fault.name for fault in FAULTS]
    if name in names:
        return FAULTS[names.index(name)]
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UnknownFaultError(f"no fault {name!r}; {hint}`zcbench selftest --list` lists them")
