"""Every version of the record's format that was ever written still opens: an example of each is kept.

``examples/schema-N`` was made by the zcbench that wrote schema N, and is never made again.
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from zcbench.record.capabilities import ENGINE
from zcbench.record.reader import read_record, read_run
from zcbench.record.schema import RESULT_FILE, RUN_FILE, SCHEMA
from zcbench.record.writer import RecordError
from zcbench.render.formats import FORMATS, write_reports
from zcbench.verdict import judge

EXAMPLES = Path(__file__).parent / "examples"
DOCS = Path(__file__).parents[2] / "docs" / "schema"
VERSIONS = range(1, SCHEMA + 1)
FIRST_PUBLISHED = 2


def example(version: int) -> Path:
    return EXAMPLES / f"schema-{version}"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_example_of_every_version_opens_whole(version: int) -> None:
    record = read_record(example(version))
    assert record.run.schema == version
    assert record.problems == ()
    assert record.rows == 7
    assert record.result is not None
    assert record.result.totals["engine.delivered"] == 300


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_judged_as_what_it_was(version: int) -> None:
    # given a run whose 10 slots served a third of its acquires, where 99 % were expected
    record = read_record(example(version))
    result = judge(record)
    assert record.result is not None
    assert (result.verdict, result.exit_code) == ("fail", 1)
    assert (record.result.verdict, record.result.exit_code) == ("fail", 1)
    (broken,) = [f for f in result.findings if f.outcome == "fail" and f.level == "fail"]
    assert broken.check == "expect: pool.hit_rate >= 99%"


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_rendered_to_every_format(version: int, tmp_path: Path) -> None:
    record = read_record(example(version))
    written = write_reports(tuple(FORMATS), record, judge(record), tmp_path)
    for path in written:
        assert "pool.hit" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("version", VERSIONS[FIRST_PUBLISHED - 1 :])
@pytest.mark.parametrize("file", [RESULT_FILE, RUN_FILE])
def test_its_files_are_valid_by_the_schema_published_for_their_version(version: int, file: str) -> None:
    schema = json.loads((DOCS / f"{Path(file).stem}-{version}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(
        json.loads((example(version) / file).read_text(encoding="utf-8"))
    )


def test_an_older_record_names_the_subject_that_its_schema_could_not(tmp_path: Path) -> None:
    # given records of schema 2: a run of our own, and an imported table
    own = json.loads((example(2) / RUN_FILE).read_text(encoding="utf-8"))
    for name, ingested in (("own", None), ("theirs", "soak.csv")):
        (tmp_path / name).mkdir()
        text = json.dumps(own | {"ingested": ingested})
        (tmp_path / name / RUN_FILE).write_text(text, encoding="utf-8")
    # then each says what it is
    assert read_run(tmp_path / "own").subject == ENGINE
    assert read_run(example(3)).subject.promised == ENGINE.promised
    theirs = read_run(tmp_path / "theirs")
    assert (theirs.subject.kind, theirs.subject.file) == ("imported", "soak.csv")
    assert theirs.subject.called == "soak.csv"


def test_a_record_that_does_not_say_what_was_tested_is_refused(tmp_path: Path) -> None:
    # given a record of this schema without its subject
    run = json.loads((example(SCHEMA) / RUN_FILE).read_text())
    del run["subject"]
    (tmp_path / RUN_FILE).write_text(json.dumps(run))
    # then it is not taken for an engine of ours
    with pytest.raises(RecordError, match="no subject"):
        read_run(tmp_path)
