"""What a report begins with: a plain decision, which no fault and no missing answer ever turns into a yes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.records import make_record, scenario
from zcbench.exit_codes import ExitCode
from zcbench.record.schema import CONTRACT_EXIT_CODE, End, Ending, Finding
from zcbench.scenario import ConsumerTable
from zcbench.verdict import judge
from zcbench.verdict.decision import decision
from zcbench.verdict.readiness import Judged


def test_a_fault_is_a_no_with_what_it_means_for_those_who_use_the_subject(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run", packets=2937)
    said = decision(record, judge(record))
    assert said == "do not ship: audio is lost: the recording is shorter than what was played (delivery)"


def test_a_death_is_the_only_reason_given(tmp_path: Path) -> None:
    end = End(ending=Ending.CRASHED, signal="SIGSEGV", last_sequence=110, received=111)
    record = make_record(tmp_path / "run", ending=end, packets=111, rows=2)
    said = decision(record, judge(record))
    assert said.startswith("do not ship: ")
    assert said.endswith("(life)")


def test_a_fault_decides_even_of_a_run_that_was_cut_short(tmp_path: Path) -> None:
    end = End(ending=Ending.INTERRUPTED, signal="SIGINT", elapsed_s=20.0)
    sound = make_record(tmp_path / "sound", ending=end)
    assert decision(sound, judge(sound)) == "no decision: the run was interrupted before its end"
    faulty = make_record(tmp_path / "faulty", ending=end, counters={"consumer.gaps": 1})
    assert decision(faulty, judge(faulty)).startswith("do not ship: ")


def test_a_record_without_an_end_and_a_harness_that_failed_decide_nothing(tmp_path: Path) -> None:
    partial = make_record(tmp_path / "partial", partial=True)
    assert "the end of the run was not recorded" in decision(partial, judge(partial))
    end = End(ending=Ending.HARNESS, message="the disk is full", elapsed_s=20.0)
    failed = make_record(tmp_path / "failed", ending=end)
    assert decision(failed, judge(failed)) == "no decision: the harness failed, not the subject"


def test_an_engine_that_breaks_its_contract_was_not_tested(tmp_path: Path) -> None:
    end = End(ending=Ending.FAILED, exit_code=CONTRACT_EXIT_CODE, message="it has no read()")
    record = make_record(tmp_path / "run", ending=end, packets=0, rows=2)
    assert judge(record).exit_code == ExitCode.USAGE
    assert decision(record, judge(record)).startswith("nothing was tested")


def test_what_is_required_and_unknown_is_a_no_with_its_remedy(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    unknown = [
        Finding(check="memory", outcome="inconclusive", sentence="?", remedy="run for 15 min or more"),
        Finding(check="timing", outcome="inconclusive", sentence="?", remedy="sample more"),
    ]
    result = msgspec.structs.replace(judge(record), verdict="inconclusive", findings=unknown)
    assert decision(record, result) == ("do not ship: memory and timing are not known; run for 15 min or more")


def test_a_pass_that_did_not_judge_memory_is_no_yes(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    result = judge(record)
    assert result.verdict == "pass"
    # the word beside it is PASS: it says of what, and what is missing
    assert decision(record, result) == (
        "passed what it was asked for 30 s, too little to ship on: memory is not known; run for 5 min or more"
    )


def test_a_long_sound_run_is_a_yes_with_its_length(hour: Judged) -> None:
    said = decision(hour.record, hour.result)
    assert said.startswith("nothing found speaks against shipping: sound for 1 h")


def test_a_warning_is_named_in_the_decision(hour: Judged) -> None:
    warned = Finding(check="cost", outcome="fail", level="warn", sentence="the harness took 6 %")
    findings = [*(f for f in hour.result.findings if f.check != "cost"), warned]
    said = decision(hour.record, msgspec.structs.replace(hour.result, findings=findings))
    assert "with a warning (cost)" in said


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("skipped", "nothing that matters was asked"), ("inconclusive", "rate is not known")],
)
def test_no_answer_that_matters_decides_nothing(tmp_path: Path, outcome: str, reason: str) -> None:
    record = make_record(tmp_path / "run", scenario(consumer=ConsumerTable(kind="immediate")))
    found = Finding(check="rate", outcome=outcome, sentence="?", required=False)
    result = msgspec.structs.replace(judge(record), verdict="inconclusive", findings=[found])
    assert decision(record, result) == f"no decision: {reason}"
