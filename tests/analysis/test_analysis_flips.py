"""How a life ended and what a check said, before and after."""

from __future__ import annotations

import pytest

from zcbench.comparing.flips import explained_by, of_check, of_life, said
from zcbench.record.schema import End, Ending, Finding
from zcbench.verdict.checks import EXPLAINED


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (Ending.CRASHED, Ending.FINISHED, "better"),
        (Ending.FINISHED, Ending.HUNG, "worse"),
        (Ending.FINISHED, Ending.MEMORY, "worse"),
        (Ending.FINISHED, Ending.FINISHED, "no evidence"),
        (Ending.CRASHED, Ending.HUNG, "no evidence"),
        (Ending.CRASHED, Ending.INTERRUPTED, "no evidence"),
        (Ending.PARTIAL, Ending.CRASHED, "no evidence"),
        (Ending.HARNESS, Ending.FINISHED, "no evidence"),
    ],
)
def test_a_life_is_worse_if_it_ended_by_itself_and_had_not(before: Ending, after: Ending, verdict: str) -> None:
    assert of_life(End(ending=before), End(ending=after))[0] == verdict


def test_a_life_is_told_with_its_last_packet() -> None:
    assert said(End(ending=Ending.CRASHED, signal="SIGABRT", received=111)) == (
        "crashed (SIGABRT) at packet 111"
    )
    assert said(End(ending=Ending.FINISHED, received=30_001)) == "finished, 30,001 packets"
    assert said(End(ending=Ending.PARTIAL)) == "partial"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ("pass", "fail", "worse"),
        ("fail", "pass", "better"),
        ("pass", "inconclusive", "no evidence"),
        ("inconclusive", "fail", "no evidence"),
        ("skipped", "pass", "no evidence"),
        ("fail", "fail", "no evidence"),
    ],
)
def test_only_from_pass_to_fail_is_worse(before: str, after: str, verdict: str) -> None:
    sides = [Finding(check="gaps", outcome=o, sentence="") for o in (before, after)]
    assert of_check(*sides)[0] == verdict


def test_a_check_asked_in_one_run_only_says_nothing() -> None:
    asked = Finding(check="gaps", outcome="fail", sentence="")
    assert of_check(None, asked) == ("no evidence", "not asked in BASE")
    assert of_check(asked, None) == ("no evidence", "not asked in NEW")


@pytest.mark.parametrize(
    ("expectation", "aspect"),
    [
        ("latency.p99 < 50ms", "timing"),
        ("hold.p99 < 2s", "holding"),
        ("cpu < 10%", "cpu"),
        ("pool.hit_rate >= 90%", "pool"),
        ("rss < 64 MiB", "memory"),
        ("packets >= 3000", "totals"),
        ("drops == 0", "loss"),
    ],
)
def test_what_may_explain_an_expectation_is_what_it_is_about(expectation: str, aspect: str) -> None:
    assert aspect in explained_by(f"expect: {expectation}", {})


def test_nothing_explains_wrong_bytes_or_a_crash() -> None:
    assert all(not explained_by(check, EXPLAINED) for check in ("integrity", "life", "gaps"))
    assert explained_by("rate", EXPLAINED)
