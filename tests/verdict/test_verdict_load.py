"""A load generator that failed or ended early, and processes that outlived the subject, are findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records import make_command_record
from zcbench.quantities.parsing import Duration
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.schema import Event, EventKind, Finding
from zcbench.scenario import Scenario, SubjectTable
from zcbench.verdict import judge

PLAN = Scenario(duration=Duration(60.0), subject=SubjectTable(command=("server",), load=("wrk", "url")))
ALONE = Scenario(duration=Duration(60.0), subject=SubjectTable(command=("server",)))


def load(state: str, lasted_s: float = 0.0, code: int | None = None) -> Event:
    data = {"state": state, "exit_code": code, "lasted_s": lasted_s}
    return Event(elapsed_s=lasted_s, kind=EventKind.LOAD, message=f"the load generator {state}", data=data)


def found(directory: Path, name: str, plan: Scenario, *events: Event) -> Finding:
    findings = judge(make_command_record(directory, plan=plan, events=events)).findings
    return next(finding for finding in findings if finding.check == name)


@pytest.mark.parametrize(
    ("events", "outcome", "says"),
    [
        ([load("runs"), load("stopped", 60)], "pass", "ran for 1 min"),
        ([load("runs"), load("ended", 59.5, 0)], "pass", "ran for 59.5 s"),
        ([load("runs"), load("ended", 30, 0)], "inconclusive", "50 % of the run was without load"),
        ([load("runs"), load("failed", 0.1, 1)], "fail", "without load"),
        ([load("failed")], "fail", "without load"),
        ([load("runs")], "inconclusive", "was not recorded"),
        ([], "inconclusive", "the subject was never ready"),
    ],
)
def test_a_pass_was_under_load(tmp_path: Path, events: list[Event], outcome: str, says: str) -> None:
    finding = found(tmp_path, "load", PLAN, *events)
    assert (finding.outcome, says in finding.sentence) == (outcome, True), finding.sentence
    assert finding.required


def test_a_run_without_a_load_generator_is_not_asked(tmp_path: Path) -> None:
    finding = found(tmp_path, "load", ALONE)
    assert (finding.outcome, finding.lacks) == ("skipped", "load")


def test_processes_that_outlive_a_command_fail_it(tmp_path: Path) -> None:
    def left(survived: bool) -> Event:
        data = {"count": 2, "names": ["helper", "helper"], "survived": survived}
        message = "the command was survived by 2 processes: helper, helper"
        return Event(elapsed_s=1, kind=EventKind.LEFT_PROCESSES, message=message, data=data)

    finding = found(tmp_path / "survived", "life", ALONE, left(True))
    assert (finding.outcome, finding.cause) == ("fail", "survived")
    assert found(tmp_path / "daemon", "life", ALONE, left(False)).outcome == "pass"


@pytest.mark.parametrize(
    ("per_s", "outcome", "says"),
    [
        (
            50,
            "fail",
            "called 50 times a second, where 100/s were asked for: 2,950 of 5,900 calls in 59 s",
        ),
        (99, "pass", "called 99 times a second, as was asked"),
    ],
)
def test_a_rate_that_was_not_reached_is_told_and_fails_nothing(
    per_s: int, outcome: str, says: str, tmp_path: Path
) -> None:
    plan = Scenario(duration=Duration(60.0), subject=SubjectTable(call="module:function", rate=100.0))
    record = make_command_record(
        tmp_path,
        plan=plan,
        subject=SubjectInfo(kind="call", title="module:function"),
        brought=[VOCABULARY["calls.made"]],
        counts=lambda index: {"calls.made": per_s * (index + 1), "phase": 1},
    )
    finding = next(one for one in judge(record).findings if one.check == "load")
    assert (finding.outcome, finding.sentence.removeprefix("it was ")) == (outcome, says)
    assert outcome == "pass" or finding.level == "warn"
