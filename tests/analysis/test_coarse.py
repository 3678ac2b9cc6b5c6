"""What a log prints in whole MiB hides what grows within one."""

from __future__ import annotations

import numpy as np
import pytest

from zcbench.analysis.coarse import step_of

MIB = 2**20


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([2 * MIB, 3 * MIB], MIB),
        ([2 * MIB, 2 * MIB], MIB),
        ([12_000_000, 13_000_000], 1e6),
        ([round(12.3 * MIB), round(12.4 * MIB)], MIB / 10),
        ([round(12.34 * MIB), round(12.37 * MIB)], MIB / 100),
        ([51_200, 51_204 * 1024], 1024),
        ([52_428_801, 52_428_907], 1),
        ([np.nan, 3_481_288], 1),
        ([0.0, 0.0], 1),
        ([], 1),
    ],
)
def test_the_step_of_readings_is_what_all_of_them_are_multiples_of(values: list[float], step: float) -> None:
    assert step_of(np.array(values, dtype=float)) == pytest.approx(step)
