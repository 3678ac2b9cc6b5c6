"""Expectations held against records: at the end, at every sample, in windows, and for how long."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest

from tests.records import Row, make_record, scenario
from zcbench.analysis.totals import totals
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding
from zcbench.scenario import Expectation
from zcbench.verdict import judge
from zcbench.verdict.checks import expectations


def record(tmp_path: Path, *expect: str, **more: object) -> Record:
    """30 s, 30 samples; RSS is 80 MiB from 10 s to 15 s and 50 MiB otherwise, latency 30 ms near the end."""
    level = more.pop("level", "fail")

    def bend(index: int, row: Row) -> None:
        if row.get("rss_bytes") is not None:
            row["rss_bytes"] = (80 if 10 <= index < 15 else 50) * 2**20
        row["delivery_p99_ns"] = 30_000_000 if index >= 27 else 1_000_000

    plan = scenario(expect=tuple(Expectation(that=text, level=level) for text in expect))
    return make_record(tmp_path / "run", plan, bend=bend, **more)


def only(found: Record) -> Finding:
    (finding,) = [f for f in judge(found).findings if f.check.startswith("expect:")]
    return finding


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("gaps == 0", "pass"),
        ("packets >= 3,000", "pass"),
        ("packets > 3,000", "fail"),
        ("pool.hit_rate >= 100%", "pass"),
        # at every sample
        ("rss < 100 MiB", "pass"),
        ("rss < 60 MiB", "fail"),
        # broken for 4 s, not for 10
        ("rss < 60 MiB for=3s", "fail"),
        ("rss < 60 MiB for=10s", "pass"),
        # a statistic, and in windows
        ("rss.mean < 60 MiB", "pass"),
        ("max(rss, last=10s) < 60 MiB", "pass"),
        ("max(rss, first=12s) < 60 MiB", "fail"),
        ("max(rss, from=16s, to=20s) < 60 MiB", "pass"),
        ("p99(latency, first=20s) < 20ms", "pass"),
        ("p99(latency, last=5s) < 20ms", "fail"),
        # the whole run's histogram
        ("latency.max < 1ms", "pass"),
        ("latency.p50 < 1us", "fail"),
        # increase in a window, and rate
        ("last(packets, first=10s) < 1,100", "pass"),
        ("packets.rate > 90/s", "pass"),
        ("missing == 0", "pass"),
        ("packets, first=10s < 1,100", "pass"),
        # the time in collections: 2 ms every 5 s
        ("gc.pause.rate < 0.1%", "pass"),
        ("gc.pause.rate < 0.01%", "fail"),
    ],
)
def test_an_expectation_is_judged_by_what_was_measured(tmp_path: Path, text: str, outcome: str) -> None:
    found = only(record(tmp_path, text))
    assert found.outcome == outcome, found.sentence


def test_a_broken_expectation_fails_the_run_and_says_the_value(tmp_path: Path) -> None:
    made = record(tmp_path, "rss < 60 MiB")
    found = only(made)
    assert "80.00 MiB" in found.sentence
    assert found.remedy
    assert judge(made).verdict == "fail"


def test_an_increase_counts_from_the_start_of_the_run(tmp_path: Path) -> None:
    # given holes in the first second only, so that no two samples differ
    def holes(_index: int, row: Row) -> None:
        row["consumer.gaps"] = 3

    plan = scenario(expect=(Expectation(that="gaps.delta == 0"),))
    assert only(make_record(tmp_path / "run", plan, bend=holes)).outcome == "fail"


def test_the_hit_rate_of_a_window_is_that_of_its_own_acquires(tmp_path: Path) -> None:
    # given a pool that is sound for 20 samples, then never hits again
    def worn(index: int, row: Row) -> None:
        row["pool.hits"], row["pool.misses"] = 100 * min(index, 20), 100 * max(0, index - 20)

    plan = scenario(expect=(Expectation(that="mean(pool.hit_rate, last=5s) >= 50%"),))
    found = only(make_record(tmp_path / "run", plan, bend=worn))
    assert (found.outcome, found.evidence["value"]) == ("fail", 0.0)


def test_a_hit_rate_without_misses_measured_is_not_known(tmp_path: Path) -> None:
    made = record(tmp_path, "pool.hit_rate >= 90%")
    found = totals(made) | {"pool.misses": None}
    (finding,) = expectations.check(made, found)
    assert finding.outcome == "inconclusive"


def test_the_rate_of_a_sample_that_is_half_start_up_is_not_the_streams(tmp_path: Path) -> None:
    def edges(index: int, row: Row) -> None:
        row["rate_per_s"] = 50 if index in (0, 29) else 100

    plan = scenario(expect=(Expectation(that="rate_per_s > 90/s"),))
    assert only(make_record(tmp_path / "run", plan, bend=edges)).outcome == "pass"
    # but one in the middle is
    slow = make_record(
        tmp_path / "slow", plan, bend=lambda i, row: row.update(rate_per_s=50 if i == 9 else 100)
    )
    assert only(slow).outcome == "fail"


def test_what_ended_the_run_is_broken_whatever_the_whole_run_says(tmp_path: Path) -> None:
    # given a latency that one sample broke, and that the whole run's histogram does not show
    plan = scenario(expect=(Expectation(that="latency.p99 < 20ms", abort=True),))
    made = make_record(tmp_path / "run", plan)
    assert only(made).outcome == "pass"
    message = "latency.p99 < 20ms is broken: 30 ms"
    end = msgspec.structs.replace(made.end, ending=Ending.ABORTED, message=message)
    found = only(dataclasses.replace(made, end=end))
    assert found.outcome == "fail"
    assert message in found.sentence


def test_a_record_without_samples_says_so(tmp_path: Path) -> None:
    made = record(tmp_path, "max(rss, last=5s) < 60 MiB")
    empty = {name: values[:0] for name, values in made.samples.items()}
    (finding,) = expectations.check(dataclasses.replace(made, samples=empty), totals(made))
    assert finding.outcome == "inconclusive"


def test_a_warning_does_not_fail_the_run(tmp_path: Path) -> None:
    made = record(tmp_path, "rss < 60 MiB", level="warn")
    assert (only(made).outcome, only(made).level) == ("fail", "warn")
    assert judge(made).verdict != "fail"


def test_what_was_not_measured_is_not_met(tmp_path: Path) -> None:
    made = record(tmp_path, "uss < 60 MiB")
    assert only(made).outcome == "inconclusive"
    assert judge(made).verdict == "inconclusive"
