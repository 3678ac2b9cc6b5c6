"""The consumers there are: one module each in :mod:`zcbench.consumers.kinds`, and those of users.

A user's own is an entry point in the group ``zcbench.consumers``, or package.module:Class.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, cast

from zcbench import plugins
from zcbench.consumers import kinds
from zcbench.consumers.consumer import (
    Consumer,
    ConsumerFacts,
    Option,
    Traits,
    facts_of,
    violations,
)

ENTRY_POINT_GROUP = "zcbench.consumers"
_NOUN = "consumer"


@cache
def built_in() -> Mapping[str, type[Any]]:
    """The consumers that come with zcbench, by name: the class with traits in each module of the folder."""
    found: dict[str, type[Any]] = {}
    names = [info.name for info in pkgutil.iter_modules(kinds.__path__)]
    for name in sorted(names, key=[*kinds.ORDER, *sorted(names)].index):
        module = import_module(f"{kinds.__name__}.{name}")
        classes = inspect.getmembers(module, inspect.isclass)
        (found[name],) = [c for _, c in classes if c.__module__ == module.__name__ and hasattr(c, "traits")]
    return found


def consumer_names() -> list[str]:
    """Those that can be named without a module: the built-in ones, and entry points."""
    return [*built_in(), *(n for n in plugins.names(ENTRY_POINT_GROUP) if n not in built_in())]


@cache
def built_in_options() -> Mapping[str, tuple[Option, tuple[str, ...]]]:
    """The options of the built-in consumers by name, each with the consumers that read it."""
    found: dict[str, tuple[Option, tuple[str, ...]]] = {}
    for kind, consumer in built_in().items():
        for option in consumer.traits.options:
            readers = found[option.name][1] if option.name in found else ()
            found[option.name] = (option, (*readers, kind))
    return found


def find_consumer(name: str) -> type[Any]:
    """The consumer's class. Raises LookupError with the reason it cannot be had."""
    if name in built_in():
        return built_in()[name]
    if ":" not in name and name not in plugins.names(ENTRY_POINT_GROUP):
        raise LookupError(f"no consumer {name!r}; there are {', '.join(consumer_names())}")
    found = plugins.load(_NOUN, ENTRY_POINT_GROUP, name)
    if wrong := violations(found):
        raise LookupError(plugins.cannot(_NOUN, name, "; ".join(wrong)))
    return cast(type[Any], found)


def make_consumer(kind: str, **options: Any) -> Consumer:
    """The consumer called ``kind``; options not given have their defaults. Raises LookupError.

    Durations are in seconds.
    """
    consumer = find_consumer(kind)
    traits: Traits = consumer.traits
    defaults = {option.name: option.default for option in traits.options}
    made = consumer(**(defaults | options))
    if kind not in built_in():
        from zcbench.consumers.owned import OwnedConsumer

        return OwnedConsumer(made)
    return cast(Consumer, made)


def recorded_facts(kind: str, values: Mapping[str, Any]) -> ConsumerFacts:
    """The facts of a run whose record has none: of a built-in consumer by its name.

    One that is not known may keep packets. Nothing is imported: a record can be anybody's.
    """
    if kind not in built_in():
        return ConsumerFacts(keeps_packets=True)
    traits: Traits = built_in()[kind].traits
    defaults = {option.name: option.default for option in traits.options}
    return facts_of(traits, {name: values.get(name, value) for name, value in defaults.items()})
