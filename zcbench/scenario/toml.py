"""Printing a scenario as TOML."""

from __future__ import annotations

import json
from typing import Any

from zcbench.quantities.parsing import Duration, Growth, Size
from zcbench.scenario.keys import ENGINE_KEYS, ENGINE_TABLES, TABLES, TOP
from zcbench.scenario.subject import reads
from zcbench.scenario.tables import Expectation, Scenario


def to_toml(scenario: Scenario) -> str:
    """``scenario`` as TOML that :func:`load` reads back as an equal scenario.

    What its subject does not read is left out.
    A key without a value (None or an empty list) is left out: that is its default, and TOML has no null.
    """
    of_engine = scenario.subject.kind == "engine"
    hidden = {"subject"} if of_engine else {*ENGINE_TABLES} - ({"gc"} if scenario.subject.call else set())
    plain = ((f.name, getattr(scenario, f.name)) for f in TOP)
    shown = ((name, value) for name, value in plain if of_engine or name not in ENGINE_KEYS)
    top = [f"{name} = {_toml_value(v)}" for name, v in shown if v is not None]
    if scenario.expect:
        top += ["expect = [", *(f"  {_expectation_to_toml(e)}," for e in scenario.expect), "]"]
    lines = [*top, ""]
    for table in TABLES:
        struct = getattr(scenario, table)
        if table in hidden:
            continue
        lines.append(f"[{table}]")
        names = (n for n in struct.__struct_fields__ if table != "subject" or reads(scenario.subject.kind, n))
        values = ((name, getattr(struct, name)) for name in names)
        for name, value in values:
            if isinstance(value, dict):
                lines += [f"{name}.{_key(k)} = {_toml_value(v)}" for k, v in value.items()]
            elif value is not None and value != ():
                lines.append(f"{name} = {_toml_value(value)}")
        lines.append("")
    if scenario.tags:
        tags = (f"{_toml_value(k)} = {_toml_value(v)}" for k, v in scenario.tags.items())
        lines += ["[tags]", *tags, ""]
    return "\n".join(lines)


def _key(name: str) -> str:
    # A key of somebody else's record may be anything.
    return name if name.isascii() and name.isidentifier() else _toml_value(name)


def _expectation_to_toml(expectation: Expectation) -> str:
    values = {name: getattr(expectation, name) for name in Expectation.__struct_fields__}
    if expectation == Expectation(that=expectation.that):
        return _toml_value(expectation.that)
    return "{" + ", ".join(f"{name} = {_toml_value(v)}" for name, v in values.items()) + "}"


def _toml_value(value: Any) -> str:
    if isinstance(value, Duration | Size | Growth):
        return _toml_value(str(value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(value)
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
