"""The recommended pool: the smallest that meets the target, from the leases that were in flight."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.records import make_record, scenario
from zcbench.quantities.parsing import Duration
from zcbench.scenario import ConsumerTable
from zcbench.sweep.sizing import Point, point, recommend
from zcbench.verdict import judge


def a_point(in_flight: list[float], high_water: int = 100) -> Point:
    return Point(10, 0.5, high_water, np.array(in_flight))


def test_the_first_candidate_serves_the_target_and_the_last_serves_all() -> None:
    # given leases in flight that are evenly 0..99, and 120 once between two samples
    points = [a_point([float(n) for n in range(100)], high_water=120)]
    for target, slots in ((0.5, 51), (0.9, 91), (1.0, 100)):
        sizing = recommend(points, target)
        assert sizing is not None
        assert sizing.candidates == (slots, 120)


def test_a_rare_peak_is_not_paid_for_below_the_target() -> None:
    # given one sample in a thousand far above the others
    sizing = recommend([a_point([3.0] * 999 + [90.0], high_water=91)], 0.99)
    assert sizing is not None
    assert sizing.candidates == (4, 91)


def test_all_runs_of_an_application_count_and_none_is_no_recommendation() -> None:
    sizing = recommend([a_point([1.0], 2), a_point([7.0], 9)], 1.0)
    assert sizing is not None
    assert sizing.samples == 2
    assert sizing.candidates == (8, 9)
    assert recommend([], 0.99) is None
    assert recommend([Point(None, None, None, np.empty(0))], 0.99) is None


def test_a_small_pool_measures_what_a_large_one_would(tmp_path: Path) -> None:
    # given an application that keeps the last 100 packets, over 10 slots and over 200
    keeps = ConsumerTable(kind="hold", hold=Duration(1.0))
    for slots in (10, 200):
        record = make_record(tmp_path / str(slots), scenario(slots=slots, consumer=keeps))
        seen = point(record, judge(record))
        assert seen.slots == slots
        # then both recommend what it keeps, and the one in the engine's hands
        sizing = recommend([seen], 0.99)
        assert sizing is not None
        assert sizing.candidates == (101,)
