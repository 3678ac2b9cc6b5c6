"""What is known of a check stands in the check, and one of a user's own is asked like ours."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.records import make_record
from zcbench.cli import cli
from zcbench.faults import FAULTS
from zcbench.record.schema import Finding
from zcbench.render.markdown import render
from zcbench.render.moments import moment_of
from zcbench.render.placing import TITLES, figure_of
from zcbench.scenario import ScenarioError, Setting, load
from zcbench.verdict import judge
from zcbench.verdict.checks import CHECKS, by_name
from zcbench.verdict.moments import Moment
from zcbench.verdict.readiness import Campaign, Judged, assess
from zcbench.verdict.theirs import check_names, find

ROOT = Path(__file__).parents[2]
OWN = """
from zcbench.verdict.check import Check
from zcbench.verdict.moments import Moment

def answer(facts):
    if facts.totals["engine.drops"] == 0:
        {then}

def rise(record, result):
    return Moment(1.0, 2.0)

def broken(record, result):
    raise ValueError("x")

CHECK = Check("no-drop", "Was no packet dropped?", (answer,), {{"dropped": "the queue was full"}}, {more})
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Install a package of one file with an entry point, as pip leaves it."""

    def installed(then: str, name: str = "no-drop", more: str = "") -> None:
        module = f"own_check_{abs(hash((then, name, more, str(tmp_path))))}"
        site = tmp_path / "site"
        about = site / "own_checks-1.dist-info"
        about.mkdir(parents=True)
        (site / f"{module}.py").write_text(OWN.format(then=then, more=more))
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: own-checks\nVersion: 1\n")
        (about / "entry_points.txt").write_text(f"[zcbench.checks]\n{name} = {module}:CHECK\n")
        monkeypatch.setattr(sys, "path", [str(site), *sys.path])
        importlib.invalidate_caches()

    return installed


def own(tmp_path: Path, name: str = "no-drop") -> tuple[Finding, str]:
    record = make_record(tmp_path / "run")
    result = judge(record)
    (finding,) = (f for f in result.findings if f.check == name)
    assert name in render(record, result)
    return finding, result.verdict


def test_the_documents_have_the_table_that_zcbench_checks_prints() -> None:
    shown = CliRunner().invoke(cli, ["checks", "--markdown"]).stdout
    assert shown.count("\n") == len(CHECKS) + 2
    assert shown in (ROOT / "docs" / "verdict.md").read_text(encoding="utf-8")


def test_a_list_of_checks_tells_a_program_what_each_cause_means() -> None:
    told = json.loads(CliRunner().invoke(cli, ["checks", "--json"]).stdout)
    assert [check["name"] for check in told] == [check.name for check in CHECKS]
    assert all(check["causes"] and check["meaning"] and check["question"] for check in told)
    assert all(len(set(check["causes"].values())) == len(check["causes"]) for check in told)


def test_every_check_says_what_its_failure_means_and_names_a_figure_that_is_there() -> None:
    assert len({check.meaning for check in CHECKS}) == len(CHECKS)
    assert {check.figure for check in CHECKS} <= {*TITLES, None}


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.check], ids=lambda fault: fault.name)
def test_a_planted_fault_has_a_cause_that_its_check_knows(fault) -> None:
    check = by_name(fault.check)
    assert fault.check.startswith("expect: ") or check is not None
    assert check is None or fault.cause is None or fault.cause in check.causes


def test_a_check_of_ones_own_passes_and_fails_a_run(tmp_path: Path, install) -> None:
    install('return CHECK.failed("none was dropped", cause="dropped", remedy="drop some")')
    finding, verdict = own(tmp_path)
    assert (finding.outcome, finding.cause, verdict) == ("fail", "dropped", "fail")
    listed = CliRunner().invoke(cli, ["checks"]).stdout
    assert "no-drop" in listed
    assert "Was no packet dropped?" in listed


def test_a_check_of_ones_own_has_a_figure_a_moment_and_an_item(tmp_path: Path, install) -> None:
    install("return None", more="moment=rise, figure='pool', item='Nothing is dropped'")
    record = make_record(tmp_path / "run")
    result = judge(record)
    finding = find("no-drop").failed("it dropped", cause="dropped")
    # then a report shows it where it lies, and a campaign asks for it
    assert figure_of("no-drop") == "pool"
    assert moment_of(finding, record, result) == Moment(1.0, 2.0)
    items = assess(Campaign((Judged("run", record, result),))).items
    (item,) = (item for item in items if item.title == "Nothing is dropped")
    assert item.answer == "not shown"


def test_a_moment_of_ones_own_that_raises_is_none(tmp_path: Path, install) -> None:
    install("return None", more="moment=broken, figure='drops'")
    record = make_record(tmp_path / "run")
    finding = find("no-drop").failed("it dropped", cause="dropped")
    assert moment_of(finding, record, judge(record)) is None
    assert figure_of("no-drop") is None


def test_a_check_of_ones_own_may_be_required(tmp_path: Path, install) -> None:
    setting = Setting("require", "no-drop", "--require")
    with pytest.raises(ScenarioError, match="no check 'no-drop'"):
        load("crash-debug", flags=[setting], checks=check_names)
    install('return CHECK.passed("none was dropped")')
    assert load("crash-debug", flags=[setting], checks=check_names).require == "no-drop"
    assert own(tmp_path)[0].outcome == "pass"


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ('raise KeyError("x")', "no-drop raised KeyError"),
        ("import sys; sys.exit(0)", "no-drop raised it called sys.exit"),
        ("return True", "no-drop answered with a bool"),
        ("pass", "no rule of this check has an answer"),
        ('return CHECK._finding("great", "", {})', "no-drop raised ValidationError"),
        ('return CHECK.passed("", {"a": [object()]})', "no-drop raised TypeError"),
    ],
)
def test_whatever_a_check_of_ones_own_does_is_an_undecided_finding_that_names_it(
    tmp_path: Path, install, then: str, said: str
) -> None:
    install(then)
    finding, verdict = own(tmp_path)
    assert (finding.outcome, verdict) == ("inconclusive", "inconclusive")
    assert said in finding.sentence


@pytest.mark.parametrize("name", ["life", "other"])
def test_a_check_of_ones_own_takes_no_other_name(tmp_path: Path, install, name: str) -> None:
    install('return CHECK.passed("fine")', name)
    findings = [f for f in judge(make_record(tmp_path / "run")).findings if f.check == name]
    assert findings[-1].outcome == "inconclusive"
    assert "its entry point and its name" in findings[-1].sentence
