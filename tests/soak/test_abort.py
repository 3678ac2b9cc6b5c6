"""Expectations that end a run: at once, after a grace, or when broken for long enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records import scenario
from zcbench.quantities.parsing import Duration
from zcbench.record.reader import read_record
from zcbench.record.schema import Ending
from zcbench.scenario import ConsumerTable, Expectation
from zcbench.soak import supervisor
from zcbench.soak.abort import Aborts
from zcbench.verdict import judge


def aborts(that: str, grace_s: float = 0.0) -> Aborts:
    return Aborts(scenario(expect=(Expectation(that=that, abort=True, grace=Duration(grace_s)),)))


def test_a_broken_expectation_is_told_with_its_value() -> None:
    watched = aborts("pool.in_flight < 50")
    assert watched.broken({"pool.in_flight": 49}, 1.0) is None
    assert watched.broken({"pool.in_flight": 50}, 2.0) == "pool.in_flight < 50 is broken: 50"


def test_nothing_is_broken_in_the_grace_or_without_a_reading() -> None:
    watched = aborts("rss < 1 MiB", grace_s=10.0)
    assert watched.broken({"rss_bytes": 2**30}, 9.0) is None
    assert watched.broken({"rss_bytes": None}, 11.0) is None
    assert watched.broken({"rss_bytes": 2**30}, 12.0) is not None


def test_it_must_stay_broken_for_as_long_as_it_says() -> None:
    watched = aborts("rss < 1 MiB for=5s")
    # given 4 s broken, one good reading, and 5 s broken
    for second in range(5):
        assert watched.broken({"rss_bytes": 2**30}, second) is None
    assert watched.broken({"rss_bytes": 0}, 5) is None
    answers = [watched.broken({"rss_bytes": 2**30}, second) for second in range(6, 12)]
    assert [answer is None for answer in answers] == [True] * 5 + [False]


def test_a_sample_without_a_reading_neither_breaks_nor_mends() -> None:
    # given USS, read every 10 s and too high each time
    watched = aborts("uss < 1 MiB for=10s")
    answers = [
        watched.broken({"uss_bytes": 2**30 if second % 10 == 0 else None}, second) for second in range(11)
    ]
    assert [answer is None for answer in answers] == [True] * 10 + [False]


def test_a_hit_rate_needs_both_its_counters() -> None:
    watched = aborts("pool.hit_rate >= 90%")
    assert watched.broken({"pool.hits": None, "pool.misses": 3}, 1.0) is None


def test_the_rate_of_the_first_sample_is_not_the_streams() -> None:
    watched = aborts("rate_per_s > 90/s")
    assert watched.broken({"rate_per_s": 50}, 1.0) is None
    assert watched.broken({"rate_per_s": 50}, 2.0) is not None


@pytest.mark.parametrize(
    ("that", "row"),
    [
        ("pool.hit_rate >= 90%", {"pool.hits": 8, "pool.misses": 2}),
        ("missing < 3", {"due": 10, "engine.delivered": 7}),
        ("latency.p99 < 5ms", {"delivery_p99_ns": 6_000_000}),
    ],
)
def test_derived_values_and_latencies_can_end_a_run(that: str, row: dict[str, int]) -> None:
    assert aborts(that).broken(row, 1.0) is not None


def test_a_run_ends_early_and_says_why(tmp_path: Path) -> None:
    # given an application that holds ever more, and an expectation of at most 20 in flight
    plan = scenario(
        duration_s=30.0,
        slots=100,
        consumer=ConsumerTable(kind="hold", hold=Duration(10.0)),
        expect=(Expectation(that="pool.in_flight <= 20", abort=True),),
    )
    (tmp_path / "run").mkdir()
    end = supervisor.run(plan, tmp_path / "run", command=["zcbench"])
    # then the run is drained long before its time, and the verdict names the expectation
    assert end.ending is Ending.ABORTED
    record = read_record(tmp_path / "run")
    assert (record.end.received or 0) < 1500
    assert [event.kind for event in record.events if event.kind == "abort"] == ["abort"]
    result = judge(record)
    assert (result.verdict, result.exit_code) == ("fail", 1)
    assert "pool.in_flight <= 20 is broken" in next(f.sentence for f in result.findings if f.check == "life")
