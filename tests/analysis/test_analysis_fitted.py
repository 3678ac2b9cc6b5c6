"""The line that a figure draws through what a counter's answer rests on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.records import make_command_record
from zcbench.analysis.fitted import fitted_line
from zcbench.analysis.growth import growths
from zcbench.analysis.statistics import Student
from zcbench.quantities.registry import VOCABULARY


def test_as_few_blocks_as_tell_no_interval_have_no_line(tmp_path: Path) -> None:
    record = make_command_record(
        tmp_path / "run",
        counts=lambda index: {"malloc.live_bytes": 2**20 + 1000 * index},
        duration_s=300.0,
        rows=300,
        brought=[VOCABULARY["malloc.live_bytes"]],
    )
    growth = next(g for g in growths(record) if g.counter.column == "malloc.live_bytes")
    window = growth.trend.window
    assert window is not None
    line = fitted_line(record, growth)
    assert line is not None
    assert line.slope == pytest.approx(window.slope)
    for blocks in (0, 1, 2):
        few = dataclasses.replace(window, blocks=blocks, step=None)
        trend = dataclasses.replace(growth.trend, window=few)
        assert fitted_line(record, dataclasses.replace(growth, trend=trend)) is None


@pytest.mark.parametrize("free", [0, -1])
def test_without_a_degree_of_freedom_nothing_is_searched_for_ever(free: int) -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        Student(free).quantile(0.975)
