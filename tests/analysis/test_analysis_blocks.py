"""A run in blocks: what falls into each, and how bursts of events show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.records import Row, make_record, scenario
from zcbench.analysis import blocks


def test_a_gauge_leaves_out_the_start_and_fills_twelve_blocks(tmp_path: Path) -> None:
    # given a heap that is high in the first twelfth only
    def bend(index: int, row: Row) -> None:
        row["rss_bytes"] = 9e9 if index < 5 else 1e6 + index

    record = make_record(tmp_path / "run", scenario(duration_s=60), rows=60, bend=bend)
    marks = blocks.of_gauge(record, record.samples["rss_bytes"], blocks.lowest)
    assert marks.size == 12
    assert marks.max() < 2e6
    assert (np.diff(marks) > 0).all()


def test_too_few_samples_make_no_blocks(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run", rows=4)
    assert blocks.of_gauge(record, record.samples["rss_bytes"], blocks.median).size == 0
    assert blocks.dispersion(record, "pool.misses") is None


def test_a_quotient_of_totals_is_that_of_each_block(tmp_path: Path) -> None:
    def bend(index: int, row: Row) -> None:
        row["cpu_user_s"], row["cpu_system_s"] = 0.02 * float(row["elapsed_s"] or 0), 0.0

    record = make_record(tmp_path / "run", rows=60, bend=bend)
    cpu = record.samples["cpu_user_s"] + record.samples["cpu_system_s"]
    shares = blocks.of_quotient(record, cpu, record.samples["elapsed_s"])
    assert shares.size == 12
    assert shares == pytest.approx(np.full(12, 0.02), rel=1e-3)


@pytest.mark.parametrize(("burst", "least", "most"), [(False, 1.0, 1.5), (True, 20.0, 60.0)])
def test_events_in_one_burst_are_told_from_events_all_over(
    tmp_path: Path, burst: bool, least: float, most: float
) -> None:
    # given some fifty drops, in one sample or evenly
    def bend(index: int, row: Row) -> None:
        row["engine.drops"] = 50 * (index >= 30) if burst else index

    record = make_record(tmp_path / "run", rows=60, bend=bend)
    found = blocks.dispersion(record, "engine.drops")
    assert found is not None
    assert least <= found <= most
