"""Planted bugs, each naming the finding it must get: what proves that a verdict is right.

A fault plants an engine (a subclass of the reference engine) or a :class:`FaultyConsumer` (around the
scenario's own). It declares what it is and what it must be called; :data:`FAULTS` lists them all, and
``zcbench run --fault NAME`` plants one in any run.
"""

from __future__ import annotations

import difflib

from zcbench import plugins
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

__all__ = [
    "ENTRY_POINT_GROUP", "FAULTS", "Fault", "FaultyConsumer", "UnknownFaultError", "find_fault", "plant",
]  # fmt: skip

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


ENTRY_POINT_GROUP = "zcbench.faults"


class UnknownFaultError(ValueError):
    """There is no fault of that name; the message has the nearest ones."""


def find_fault(name: str) -> Fault:
    """The fault called ``name``: ours, an entry point in the group ``zcbench.faults``, or package.module:FAULT.

    Raises UnknownFaultError, also for one that cannot be had.
    """
    names = [fault.name for fault in FAULTS]
    if name in names:
        return FAULTS[names.index(name)]
    if ":" in name or name in plugins.names(ENTRY_POINT_GROUP):
        return _of_a_user(name)
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UnknownFaultError(f"no fault {name!r}; {hint}`zcbench selftest --list` lists them")


def _of_a_user(name: str) -> Fault:
    try:
        fault = plugins.load("fault", ENTRY_POINT_GROUP, name)
    except LookupError as error:
        raise UnknownFaultError(str(error.args[0])) from error
    if not isinstance(fault, Fault):
        raise UnknownFaultError(
            plugins.cannot("fault", name, "is no Fault; write FAULT = Fault(name, meaning, ...)")
        )
    planted = (fault.engine, fault.consumer)
    if planted == (None, None) or not all(p is None or isinstance(p, type) for p in planted):
        raise UnknownFaultError(
            plugins.cannot("fault", name, "plants nothing; give it the class of an engine or a consumer")
        )
    return fault
