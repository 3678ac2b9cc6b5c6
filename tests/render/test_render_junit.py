"""The JUnit file says what the verdict says, to every reader of such files."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase

from tests.records import make_record, scenario
from zcbench.record.reader import Record
from zcbench.record.schema import End, Ending, Finding, Result
from zcbench.render import junit
from zcbench.scenario import Expectation
from zcbench.verdict import judge

PASSED = Finding(check="gaps", outcome="pass", sentence="all there", detection_limit="one gap")
FAILED = Finding(
    check="pool.recycling",
    outcome="fail",
    sentence="the pool never got a slot back",
    cause="never_recycled",
    evidence={"hits": 10, "returns": None},
    remedy="find who keeps the leases",
)
CRASH = End(ending=Ending.CRASHED, elapsed_s=1.5, signal="SIGSEGV", message="died", traceback="frame 1")


@functools.cache
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))


def read(text: str) -> dict[str, TestCase]:
    """The cases by name, once the file is what every reader takes and its counts are right."""
    schema().validate(text)
    whole = JUnitXml.fromstring(text.encode())
    (suite,) = whole
    cases = list(suite)
    kinds = [type(case.result[0]) if case.result else None for case in cases]
    told = {"tests": len(cases), "failures": kinds.count(Failure), "errors": kinds.count(Error)}
    assert {name: getattr(whole, name) for name in told} == told
    assert {name: getattr(suite, name) for name in told} == told
    assert suite.skipped == kinds.count(Skipped)
    return {case.name: case for case in cases}


def of(record: Record, findings: Sequence[Finding], exit_code: int = 0, **more: Any) -> dict[str, TestCase]:
    verdict = {0: "pass", 4: "inconclusive"}.get(exit_code, "fail")
    told = {"id": "r1", "end": record.end, "totals": {}, "verdict": verdict} | more
    result = Result(exit_code=exit_code, findings=list(findings), **told)
    return read(junit.render(record, result))


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return make_record(tmp_path_factory.mktemp("record"), tags={"build": "12"})


def test_a_sound_run_is_green_and_each_check_is_a_case(record: Record) -> None:
    result = judge(record)
    cases = read(junit.render(record, result))
    assert result.exit_code == 0
    assert list(cases) == [finding.check for finding in result.asked]
    assert not [case for case in cases.values() if isinstance(case.result[:1], Failure | Error)]
    (suite,) = JUnitXml.fromstring(junit.render(record, result).encode())
    about = {p.name: p.value for p in suite.properties()}
    assert about["scenario"] == "synthetic"
    assert about["commit"] == "0123456789abcdef0123456789abcdef01234567"
    assert about["tag.build"] == "12"
    assert suite.timestamp == "2026-01-01T00:00:00+00:00"
    assert suite.time == pytest.approx(record.end.elapsed_s, abs=1e-3)
    assert sum(case.time for case in suite) == suite.time


def test_a_failed_check_is_a_failure_with_evidence_and_remedy(record: Record) -> None:
    cases = of(record, [PASSED, FAILED], 1)
    assert not cases["gaps"].result
    assert "one gap" in cases["gaps"].system_out
    (failure,) = cases["pool.recycling"].result
    assert isinstance(failure, Failure)
    assert (failure.type, failure.message) == ("never_recycled", FAILED.sentence)
    assert "hits = 10\nreturns = not measured" in failure.text
    assert "remedy: find who keeps the leases" in failure.text


@pytest.mark.parametrize(
    ("outcome", "more", "kind"),
    [
        ("skipped", {}, Skipped),
        ("inconclusive", {"required": False}, Skipped),
        ("inconclusive", {"required": True}, Error),
        ("fail", {"level": "warn"}, None),
    ],
)
def test_what_did_not_fail_is_red_only_where_the_run_is(
    record: Record, outcome: Any, more: dict[str, Any], kind: type | None
) -> None:
    finding = Finding(check="cost", outcome=outcome, sentence="this is why", **more)
    case = of(record, [PASSED, finding], 4 if kind is Error else 0)["cost"]
    if kind is None:
        assert not case.result
        assert "WARNING: this is why" in case.system_out
    else:
        assert [type(said) for said in case.result] == [kind]
        assert case.result[0].message == "this is why"


@pytest.mark.parametrize(
    ("end", "exit_code"),
    [
        (CRASH, 5),
        (End(ending=Ending.HUNG, elapsed_s=1e-5), 5),  # which Python would print as it stands here
        (End(ending=Ending.HARNESS, elapsed_s=9.0, message="disk full"), 3),
        (End(ending=Ending.INTERRUPTED, elapsed_s=9.0, signal="SIGTERM"), 143),
    ],
)
def test_the_end_of_the_run_is_an_error_of_life(tmp_path: Path, end: End, exit_code: int) -> None:
    record = make_record(tmp_path / "run", ending=end, packets=111)
    result = judge(record)
    assert result.exit_code == exit_code
    (error,) = read(junit.render(record, result))["life"].result
    assert isinstance(error, Error)
    assert error.type == end.ending.value
    assert ("frame 1" in error.text) == (end is CRASH)


def test_expectations_of_one_text_are_two_cases(tmp_path: Path) -> None:
    expect = (Expectation(that="gaps == 0"), Expectation(that="gaps == 0", level="warn"))
    record = make_record(tmp_path / "run", scenario(expect=expect))
    cases = read(junit.render(record, judge(record)))
    assert {"expect: gaps == 0", "expect: gaps == 0 (2)"} <= set(cases)


def test_a_run_of_which_nothing_could_be_judged_is_not_green(record: Record) -> None:
    unasked = Finding(check="gaps", outcome="skipped", sentence="not asked")
    (error,) = of(record, [unasked], 4)["verdict"].result
    assert isinstance(error, Error)


def test_files_of_the_run_are_attached_to_the_suite_and_to_what_is_red(record: Record) -> None:
    skipped = Finding(check="cost", outcome="skipped", sentence="too short")
    result = Result(
        id="r1", verdict="fail", exit_code=1, end=record.end, totals={},
        findings=[PASSED, FAILED, skipped],
    )  # fmt: skip
    text = junit.render(record, result, ["out/report.md", "out/result.json"])
    cases = read(text)
    assert "[[ATTACHMENT|out/report.md]]" in cases["pool.recycling"].system_out
    assert "ATTACHMENT" not in cases["gaps"].system_out
    assert cases["cost"].system_out is None
    assert text.count("[[ATTACHMENT|out/result.json]]") == 2


def test_no_folder_of_the_machine_is_in_the_file(record: Record) -> None:
    finding = Finding(
        check="life", outcome="fail", sentence="no '/srv/secret/a.wav'", remedy="see /srv/secret/x"
    )
    result = Result(id="r1", verdict="fail", exit_code=1, end=CRASH, totals={}, findings=[finding])
    text = junit.render(record, result)
    assert "a.wav" in text
    assert "secret" not in text


@settings(max_examples=25, deadline=None)
@given(text=st.text(min_size=1))
def test_any_text_of_a_record_gives_a_file_that_can_be_read(record: Record, text: str) -> None:
    # given text with control characters, surrogates, markup and line breaks, wherever text can stand
    hostile = f"{text}\0\x1b[31m\ud800\ufffe]]>&<a>\r\n"
    finding = Finding(
        check=hostile, outcome="fail", sentence=hostile, cause=hostile, remedy=hostile,
        evidence={hostile: hostile},
    )  # fmt: skip
    result = Result(id="r1", verdict="fail", exit_code=1, end=CRASH, totals={}, findings=[finding, PASSED])
    # then the file is valid, and what XML can hold of the text is there
    xml = junit.render(record, result, [hostile])
    (failure,) = next(iter(read(xml).values())).result
    assert "]]>&<a>" in failure.text


@pytest.mark.parametrize("started_at", ["yesterday", "", "2026-01-01T00:00:00"])
def test_a_start_that_is_no_time_is_left_out(record: Record, started_at: str) -> None:
    run = msgspec.structs.replace(record.run, started_at=started_at)
    text = junit.render(dataclasses.replace(record, run=run), judge(record))
    read(text)
    assert "timestamp" not in text
