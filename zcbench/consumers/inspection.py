"""Looking at a consumer's class: one that is not ours is imported in a process of its own."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from zcbench import plugins
from zcbench.consumers.consumer import TYPES, Option, Traits
from zcbench.consumers.registry import ENTRY_POINT_GROUP, built_in, find_consumer
from zcbench.foreign import brief, of_error, one_line


def is_foreign(name: str) -> bool:
    """Whether :func:`inspect` would run code that does not come with zcbench."""
    return name not in built_in() and plugins.is_foreign(ENTRY_POINT_GROUP, name)


@cache
def inspect(name: str) -> Traits:
    """The traits of the consumer called ``name``. Raises LookupError with the reason it cannot be had."""
    if not is_foreign(name):
        return _traits(name)
    told = plugins.ask("consumer", __name__, name)
    try:
        options = tuple(
            Option(**{**o, "default": TYPES[kind](o["default"])})
            for kind, o in zip(told.pop("types"), told["options"], strict=True)
        )
        return Traits(**{**told, "options": options})
    except (TypeError, KeyError, ValueError) as error:
        raise LookupError(plugins.cannot("consumer", name, of_error(error))) from None


def _traits(name: str) -> Traits:
    traits: Traits = find_consumer(name).traits
    return replace(traits, does=brief(one_line(traits.does)))


def _described(name: str) -> dict[str, Any]:
    traits = _traits(name)
    kinds = {kind: text for text, kind in TYPES.items()}
    return {**asdict(traits), "types": [kinds[option.type] for option in traits.options]}


if __name__ == "__main__":
    plugins.answer("consumer", sys.argv[1], _described)
