"""Change points: found where a level changed, and not where one run was odd."""

from __future__ import annotations

import numpy as np
import pytest

from zcbench.comparing.changes import changes

RANDOM = np.random.default_rng(4)
STEADY = RANDOM.normal(100, 3, 40)


def test_a_step_is_found_at_its_run_with_both_levels() -> None:
    values = STEADY + 20 * (np.arange(40) >= 25)
    (found,) = changes(values)
    assert found.at == 25
    assert found.before == pytest.approx(100, abs=2)
    assert found.after == pytest.approx(120, abs=2)


def test_a_step_and_the_way_back_are_two() -> None:
    values = STEADY + 30 * ((np.arange(40) >= 12) & (np.arange(40) < 26))
    assert [change.at for change in changes(values)] == [12, 26]


def test_steady_runs_and_an_odd_one_are_no_change() -> None:
    odd = STEADY.copy()
    odd[17] = 900.0
    for values in (STEADY, odd, np.full(30, 7.0), np.zeros(30), 5.0 * (np.arange(30) == 11)):
        assert changes(values) == ()


def test_a_change_too_small_for_anybody_is_none() -> None:
    noise = RANDOM.normal(0, 0.5, 40)
    assert changes(np.where(np.arange(40) < 20, 1000, 1010) + noise) == ()
    assert changes(np.where(np.arange(40) < 20, 1000, 1040) + noise) != ()


def test_far_off_runs_now_and_then_are_hardly_ever_a_change() -> None:
    # given histories in which one run in twenty is far off, as on a machine that others use too
    random = np.random.default_rng(6)
    called = 0
    for _ in range(60):
        odd = (random.random(200) < 0.05) * random.exponential(100, 200)
        called += bool(changes(random.normal(100, 5, 200) + odd))
    assert called <= 4


@pytest.mark.parametrize("runs", [0, 1, 2, 3, 4])
def test_so_few_runs_have_no_changes(runs: int) -> None:
    assert changes(np.arange(runs) * 1000.0) == ()


def test_a_counter_that_leaves_zero_is_found_early() -> None:
    assert [change.at for change in changes(np.array([0.0, 0, 0, 5, 5]))] == [3]


def test_runs_without_a_reading_keep_the_others_places() -> None:
    values = np.where(np.arange(30) < 15, 10.0, 20.0)
    values[[3, 15]] = np.nan
    (found,) = changes(values)
    assert found.at == 16


def test_of_a_long_history_the_newest_are_looked_at() -> None:
    values = np.concatenate([np.zeros(500), np.full(1000, 3.0), np.full(700, 9.0)])
    assert [change.at for change in changes(values)] == [1500]
