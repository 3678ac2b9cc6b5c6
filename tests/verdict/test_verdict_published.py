"""A program whose counters stand, or that never answered, does not pass silently."""

from __future__ import annotations

from pathlib import Path

from tests.records import Row, make_command_record
from zcbench.record.schema import Event, EventKind, Finding
from zcbench.verdict import judge


def published(directory: Path, **story: object) -> Finding:
    findings = judge(make_command_record(directory, **story)).findings
    return next(finding for finding in findings if finding.check == "published")


def counts(index: int) -> Row:
    return {"pool.hits": 100 * index, "pool.misses": 0}


def test_a_counter_that_moves_is_enough(tmp_path: Path) -> None:
    finding = published(tmp_path, counts=counts)
    assert (finding.outcome, finding.sentence) == ("pass", "1 of 2 totals that it publishes moved")


def test_counters_that_all_stand_leave_the_run_without_a_verdict(tmp_path: Path) -> None:
    finding = published(tmp_path, counts=lambda index: {"pool.hits": 7, "pool.misses": 0})
    assert (finding.outcome, finding.required) == ("inconclusive", True)
    assert finding.sentence == "nothing that it counts moved: pool.hits, pool.misses"


def test_an_endpoint_that_never_answered_leaves_the_run_without_a_verdict(tmp_path: Path) -> None:
    message = "http://127.0.0.1:9/metrics never answered with metrics"
    silent = Event(elapsed_s=9, kind=EventKind.PROBE, message=message, data={"silent": True})
    finding = published(tmp_path, events=[silent], counts=counts)
    assert (finding.outcome, finding.required, finding.sentence) == ("inconclusive", True, message)


def test_a_program_that_publishes_nothing_is_not_asked(tmp_path: Path) -> None:
    finding = published(tmp_path)
    assert (finding.outcome, finding.lacks) == ("skipped", "published")


def test_a_program_that_falls_silent_in_the_middle_leaves_the_run_without_a_verdict(tmp_path: Path) -> None:
    finding = published(tmp_path, counts=lambda index: counts(index) if index < 20 else {})
    assert (finding.outcome, finding.required, finding.cause) == ("inconclusive", True, "silent")
    assert finding.sentence == "it published nothing more after 0:20: what came later is not known"


def test_a_program_that_publishes_now_and_then_is_not_called_silent(tmp_path: Path) -> None:
    now_and_then = published(tmp_path, counts=lambda index: counts(index) if index % 15 == 3 else {})
    assert now_and_then.outcome == "pass"
