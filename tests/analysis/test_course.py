"""What resident memory did, told in few words: flat, rising, slowing, falling, up and down."""

from __future__ import annotations

import numpy as np
import pytest

from zcbench.analysis.course import course

T = np.arange(0.0, 3600.0, 10.0)
MIB = 2.0**20


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        (np.full(T.size, 50 * MIB), "flat"),
        (50 * MIB + 4096.0 * (np.arange(T.size) % 3), "flat"),
        (np.minimum(50 * MIB + 1000 * T, 51 * MIB), "flat"),
        (50 * MIB + 10_000 * T, "rising"),
        (500 * MIB + 1000 * T, "rising"),  # within one percent, and steadily
        (50 * MIB + 36 * MIB * (1 - np.exp(-T / 1200)), "slowing"),
        (90 * MIB - 10_000 * T, "falling"),
        (50 * MIB + 10 * MIB * np.sin(T / 100), "moving"),
        (50 * MIB + 4 * MIB * (T // 600), "rising"),
    ],
)
def test_memory_is_told_by_its_shape(values: np.ndarray, shape: str) -> None:
    told = course(T, values)
    assert told is not None
    assert told.shape == shape


def test_a_flat_stretch_says_what_would_have_shown_in_it() -> None:
    # given memory that levels off after ten minutes
    told = course(T, np.minimum(50 * MIB + 5000 * T, 50 * MIB + 3_000_000))
    assert told is not None
    assert told.since_s == pytest.approx(600, abs=120)
    # then growth that leaves the band, and what an allocator may have free, would have been seen
    assert told.seen_per_s * told.flat_s >= 2 * MIB


def test_too_few_readings_tell_nothing() -> None:
    assert course(T[:5], T[:5]) is None
    assert course(T, np.full(T.size, np.nan)) is None
    assert course(np.zeros(9), np.ones(9)) is None
