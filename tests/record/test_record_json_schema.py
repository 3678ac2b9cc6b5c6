"""The published JSON Schemas are those of the types, and of what is really written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.records import write_record
from zcbench.record.json_schema import PUBLISHED, SchemaError, json_schema, schema_file
from zcbench.record.reader import read_record
from zcbench.record.schema import SCHEMA
from zcbench.record.writer import write_result
from zcbench.verdict import judge

DOCS = Path(__file__).parents[2] / "docs" / "schema"


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run's result.json and run.json."""
    directory = write_record(tmp_path_factory.mktemp("record"), tags={"build": "1"})
    write_result(directory, judge(read_record(directory)))
    return {name: json.loads((directory / f"{name}.json").read_text("utf-8")) for name in PUBLISHED}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_schema_is_what_the_types_say(name: str) -> None:
    published = (DOCS / schema_file(name)).read_text(encoding="utf-8")
    assert json.loads(published) == json_schema(name), "`zcbench schema --out docs/schema` again"


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_a_run_leaves_is_valid(name: str, files: dict[str, Any]) -> None:
    validator(name).validate(files[name])


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("schema", [SCHEMA - 1, SCHEMA + 1, None])
def test_a_file_of_another_version_is_not(name: str, schema: Any, files: dict[str, Any]) -> None:
    assert not validator(name).is_valid(files[name] | {"schema": schema})
    assert not validator(name).is_valid({k: v for k, v in files[name].items() if k != "schema"})


def test_wrong_values_are_told_apart_from_new_fields(files: dict[str, Any]) -> None:
    result, check = files["result"], validator("result")
    assert check.is_valid(result | {"added_later": 1})
    assert not check.is_valid(result | {"verdict": "maybe"})
    assert not check.is_valid(result | {"totals": {"rss_bytes": "many"}})
    assert not check.is_valid(result | {"findings": [{"check": "gaps", "outcome": "pass"}]})
    run = files["run"]
    source = run["scenario"] | {"duration": "30s"}
    assert not validator("run").is_valid(run | {"scenario": source})


def test_a_schema_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(SchemaError, match=r"'results'; did you mean 'result'\? there are result"):
        json_schema("results")
