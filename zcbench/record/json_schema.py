"""JSON Schemas of the record's files, made from the types that write them.

``docs/schema/`` holds them as published, a file for each version of the record's format. Within a version
fields may be added, never taken away or given another meaning; so a reader lets pass what it does not know.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Union

import msgspec
from msgspec import Meta

from zcbench.quantities.parsing import Duration, Growth, Rate, Size
from zcbench.record.schema import RESULT_FILE, RUN_FILE, SCHEMA, Result, RunInfo

DIALECT = "https://json-schema.org/draft/2020-12/schema"

PUBLISHED: Mapping[str, tuple[type[msgspec.Struct], str]] = {
    "result": (Result, RESULT_FILE),
    "run": (RunInfo, RUN_FILE),
}
_UNITS: Mapping[Any, Any] = {
    Duration: Annotated[float, Meta(ge=0, description="seconds")],
    Growth: Annotated[float, Meta(description="bytes a second")],
    Rate: Annotated[int, Meta(ge=0, description="frames a second")],
    Size: Annotated[int, Meta(ge=0, description="bytes")],
}


class SchemaError(LookupError):
    """There is no schema of that name; the message has those there are."""


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of "result" or "run", in the version that this zcbench writes. Raises SchemaError."""
    if name not in PUBLISHED:
        near = difflib.get_close_matches(name, PUBLISHED, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise SchemaError(f"no schema {name!r}; {hint}there are {', '.join(PUBLISHED)}")
    kind, file = PUBLISHED[name]
    made = _undented(msgspec.json.schema(_as_written(kind)))
    # Always written, and what tells one version from another; the type has a default only for our own sake.
    top = made["$defs"][kind.__name__]
    top["properties"]["schema"] = {"const": SCHEMA}
    top["required"].insert(0, "schema")
    return {
        "$schema": DIALECT,
        "$id": f"urn:zcbench:schema:{name}:{SCHEMA}",
        "title": f"{file} of zcbench, schema {SCHEMA}",
        **made,
    }


def schema_file(name: str) -> str:
    """The name of the file that publishes it: "result-2.json"."""
    return f"{name}-{SCHEMA}.json"


def _as_written(kind: Any) -> Any:
    """The type ``kind`` as JSON holds it: units are numbers, and structs hold what they are written with."""
    if kind in _UNITS:
        return _UNITS[kind]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct_as_written(kind)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return Union[tuple(map(_as_written, parts))]  # noqa: UP007  (of a number of parts only known here)
    if origin in (list, tuple, dict):
        return origin[tuple(part if part is ... else _as_written(part) for part in parts)]
    return kind


@functools.cache
def _struct_as_written(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """``kind`` without what msgspec cannot describe (defaults that are units) or should not (refusing keys)."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(kind):
        optional = msgspec.field(default_factory=object)  # a factory: its value is not described
        fields.append((field.name, _as_written(field.type), *([] if field.required else [optional])))
    return msgspec.defstruct(kind.__name__, fields, kw_only=True, namespace={"__doc__": kind.__doc__ or ""})


def _undented(schema: Any) -> Any:
    """``schema`` with descriptions as Python 3.13 has docstrings; earlier ones keep the indentation."""
    if isinstance(schema, list):
        return [_undented(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: inspect.cleandoc(value) if key == "description" and isinstance(value, str) else _undented(value)
        for key, value in schema.items()
    }
