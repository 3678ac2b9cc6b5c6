"""Where several checks only want a longer run, the report names one length."""

from __future__ import annotations

from pathlib import Path

from tests.records import make_record
from zcbench.record.schema import Finding
from zcbench.verdict import judge
from zcbench.verdict.lengths import together, wanted_s
from zcbench.verdict.next_step import next_step


def unknown(check: str, lasting_s: float | None, remedy: str | None = None) -> Finding:
    return Finding(check=check, outcome="inconclusive", sentence="?", remedy=remedy, lasting_s=lasting_s)


def test_all_that_only_want_a_longer_run_have_one_remedy_and_the_next_step_has_its_command(
    tmp_path: Path,
) -> None:
    # given 30 seconds: memory wants 2 minutes, the rate 5
    record = make_record(tmp_path / "run")
    result = judge(record)
    open_ones = [f for f in result.findings if f.lasting_s is not None]
    assert {f.check for f in open_ones} == {"memory", "rate"}
    assert {f.remedy for f in open_ones} == {"run for 5 min or more"}
    assert "stability-5min" in next_step(record, result)


def test_a_check_that_wants_a_night_is_no_reason_for_others_to_wait() -> None:
    found = together([unknown("memory", 120.0), unknown("rate", 8 * 3600.0, "run for 8 h or more")])
    assert [f.remedy for f in found] == ["run for 2 min or more", "run for 8 h or more"]
    assert wanted_s(found) == 120.0


def test_other_remedies_stay() -> None:
    found = together([unknown("memory", 120.0), unknown("timing", None, "sample more often")])
    assert found[1].remedy == "sample more often"
    assert wanted_s([found[1]]) is None
