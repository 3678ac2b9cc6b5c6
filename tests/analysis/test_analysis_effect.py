"""The difference of two runs in one figure: its interval covers, and its limits are the textbook's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from zcbench.comparing import effect

BLOCKS = 12


@pytest.mark.parametrize("run_to_run", [0.0, 5.0])
def test_the_interval_of_means_covers_as_often_as_it_says(run_to_run: float) -> None:
    # given many pairs of runs of one thing, whose levels differ from run to run by chance
    random = np.random.default_rng(1)
    covered = []
    for _ in range(600):
        levels = random.normal(100, run_to_run, 2)
        sides = [random.normal(level, 3, BLOCKS) for level in levels]
        found = effect.of_means(sides[0], sides[1], run_to_run, 0.05)
        covered.append(found.low <= 0 <= found.high)
    assert 0.93 <= np.mean(covered) <= 0.985


def test_blocks_that_lean_on_each_other_say_less() -> None:
    # given the same values, in an order in which neighbours are alike, and in one in which they are not
    values = np.array([9.0, 9, 9, 9, 9, 9, 11, 11, 11, 11, 11, 11])
    mixed = values.reshape(2, 6).T.ravel()
    widths = []
    for order in (values, mixed):
        found = effect.of_means(order, order + 1, 0.0, 0.05)
        widths.append(found.high - found.low)
    assert widths[0] > 1.5 * widths[1]


def test_two_runs_without_any_spread_differ_by_exactly_what_they_differ() -> None:
    found = effect.of_means(np.full(6, 2.0), np.full(6, 5.0), 0.0, 0.01)
    assert (found.difference, found.low, found.high) == (3.0, 3.0, 3.0)
    assert found.excludes_zero


def test_ratios_are_told_in_the_figures_own_unit() -> None:
    random = np.random.default_rng(2)
    base = random.lognormal(np.log(200), 0.05, BLOCKS)
    found = effect.of_ratios(base, 2 * base, 0.0, 0.05)
    assert found.new == pytest.approx(2 * found.base)
    assert found.low < found.difference < found.high
    # the interval of a ratio lies further out above than below
    assert found.high - found.difference > found.difference - found.low > 0


@pytest.mark.parametrize(("events", "told"), [(1, False), (5, False), (12, True)])
def test_a_few_events_where_there_were_none_may_be_chance(events: int, told: bool) -> None:
    found = effect.of_counts((0, 30_000), (events, 30_000), 1.0, 0.002)
    assert found.excludes_zero is told


def test_the_limits_of_no_events_are_poissons() -> None:
    # three over n, for 95 % one-sided: the rule of three, here with both sides' share of the doubt
    found = effect.of_counts((0, 1000), (0, 1000), 1.0, 0.1)
    assert found.high == pytest.approx(-np.log(0.05) / 1000)
    assert found.low == pytest.approx(-found.high)


def test_a_burst_is_one_event_and_not_fifty() -> None:
    scattered = effect.of_counts((0, 30_000), (50, 30_000), 1.0, 0.002)
    burst = effect.of_counts((0, 30_000), (50, 30_000), 50.0, 0.002)
    assert scattered.excludes_zero
    assert not burst.excludes_zero
    # it is as uncertain as one event is, fifty times as large
    one = effect.of_counts((0, 30_000), (1, 30_000), 1.0, 0.002)
    assert (burst.low, burst.high) == pytest.approx((50 * one.low, 50 * one.high))


def test_counts_are_told_per_packet_whatever_the_runs_lengths() -> None:
    found = effect.of_counts((100, 10_000), (300, 30_000), 1.0, 0.05)
    assert found.base == found.new == 0.01
    assert not found.excludes_zero


def test_estimates_are_apart_by_welchs_interval() -> None:
    found = effect.of_estimates((1.0, 0.1, 10), (2.0, 0.1, 10), 0.05)
    half = float(stats.t.ppf(0.975, 20)) * 0.1 * np.sqrt(2)
    assert (found.low, found.high) == pytest.approx((1 - half, 1 + half))
