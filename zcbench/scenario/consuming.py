"""The consumer of a scenario: its kind, and the options that it reads.

The options of the consumers that come with zcbench are keys of ``[consumer]``; those of a user's own stand in
``[consumer.options]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from zcbench.consumers.consumer import ConsumerFacts, Option, Traits, facts_of
from zcbench.consumers.inspection import inspect
from zcbench.consumers.registry import built_in, consumer_names
from zcbench.quantities.parsing import Duration, Growth, Rate, Size, UnitError, decode_unit
from zcbench.scenario.keys import CONSUMER_OPTIONS
from zcbench.scenario.sheet import Sheet
from zcbench.scenario.tables import ConsumerTable, Scenario
from zcbench.scenario.values import WrongTypeError, convert, did_you_mean, shown


def with_options(scenario: Scenario, sheet: Sheet) -> Scenario:
    """``scenario`` with its consumer's options read by their types. Raises ScenarioError.

    A consumer that is not ours is imported, in a process of its own.
    """
    table = scenario.consumer
    try:
        traits = inspect(table.kind)
    except LookupError as error:
        near = "" if ":" in table.kind else did_you_mean(table.kind, consumer_names())
        problem, semicolon, rest = str(error.args[0]).partition(";")
        sheet.fail("consumer.kind", f"{problem}{near}{semicolon}{rest}")
    there = {o.name: o for o in traits.options} if table.kind not in built_in() else {}
    values = {name: _read(name, there, table, sheet) for name in table.options}
    return msgspec.structs.replace(scenario, consumer=msgspec.structs.replace(table, options=values))


def _read(name: str, there: Mapping[str, Option], table: ConsumerTable, sheet: Sheet) -> Any:
    key = CONSUMER_OPTIONS + name
    if name not in there:
        has = f"it has {', '.join(there)}" if there else "it has none"
        if table.kind in built_in():
            has = "those of the consumers that come with zcbench are keys of [consumer]"
        near = did_you_mean(name, there)
        sheet.fail(key, f"no option of consumer {shown(table.kind)}{near}; {has}")
    try:
        value = convert(key, there[name].type, sheet.values[key])
    except (UnitError, WrongTypeError) as error:
        sheet.fail(key, str(error))
    # As a person writes it: run.json and TOML have no type for it.
    return str(value) if isinstance(value, Duration | Size | Growth | Rate) else value


def consumer_values(table: ConsumerTable, traits: Traits) -> dict[str, Any]:
    """The values of all options in ``traits``, by name: what the consumer's constructor gets."""
    if table.kind in built_in():
        return {option.name: getattr(table, option.name) for option in traits.options}
    values = {option.name: option.default for option in traits.options}
    for option in traits.options:
        given = table.options.get(option.name)
        if given is not None:
            is_unit = option.type in (Duration, Size)
            values[option.name] = decode_unit(option.type, given) if is_unit else given
    return values


def consumer_facts(table: ConsumerTable) -> ConsumerFacts:
    """What judging has to know of a scenario's consumer. Raises LookupError."""
    traits = inspect(table.kind)
    return facts_of(traits, consumer_values(table, traits))


def consumer_times(table: ConsumerTable) -> dict[str, tuple[Duration, Option]]:
    """The durations among the options that a scenario can set, by key."""
    traits = inspect(table.kind)
    own = table.kind not in built_in()
    values = consumer_values(table, traits) if own else {}
    times = {
        CONSUMER_OPTIONS + option.name: (values[option.name], option)
        for option in (traits.options if own else ())
    }
    for consumer in built_in().values():
        for option in consumer.traits.options:
            times[f"consumer.{option.name}"] = (getattr(table, option.name), option)
    return {key: found for key, found in times.items() if found[1].type is Duration}


def rhythm_key(table: ConsumerTable) -> str | None:
    """The key that says how long the consumer waits between packets or bursts."""
    rhythm = inspect(table.kind).rhythm
    prefix = "consumer." if table.kind in built_in() else CONSUMER_OPTIONS
    return None if rhythm is None else prefix + rhythm
