"""Looking at an engine's class: one that is not ours is imported in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from zcbench import plugins
from zcbench.capture.contract import of_class
from zcbench.capture.engine import ENTRY_POINT_GROUP, find_engine
from zcbench.foreign import of_error


@dataclass(frozen=True)
class Facts:
    """What a scenario asks of an engine's class; ``violations`` of its contract are all that can be known of it
    before it is made."""

    realtime: bool
    violations: Sequence[str] = ()


def is_foreign(name: str) -> bool:
    """Whether :func:`inspect` would run code that does not come with zcbench."""
    return plugins.is_foreign(ENTRY_POINT_GROUP, name)


@cache
def inspect(name: str) -> Facts:
    """Import the engine called ``name`` as a run would. Raises LookupError with the reason it cannot be had."""
    if not is_foreign(name):
        return _facts(name)
    told = plugins.ask("engine", __name__, name)
    try:
        return Facts(**told)
    except TypeError as error:
        raise LookupError(plugins.cannot("engine", name, of_error(error))) from None


def _facts(name: str) -> Facts:
    engine = find_engine(name)
    return Facts(bool(getattr(engine, "realtime", False)), of_class(engine))


def _described(name: str) -> dict[str, Any]:
    return asdict(_facts(name))


if __name__ == "__main__":
    plugins.answer("engine", sys.argv[1], _described)
