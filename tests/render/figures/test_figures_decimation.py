"""Long series are drawn shorter: no extreme is lost, no gap is closed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zcbench.render.figures.decimation import MOST_GAPS, decimate, thin

HOURS_8 = np.arange(28_800, dtype=np.float64)


def test_a_short_series_is_drawn_as_it_is() -> None:
    times, values = decimate(np.arange(5.0), np.array([1.0, 3.0, 2.0, 5.0, 4.0]))
    assert times.tolist() == [0, 1, 2, 3, 4]
    assert values.tolist() == [1, 3, 2, 5, 4]


def test_a_night_becomes_short_and_keeps_its_single_peak() -> None:
    # given eight hours of noise with one reading far above and one far below
    values = np.random.default_rng(1).normal(size=HOURS_8.size)
    values[12_345], values[20_001] = 50.0, -50.0
    times, drawn = decimate(HOURS_8, values)
    # then both are drawn at their times, and so are the first and the last
    assert drawn.size <= 1200
    assert times[drawn == 50.0].tolist() == [12_345]
    assert times[drawn == -50.0].tolist() == [20_001]
    assert (times[0], times[-1]) == (0, 28_799)


@pytest.mark.parametrize("length", [1, 40, 4000])
def test_a_gap_stays_a_gap(length: int) -> None:
    # given eight hours without readings at one time
    values = np.sin(HOURS_8 / 500)
    values[10_000 : 10_000 + length] = np.nan
    times, drawn = decimate(HOURS_8, values)
    # then the line breaks there, once, between the readings beside it
    (broken,) = np.flatnonzero(np.isnan(drawn))
    assert (times[broken - 1], times[broken + 1]) == (9_999, 10_000 + length)


def test_a_gauge_that_is_read_now_and_then_is_no_row_of_gaps() -> None:
    # given a reading in each tenth sample, and an hour without any
    values = np.full(HOURS_8.size, np.nan)
    values[::10] = 1.0
    values[7_200:10_800] = np.nan
    _, drawn = decimate(HOURS_8, values)
    assert np.isnan(drawn).sum() == 1


@given(
    st.lists(st.one_of(st.floats(-1e9, 1e9), st.just(np.nan)), max_size=400),
    st.sampled_from([8, 40, 200]),
)
def test_the_extremes_are_kept_whatever_the_series(series: list[float], points: int) -> None:
    values = np.array(series, dtype=np.float64)
    times, drawn = decimate(np.arange(float(values.size)), values, points)
    known, kept = values[np.isfinite(values)], drawn[np.isfinite(drawn)]
    assert kept.size <= points + 2 * MOST_GAPS
    assert (np.diff(times) > 0).all()
    if known.size:
        assert (kept.min(), kept.max()) == (known.min(), known.max())
        assert (kept[0], kept[-1]) == (known[0], known[-1])


def test_marks_that_would_lie_on_one_another_are_one() -> None:
    kept = thin(np.array([0.0, 0.1, 0.2, 50.0, 50.1, 99.0]), 100.0, columns=100)
    assert kept.tolist() == [0.0, 50.0, 99.0]
