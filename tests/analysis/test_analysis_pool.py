"""What the pool did, and what Little's law says it needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records import make_record, scenario
from zcbench.analysis.pool import PoolBehaviour, behaviour
from zcbench.analysis.totals import totals
from zcbench.quantities.parsing import Duration
from zcbench.record.reader import Record
from zcbench.scenario import ConsumerTable
from zcbench.verdict import judge


def pool_of(record: Record) -> PoolBehaviour:
    return behaviour(record, totals(record))


def test_hits_and_misses_are_all_acquires(tmp_path: Path) -> None:
    # given an application that holds a second of packets, and 10 slots
    plan = scenario(slots=10, consumer=ConsumerTable(kind="hold", hold=Duration(1.0)))
    # when the pool's behaviour is read
    pool = pool_of(make_record(tmp_path / "run", plan))
    # then the acquires add up, and some were misses
    assert pool.acquires == 3000
    assert pool.misses
    assert pool.hit_rate == pytest.approx((3000 - pool.misses) / 3000)


def test_littles_law_gives_the_number_held(tmp_path: Path) -> None:
    # given 100 packets/s, each held for a second
    plan = scenario(slots=10, consumer=ConsumerTable(kind="hold", hold=Duration(1.0)))
    # then on average 100 are in flight, within the histogram's width
    pool = pool_of(make_record(tmp_path / "run", plan))
    assert pool.rate_per_s == pytest.approx(100)
    assert pool.mean_in_flight == pytest.approx(100, rel=1 / 16)


def test_the_slots_needed_cover_the_high_water(tmp_path: Path) -> None:
    # given a pool that is too small for what is held
    plan = scenario(slots=10, consumer=ConsumerTable(kind="hold", hold=Duration(1.0)))
    pool = pool_of(make_record(tmp_path / "run", plan))
    # then as many slots as were in flight at once would do
    assert pool.high_water == 101
    assert pool.slots_needed is not None
    assert pool.slots_needed >= 101


def test_before_the_first_acquire_there_is_no_hit_rate(tmp_path: Path) -> None:
    # given a stream that never began
    pool = pool_of(make_record(tmp_path / "run", packets=0))
    # then no rate is made up for it
    assert pool.hit_rate is None
    assert pool.mean_hold_s is None


@pytest.mark.parametrize("counted", [{"pool.slots": 0}, {"pool.slots": 5, "pool.grown": 9}])
def test_a_page_that_says_no_pool_at_all_measured_none(tmp_path: Path, counted: dict[str, int]) -> None:
    record = make_record(tmp_path, counters=counted)
    assert behaviour(record, totals(record)).sizes is None
    # and what cannot be said of it is not said
    outcomes = {f.check: f.outcome for f in judge(record).findings}
    assert outcomes["pool.recycling"] == "inconclusive"
