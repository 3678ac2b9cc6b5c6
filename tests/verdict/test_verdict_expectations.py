"""Expectations held against records: at the end, at every sample, in windows, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records import Row, make_record, scenario
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.scenario import Expectation
from zcbench.verdict import judge


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
    ],
)
def test_an_expectation_is_judged_by_what_was_measured(
    tmp_path: Path, text: str, outcome: str
) -> None:
    found = only(record(tmp_path, text))
    assert found.outcome == outcome, found.sentence


def test_a_broken_expectation_fails_the_run_and_says_the_value(tmp_path: Path) -> None:
    made = record(tmp_path, "rss < 60 MiB")
    found = only(made)
    assert "80.00 MiB" in found.sentence
    assert found.remedy
    assert judge(made).verdict == "fail"


def test_a_warning_does_not_fail_the_run(tmp_path: Path) -> None:
    made = record(tmp_path, "rss < 60 MiB", level="warn")
    assert (only(made).outcome, only(made).level) == ("fail", "warn")
    assert judge(made).verdict != "fail"


def test_what_was_not_measured_is_not_met(tmp_path: Path) -> None:
    made = record(tmp_path, "uss < 60 MiB")
    assert only(made).outcome == "inconclusive"
    assert judge(made).verdict == "inconclusive"
