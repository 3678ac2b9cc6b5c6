"""What is said of files that a subject leaves, and of what it prints, against the scenario's budget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.records import RESOURCES, Row, make_record, scenario
from zcbench.analysis.totals import totals
from zcbench.quantities.parsing import Size
from zcbench.record.schema import End, Ending, Event, Finding
from zcbench.scenario import BudgetTable
from zcbench.verdict import judge
from zcbench.verdict.checks import disk


def asked(
    tmp_path: Path,
    *,
    temporary: dict[str, Any] | None = None,
    elsewhere: dict[str, Any] | None = None,
    bend: Callable[[int, Row], None] | None = None,
    budget: BudgetTable | None = None,
) -> Finding:
    events = [event for event in RESOURCES if event.kind == "resources"]
    for kind, data in (("temporary_files", temporary), ("written_files", elsewhere)):
        event = Event(elapsed_s=31.0, kind=kind, message="files", data=data or {"files": 0})
        events.append(event)
    plan = msgspec.structs.replace(scenario(), budget=budget or BudgetTable())
    record = make_record(tmp_path / "run", plan, events=events, bend=bend)
    return disk.CHECK.ask(record, totals(record))


def test_a_subject_that_leaves_nothing_passes_and_the_power_is_its_budget(tmp_path: Path) -> None:
    found = asked(tmp_path)
    assert found.outcome == "pass"
    assert "0 files" in found.sentence
    assert "more than 10 files, 64 MiB in them, or 16 MiB of output" in (found.detection_limit or "")


@pytest.mark.parametrize(
    ("where", "data", "words"),
    [
        ("temporary", {"files": 40, "bytes": 400, "names": ["tmp1", "tmp2"]}, "40 files with 400 B"),
        ("elsewhere", {"files": 11, "bytes": 0, "names": ["a.raw"]}, "11 files with 0 B"),
        ("temporary", {"files": 1, "bytes": 100 * 2**20}, "1 files with 100.00 MiB"),
        ("temporary", {"files": 10_000, "bytes": 9, "whole": False}, "10,000 or more files"),
    ],
)  # fmt: skip
def test_files_beyond_the_budget_fail_wherever_they_are(
    tmp_path: Path, where: str, data: dict[str, Any], words: str
) -> None:
    found = asked(tmp_path, **{where: data})
    assert (found.outcome, found.cause) == ("fail", "files")
    assert words in found.sentence
    for name in data.get("names", []):
        assert name in found.sentence
    assert "budget.files" in (found.remedy or "")


def test_files_that_pile_up_fail_even_if_the_end_removes_them(tmp_path: Path) -> None:
    found = asked(tmp_path, bend=lambda index, row: row.update({"temporary_files": 10 * index}))
    assert (found.outcome, found.cause) == ("fail", "files")
    assert "pile up" in found.sentence


def test_a_hundred_megabytes_of_output_fail(tmp_path: Path) -> None:
    found = asked(tmp_path, bend=lambda index, row: row.update({"output_bytes": 4 * 2**20 * (index + 1)}))
    assert (found.outcome, found.cause) == ("fail", "output")
    assert "printed 120.00 MiB (16 MiB are allowed)" in found.sentence


def test_the_scenario_says_how_much_may_be(tmp_path: Path) -> None:
    generous = BudgetTable(files=100, disk=Size(2**30), output=Size(2**30))
    found = asked(
        tmp_path,
        temporary={"files": 60, "bytes": 500 * 2**20},
        bend=lambda _, row: row.update({"output_bytes": 100 * 2**20}),
        budget=generous,
    )
    assert found.outcome == "pass"


def test_what_was_not_counted_to_the_end_never_passes(tmp_path: Path) -> None:
    # given a subject that crashed: nobody counted what its process had left
    crashed = End(ending=Ending.CRASHED, elapsed_s=20.0, signal="SIGSEGV", exit_code=-11)
    record = make_record(tmp_path / "run", ending=crashed, packets=1500)
    found = next(f for f in judge(record).findings if f.check == "disk")
    assert (found.outcome, found.required) == ("inconclusive", False)
