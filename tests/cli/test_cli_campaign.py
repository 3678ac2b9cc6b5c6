"""`zcbench report A B --title T --before X` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke
from tests.cli.test_cli_errors import files_below, refused
from tests.records import write_record


@pytest.fixture
def runs(here: Path) -> Path:
    """The directories a, b and lossy, in a folder of their own."""
    for name, packets in (("a", 3000), ("b", 3000), ("lossy", 2937)):
        write_record(here / "runs" / name, packets=packets, run_id=name)
    return Path("runs")


def test_several_runs_make_a_final_report(invoke: Invoke, runs: Path) -> None:
    done = invoke("report", runs / "a", runs / "b", "--before", runs / "lossy", "--title", "Capture")
    assert done.exit_code == 0
    assert done.stdout.startswith("# Capture: ")
    assert "## Problem history" in done.stdout
    # then without a directory for them there are neither figures nor links to other reports
    assert "](" not in done.stdout


def test_one_run_with_a_title_is_a_campaign_too(invoke: Invoke, runs: Path) -> None:
    done = invoke("report", runs / "a", "--title", "Capture")
    assert done.stdout.startswith("# Capture: ")
    assert "## Readiness checklist" in done.stdout
    assert "Readiness checklist" not in invoke("report", runs / "a").stdout


def test_a_directory_gets_all_of_it(invoke: Invoke, here: Path, runs: Path) -> None:
    whole = ("report", runs / "a", "--before", runs / "lossy", "--report-dir", "out")
    done = invoke(*whole, "--format", "md,json")
    assert done.exit_code == 0, done.output
    assert done.stdout.split() == [str(Path("out") / name) for name in ("report.md", "campaign.json")]
    told = json.loads((here / "out" / "campaign.json").read_text(encoding="utf-8"))
    assert [run["name"] for run in told["runs"]] == ["a"]
    assert [run["verdict"] for run in told["before"]] == ["fail"]
    assert (here / "out" / "runs" / "lossy" / "report.md").is_file()
    # when it is there already, it stays as it is
    before = files_below(here)
    refused(invoke(*whole), "holds a report.md already")
    assert files_below(here) == before
    assert invoke(*whole, "--format", "json", "--force").exit_code == 0


def test_runs_of_one_name_are_told_apart_by_their_folders(invoke: Invoke, here: Path) -> None:
    for folder in ("monday", "tuesday"):
        write_record(here / folder / "run", run_id=folder)
    done = invoke("report", Path("monday") / "run", Path("tuesday") / "run", "--format", "json")
    assert [run["name"] for run in json.loads(done.stdout)["runs"]] == ["monday-run", "tuesday-run"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["runs/a", "runs/b", "--format", "junit"], "--format junit: for one run only"),
        (["runs/a", "runs/b", "--github"], "--github is for the report of one run"),
        (["runs/a", "runs/a"], "the same run as"),
        (["runs/a", "--before", "runs/a"], "the same run as"),
        (["runs/a", "runs/none"], "runs/none"),
        (["runs/a", "runs/b", "--before", "."], "run.json"),
        (["runs/a", "runs/b", "--report-dir", "runs/a/run.json"], "is a file"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_lost(
    invoke: Invoke, here: Path, runs: Path, arguments: list[str], says: str
) -> None:
    before = files_below(here)
    refused(invoke("report", *arguments), says)
    assert files_below(here) == before
