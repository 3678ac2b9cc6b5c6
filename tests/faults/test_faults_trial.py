"""Whether a verdict was right: the right check, failed, with the right cause."""

from __future__ import annotations

import pytest

from zcbench.faults.trial import Trial, assess
from zcbench.record.schema import End, Ending, Finding, Outcome, Result

FAULT = Trial("torn", "a torn packet", {}, "integrity", "corrupt_on_delivery", "torn")
SOUND = Trial("control", "a sound engine", {})


def finding(check: str, outcome: Outcome = "pass", cause: str | None = None) -> Finding:
    return Finding(check=check, outcome=outcome, sentence="so it is", cause=cause)


def result(*findings: Finding) -> Result:
    life = () if any(f.check == "life" for f in findings) else (finding("life"),)
    end = End(ending=Ending.FINISHED, received=990)
    return Result(id="x", verdict="fail", exit_code=1, end=end, totals={}, findings=[*life, *findings])


def test_a_fault_called_by_its_name_is_right() -> None:
    outcome = assess(FAULT, result(finding("integrity", "fail", "corrupt_on_delivery")))
    assert outcome.right
    assert outcome.got == "integrity: corrupt_on_delivery"
    assert outcome.packets == 990
    assert outcome.also == ()


@pytest.mark.parametrize(
    ("found", "got"),
    [
        (finding("integrity", "fail", "aliased"), "integrity: aliased"),
        (finding("integrity", "fail"), "integrity: no cause given"),
        (finding("integrity"), "integrity pass"),
        (
            finding("integrity", "inconclusive", "corrupt_on_delivery"),
            "integrity inconclusive, corrupt_on_delivery",
        ),
        (finding("gaps", "fail", "corrupt_on_delivery"), "no check integrity"),
    ],
)
def test_another_check_cause_or_outcome_is_wrong(found: Finding, got: str) -> None:
    outcome = assess(FAULT, result(found))
    assert not outcome.right
    assert outcome.got == got


def test_what_else_failed_is_told_and_does_not_make_it_wrong() -> None:
    outcome = assess(
        FAULT,
        result(finding("gaps", "fail", "gaps"), finding("integrity", "fail", "corrupt_on_delivery")),
    )
    assert outcome.right
    assert outcome.also == ("gaps: gaps",)


def test_a_control_must_be_given_the_reason_that_it_asks_for() -> None:
    # given a sound engine with too small a pool
    small = Trial("small", "too small a pool", {}, "pool.hit_rate", "too_small")
    # then its low hit rate is explained, and nothing fails
    assert assess(small, result(finding("pool.hit_rate", "pass", "too_small"))).right
    assert not assess(small, result(finding("pool.hit_rate", "pass", None))).right
    explained = finding("pool.hit_rate", "pass", "too_small")
    assert not assess(small, result(explained, finding("gaps", "fail", "gaps"))).right
    assert not assess(small, result(explained, finding("life", "fail", "failed"))).right


def test_a_control_may_be_inconclusive_and_not_fail() -> None:
    assert assess(SOUND, result(finding("memory", "inconclusive"))).right
    accused = assess(SOUND, result(finding("memory", "fail", "pages")))
    assert not accused.right
    assert accused.got == "memory: pages"


def test_a_control_must_have_lived_to_its_end() -> None:
    assert not assess(SOUND, result(finding("life", "inconclusive", "interrupted"))).right
