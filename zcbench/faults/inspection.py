"""Looking at a planted fault: one that is not ours is imported in a process of its own."""

from __future__ import annotations

import sys
from typing import Any

from zcbench import plugins
from zcbench.faults import ENTRY_POINT_GROUP, FAULTS, UnknownFaultError, find_fault


def is_foreign(name: str) -> bool:
    """Whether planting ``name`` would run code that does not come with zcbench."""
    ours = {fault.name for fault in FAULTS}
    return name not in ours and plugins.is_foreign(ENTRY_POINT_GROUP, name)


def check_fault(name: str) -> None:
    """Raise UnknownFaultError if there is no fault called ``name``, or it cannot be had."""
    if not is_foreign(name):
        find_fault(name)
        return
    try:
        plugins.ask("fault", __name__, name)
    except LookupError as error:
        raise UnknownFaultError(str(error.args[0])) from None


def _described(name: str) -> dict[str, Any]:
    try:
        return {"name": find_fault(name).name}
    except UnknownFaultError as error:
        raise LookupError(str(error)) from None


if __name__ == "__main__":
    plugins.answer("fault", sys.argv[1], _described)
