"""What a user requires to be judged, and what a pass says of what was not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.records import make_record, scenario
from zcbench.record.schema import Result
from zcbench.render.content.verdict import headline
from zcbench.scenario import ScenarioError, Setting, load
from zcbench.verdict import judge
from zcbench.verdict.theirs import check_names


def short(tmp_path: Path, require: str | None) -> Result:
    plan = msgspec.structs.replace(scenario(duration_s=5.0), require=require)
    return judge(make_record(tmp_path / "run", plan, rows=5))


def test_the_names_of_the_checks_are_those_of_their_findings(tmp_path: Path) -> None:
    result = judge(make_record(tmp_path / "run"))
    assert set(check_names()) == {finding.check for finding in result.findings}


def test_a_pass_that_did_not_judge_memory_says_so_in_its_headline(tmp_path: Path) -> None:
    result = short(tmp_path, None)
    assert result.verdict == "pass"
    assert "memory was not judged" in headline(result)


def test_memory_that_is_required_and_not_judged_is_inconclusive(tmp_path: Path) -> None:
    result = short(tmp_path, "memory")
    assert (result.verdict, result.exit_code) == ("inconclusive", 4)


def test_a_check_that_there_is_not_cannot_be_required() -> None:
    with pytest.raises(ScenarioError, match="no check"):
        load(None, flags=[Setting("require", "memroy", "--require")], checks=check_names)


def test_a_required_check_that_another_version_had_keeps_the_run_from_passing(tmp_path: Path) -> None:
    result = short(tmp_path, "life,colour")
    assert (result.verdict, result.findings[-1].check) == ("inconclusive", "colour")
    assert "there is no check 'colour' here" in headline(result)
