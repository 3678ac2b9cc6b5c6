"""`zcbench history`: many runs below a directory, and what the user gets wrong."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.records import scenario, write_record
from zcbench.record.reader import read_record
from zcbench.record.writer import write_result
from zcbench.verdict import judge

Invoke = Callable[..., Result]
RUNS = 300


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hundred runs a minute apart, in which drops begin with run 200 and another commit."""
    root = tmp_path_factory.mktemp("many")
    model = write_record(root / "model", scenario(duration_s=30))
    write_result(model, judge(read_record(model)))
    texts = {name: json.loads((model / name).read_text()) for name in ("run.json", "result.json")}
    shutil.rmtree(model)
    for at in range(RUNS):
        texts["run.json"]["id"] = f"r{at}"
        texts["run.json"]["started_at"] = f"2026-01-01T{at // 60:02}:{at % 60:02}:00+00:00"
        texts["run.json"]["environment"]["git_commit"] = ("a" if at < 200 else "b") * 40
        texts["result.json"]["totals"]["engine.drops"] = 0 if at < 200 else 5 + at % 3
        folder = root / f"{at % 7}" / f"run-{at:03}"
        folder.mkdir(parents=True)
        for name, text in texts.items():
            (folder / name).write_text(json.dumps(text))
    return root


def test_every_run_is_there_and_the_change_has_its_commit(invoke: Invoke, many: Path) -> None:
    done = invoke("history", "--root", many, "--metric", "drops", "--format", "csv")
    assert done.exit_code == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["run"] for row in rows] == [f"run-{at:03}" for at in range(RUNS)]
    assert [(row["run"], row["commit"]) for row in rows if row["changed"]] == [("run-200", "b" * 12)]


def test_without_a_metric_it_shows_the_usual_ones(invoke: Invoke, many: Path) -> None:
    done = invoke("history", "--root", many)
    assert done.exit_code == 0
    assert "pool.hit\\_rate" in done.stdout
    assert f"**engine.drops** 0 → 6 from run-200 on, commit {'b' * 12} (before: {'a' * 12})" in done.stdout


def test_the_verdict_is_a_metric(invoke: Invoke, many: Path, tmp_path: Path) -> None:
    shutil.copytree(many / "0", tmp_path / "runs")
    failed = tmp_path / "runs" / "run-007" / "result.json"
    failed.write_text(failed.read_text().replace('"verdict": "pass"', '"verdict": "fail"'))
    done = invoke("history", "--root", tmp_path / "runs", "--metric", "verdict", "--format", "json")
    (story,) = json.loads(done.stdout)["scenarios"]
    values = {run["name"]: run["values"]["verdict"] for run in story["runs"]}
    assert values["run-007"] == 0
    assert values["run-000"] == 1


@pytest.mark.parametrize(("suffix", "starts"), [(".svg", b"<svg"), (".png", b"\x89PNG")])
def test_the_figure_is_written_where_it_is_named(
    invoke: Invoke, many: Path, tmp_path: Path, suffix: str, starts: bytes
) -> None:
    out = tmp_path / f"drops{suffix}"
    arguments = ("history", "--root", many / "0", "--metric", "drops", "--figure", out)
    assert invoke(*arguments).exit_code == 0
    assert out.read_bytes().startswith(starts)
    again = invoke(*arguments)
    assert again.exit_code == 2
    assert f"--figure {out}: exists" in again.stderr


def test_a_broken_run_is_named_and_left_out(invoke: Invoke, many: Path, tmp_path: Path) -> None:
    shutil.copytree(many / "0", tmp_path / "runs")
    broken = tmp_path / "runs" / "run-000"
    (broken / "result.json").write_text("{")
    done = invoke("history", "--root", tmp_path / "runs", "--metric", "drops", "--format", "csv")
    assert done.exit_code == 0
    assert f"left out: {broken}: result.json: damaged" in done.stderr
    assert "run-000" not in done.stdout
    assert "run-007" in done.stdout


def test_where_no_run_can_be_read_there_is_no_history(invoke: Invoke, many: Path, tmp_path: Path) -> None:
    shutil.copytree(many / "0" / "run-000", tmp_path / "runs" / "only")
    (tmp_path / "runs" / "only" / "result.json").write_text("{")
    for more in ([], ["--figure", tmp_path / "x.svg"]):
        done = invoke("history", "--root", tmp_path / "runs", *more)
        assert done.exit_code == 2
        assert "none of 1 runs can be read; the first: " in done.stderr
        assert "result.json: damaged" in done.stderr
    assert not (tmp_path / "x.svg").exists()


def test_a_sweep_is_no_history_of_its_scenario(invoke: Invoke, many: Path, tmp_path: Path) -> None:
    # given two runs, and a sweep of the same scenario beside them
    shutil.copytree(many / "0" / "run-000", tmp_path / "run-000")
    shutil.copytree(many / "0" / "run-007", tmp_path / "sweep" / "runs" / "run-007")
    (tmp_path / "sweep" / "sweep.json").write_text("{}")
    csv_of = ("--metric", "drops", "--format", "csv")
    # then its runs are read only where it is named
    assert "run-007" not in invoke("history", "--root", tmp_path, *csv_of).stdout
    assert "run-007" in invoke("history", "--root", tmp_path / "sweep", *csv_of).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--metric", "hit_rat"], "did you mean hit_rate"),
        (["--metric", "latency"], "latency: no such metric; did you mean"),
        (["--metric", "latency.p42"], "no such metric"),
        (["--scenario", "nightly"], "no run of scenario 'nightly'"),
        (["--figure", "x.bmp"], "ends in .svg or .png"),
        (["--format", "xml"], "'xml' is not one of"),
    ],
)
def test_what_is_wrong_is_said(invoke: Invoke, many: Path, arguments: list[str], said: str) -> None:
    done = invoke("history", "--root", many / "0", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_directory_without_runs_is_an_error(invoke: Invoke, here: Path) -> None:
    done = invoke("history")
    assert done.exit_code == 2
    assert "no such directory" in done.stderr
    (here / "reports" / "runs").mkdir(parents=True)
    assert "no runs there yet" in invoke("history").stderr


def test_all_metrics_are_listed(invoke: Invoke) -> None:
    done = invoke("history", "--list")
    assert "growth.native_heap" in done.stdout
    assert "engine.drops" in done.stdout
