"""Laying layer over layer: which value counts, and where it was given."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from zcbench.quantities.parsing import UnitError
from zcbench.scenario.keys import CONSUMER_OPTIONS, FREE_TABLES, KINDS, TABLES, unknown_key
from zcbench.scenario.tables import Scenario, ScenarioError, Setting
from zcbench.scenario.values import BOOLEANS, Text, Value, WrongTypeError, convert, shown


@dataclass(frozen=True)
class Sheet:
    """The values by key while layer is laid over layer, and what an error needs to point at."""

    values: dict[str, Value]
    path: Path | None
    text: str

    def overlay(self, layer: dict[str, Value]) -> None:
        """Lay ``layer`` over what is there.

        A layer that says how fast replaces all that was said about the pace; one that names a file or
        a device says the source's kind with it.
        """
        source = [key for key in ("source.path", "source.device") if key in layer]
        if "source.kind" not in layer and source:
            if len(source) == 2:
                self.fail("source.device", "excludes source.path; name one source", layer)
            kind = source[0].replace("source.path", "file").replace("source.device", "device")
            layer["source.kind"] = Value(kind, layer[source[0]].origin, False)
        unpaced = layer.get("source.unpaced")
        if "source.speed" in layer:
            self.values.pop("source.unpaced", None)
        if unpaced is not None and BOOLEANS.get(str(unpaced.value).lower()):
            self.values.pop("source.speed", None)
        self.values.update(layer)

    def fail(self, key: str, problem: str, values: Mapping[str, Value] | None = None) -> NoReturn:
        """Raise ScenarioError for ``key``, pointing at where its value was given."""
        given = (self.values if values is None else values).get(key)
        origin = "default" if given is None else given.origin
        if origin == "default":
            where = "" if self.path is None else f"{self.path}: "
        elif origin == "file":
            line = line_of(self.text, key.split("."))
            where = f"{self.path}:{line}: " if line else f"{self.path}: "
        else:
            where = f"{origin}: "
        raise ScenarioError(f"{where}{key}: {problem}")

    def last_given(self, *keys: str) -> str:
        """The one of ``keys`` to blame when they contradict: one given by hand before a default."""
        rank = {"default": 0, "file": 1}
        given = [k for k in keys if k in self.values]
        return max(given, key=lambda k: rank.get(self.values[k].origin, 2), default=keys[0])


def from_file(sheet: Sheet) -> dict[str, Value]:
    """The layer that the sheet's own file makes. Raises ScenarioError with the line."""
    try:
        data = tomllib.loads(sheet.text)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error), re.DOTALL)
        if found is None:  # "at end of document"
            line = max(1, sheet.text.count("\n"))
            raise ScenarioError(f"{sheet.path}:{line}: not TOML: {error}") from None
        what, line_text, column = found.groups()
        raise ScenarioError(f"{sheet.path}:{line_text}: not TOML: {what} (column {column})") from None
    except (ValueError, RecursionError) as error:  # a number or a nesting beyond Python's limits
        raise ScenarioError(f"{sheet.path}: not TOML: {error}") from None
    layer: dict[str, Value] = {}
    for name, value in data.items():
        if name in TABLES or name == "tags":
            if not isinstance(value, dict):
                layer[name] = Value(value, "file", False)
                sheet.fail(name, f"{shown(value)} is not a table; write [{name}]", layer)
            layer |= {f"{name}.{k}": Value(v, "file", False) for k, v in value.items()}
            for prefix in (CONSUMER_OPTIONS, *FREE_TABLES):
                inner = layer.get(prefix[:-1])
                if inner is not None and isinstance(inner.value, dict):
                    del layer[prefix[:-1]]
                    layer |= {prefix + k: Value(v, "file", False) for k, v in inner.value.items()}
        else:
            layer[name] = Value(value, "file", False)
    for key in layer:
        if problem := unknown_key(key):
            sheet.fail(key, problem, layer)
    return layer


def from_settings(settings: Iterable[Setting]) -> dict[str, Value]:
    """The layer that flags or variables make. Raises ScenarioError for an unknown key, or one given twice."""
    layer: dict[str, Value] = {}
    for setting in settings:
        if not _is_text(setting.key + setting.text):
            raise ScenarioError(f"{setting.origin}: {setting.key}: {shown(setting.text)} is no text in UTF-8")
        if problem := unknown_key(setting.key):
            raise ScenarioError(f"{setting.origin}: {setting.key}: {problem}")
        if earlier := layer.get(setting.key):
            both = f"{earlier.value!r} by {earlier.origin} and {setting.text!r} by {setting.origin}"
            raise ScenarioError(f"{setting.origin}: {setting.key}: given twice, {both}")
        layer[setting.key] = Value(setting.text, setting.origin, True)
    return layer


def _is_text(given: str) -> bool:
    """Whether ``given`` can be written down: bytes of the command line that are no UTF-8 cannot."""
    try:
        given.encode()
    except UnicodeEncodeError:
        return False
    return True


def line_of(text: str, key: Sequence[str]) -> int | None:
    """The line (from 1) on which ``key`` is set: where the first prefix that says so begins to.

    tomllib gives no positions. The first prefix that parses *and* has the key is right for every way
    TOML has of writing one (dotted, quoted, inline); it is only looked for when there is an error.
    """
    lines = text.split("\n")
    if len(lines) > 2000:
        return None
    parsed = 0
    for count in range(1, len(lines) + 1):
        try:
            node: Any = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue  # inside a value that spans lines: it began after the last prefix that parsed
        for part in key:
            node = node.get(part, _ABSENT) if isinstance(node, dict) else _ABSENT
        if node is not _ABSENT:
            return parsed + 1
        parsed = count
    return None


_ABSENT = object()


def build(sheet: Sheet) -> Scenario:
    """The scenario that the values of ``sheet`` make. Raises ScenarioError for a value of the wrong type."""
    top: dict[str, Any] = {}
    tables: dict[str, dict[str, Any]] = {name: {} for name in (*TABLES, "tags")}
    options: dict[str, Any] = {}
    for key, given in sheet.values.items():
        if key.startswith(CONSUMER_OPTIONS):
            # Its type is the consumer's to say: see zcbench.scenario.consuming.
            options[key.removeprefix(CONSUMER_OPTIONS)] = given.value
            continue
        free = next((prefix for prefix in FREE_TABLES if key.startswith(prefix)), "")
        table, _, name = key.partition(".")
        try:
            if free:
                inner = tables[table].setdefault(free.split(".")[1], {})
                inner[key.removeprefix(free)] = convert(key, Text, given)
                continue
            value = convert(key, KINDS.get(key, str), given)
        except (UnitError, WrongTypeError) as error:
            sheet.fail(key, str(error))
        if name:
            tables[table][name] = value
        else:
            top[key] = value
    if options:
        tables["consumer"]["options"] = options
    structs = {name: struct(**tables[name]) for name, struct in TABLES.items()}
    return Scenario(**top, **cast(Any, structs), tags=tables["tags"])
