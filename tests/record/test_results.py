"""Many results at once: what is read, in which order, and what is left out by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from zcbench.comparing.results import read_results
from zcbench.record.writer import RecordError


def copy(record: Path, to: Path, **changes: Any) -> Path:
    """A run like ``record``; ``changes`` are keys of run.json, those of result.json with ``result_`` before."""
    shutil.copytree(record, to)
    for file, prefix in (("run.json", ""), ("result.json", "result_")):
        text = json.loads((to / file).read_text("utf-8"))
        for key, value in changes.items():
            if key.startswith("result_") == bool(prefix):
                text[key.removeprefix("result_")] = value
        (to / file).write_text(json.dumps(text), "utf-8")
    return to


def test_runs_at_any_depth_come_in_the_order_they_started(record_directory: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name, when in (
        ("a/late", "2026-03-01"),
        ("b/c/early", "2026-01-01"),
        ("middle", "2026-02-01"),
    ):
        copy(record_directory, root / name, started_at=f"{when}T00:00:00+00:00", id=name)
    found = read_results(root, [])
    assert [row.id for row in found.rows] == ["b/c/early", "middle", "a/late"]
    assert found.problems == ()


def test_metrics_are_totals_or_derived_and_null_is_none(record_directory: Path, tmp_path: Path) -> None:
    totals = {"engine.drops": 7, "rss_bytes": None}
    derived = {"pool.hit_rate": 0.25, "delivery.p99": None}
    run = copy(record_directory, tmp_path / "root" / "r", result_totals=totals, result_derived=derived)
    names = ["engine.drops", "pool.hit_rate", "rss_bytes", "delivery.p99", "gc.pause_ns"]
    (row,) = read_results(run.parent, names).rows
    assert row.values == (7.0, 0.25, None, None, None)
    assert (row.scenario, row.verdict, row.ending, row.commit) == (
        "short",
        "pass",
        "finished",
        None,
    )


def test_a_result_from_before_there_were_derived_numbers_is_read(
    record_directory: Path, tmp_path: Path
) -> None:
    run = copy(record_directory, tmp_path / "root" / "r", schema=1, result_schema=1)
    text = json.loads((run / "result.json").read_text())
    text.pop("derived", None)
    (run / "result.json").write_text(json.dumps(text))
    (row,) = read_results(run.parent, ["pool.hit_rate"]).rows
    assert row.values == (None,)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("result.json", b'{"schema": 2, "verd', "result.json: damaged"),
        ("result.json", b"\xff\xfe\x00{}", "result.json: damaged"),
        ("result.json", b"", "result.json: damaged"),
        ("result.json", b"[]", "result.json: damaged"),
        ("run.json", b"not json", "run.json: damaged"),
        ("run.json", b'{"schema": 99}', "run.json: schema 99, this zcbench reads up to"),
        ("result.json", b'{"schema": 2, "verdict": "pass"}', "lacks what every run has"),
        ("result.json", None, "no result.json"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_others_stay(
    record_directory: Path, tmp_path: Path, file: str, content: bytes | None, said: str
) -> None:
    root = tmp_path / "root"
    copy(record_directory, root / "good")
    bad = copy(record_directory, root / "bad")
    if content is None:
        (bad / file).unlink()
    else:
        (bad / file).write_bytes(content)
    found = read_results(root, ["engine.drops"])
    assert [row.path.name for row in found.rows] == ["good"]
    (problem,) = found.problems
    assert problem.startswith(str(bad))
    assert said in problem


@pytest.mark.parametrize("name", ["a[b]c", "it's", "50%", "naïve run", "{x}"])
def test_a_directory_may_have_any_name(record_directory: Path, tmp_path: Path, name: str) -> None:
    copy(record_directory, tmp_path / "root" / name)
    copy(record_directory, tmp_path / "root" / "abc")  # what the first of them is a pattern of
    assert {row.path.name for row in read_results(tmp_path / "root", []).rows} == {name, "abc"}


def test_no_runs_or_none_of_that_scenario_is_an_error(record_directory: Path, tmp_path: Path) -> None:
    copy(record_directory, tmp_path / "root" / "r")
    (tmp_path / "empty").mkdir()
    for root, scenario, said in (
        (tmp_path / "nowhere", None, "no such directory"),
        (tmp_path / "empty", None, "no runs there yet"),
        (tmp_path / "root", "other", "no run of scenario 'other'"),
    ):
        with pytest.raises(RecordError, match=said):
            read_results(root, [], scenario)
    assert len(read_results(tmp_path / "root", [], "short").rows) == 1
