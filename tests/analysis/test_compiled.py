"""A heap with compiled code in it: code that comes at any pace is no leak, and hides none."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from zcbench.analysis.compiled import BESIDE_CODE, least_growth, unless_code
from zcbench.analysis.trend import Trend, trend

MARKS, EVERY_S = 24, 12.5
BUDGET = 97.0  # B/s: 8 MiB a day

steps = st.lists(st.sampled_from((0, 0, 0, 0, 700, 3_000, 6_000, 18_000)), min_size=MARKS, max_size=MARKS)


def judged(compiled: list[int], beside: list[float], leak: float, seed: int) -> Trend:
    """The answer for a heap that has ``compiled`` bytes of code more at each mark, ``beside`` times as much
    that belongs to it, and leaks ``leak`` bytes a second."""
    times = np.arange(1, MARKS + 1) * EVERY_S
    jitter = np.random.default_rng(seed).integers(0, 400, MARKS)
    code = 2e6 + np.cumsum(compiled)
    heap = 4e6 + code + np.cumsum(np.multiply(compiled, beside)) + leak * times + jitter
    marks = np.ones(MARKS, bool)

    def shown(values: NDArray[np.float64]) -> Trend:
        return trend(times, values, budget=BUDGET, resolution=8, collected=marks, counters=11, cold=True)

    return unless_code(shown(heap - code), shown(least_growth(times, heap, code, marks)))


beside = st.lists(st.floats(0, BESIDE_CODE), min_size=MARKS, max_size=MARKS)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(compiled=steps, beside=beside, seed=st.integers(0, 99))
def test_code_is_no_leak_at_whatever_pace_it_comes(compiled: list[int], beside: list[float], seed: int) -> None:
    found = judged(compiled, beside, 0.0, seed)
    assert found.outcome != "fail", found


@settings(max_examples=40, deadline=None, derandomize=True)
@given(compiled=steps, beside=beside, leak=st.floats(400, 3_000), seed=st.integers(0, 99))
def test_code_hides_no_leak_above_what_a_pass_leaves_open(
    compiled: list[int], beside: list[float], leak: float, seed: int
) -> None:
    found = judged(compiled, beside, leak, seed)
    assert found.outcome != "pass", found


def test_what_belongs_to_code_is_taken_off_as_far_as_the_rest_goes_on_as_before() -> None:
    # given 100 B/s, and once 1,000 bytes of code with 300 that belong to it
    times, code = np.arange(20.0), 1_000.0 * (np.arange(20) >= 9)
    heap = 100 * times + 1.3 * code
    least = least_growth(times, heap, code, np.ones(20, bool))
    assert np.allclose(np.diff(least), 100)
    # and never more than the code and what may belong to it
    least = least_growth(times, 100 * times + 5 * code, code, np.ones(20, bool))
    assert np.diff(least).max() == 100 + (5 - 1 - BESIDE_CODE) * 1_000
