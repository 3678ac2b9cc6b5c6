"""Memory figures: where they start, where they end, and which heap is meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.records import Row, make_record, scenario
from zcbench.analysis.memory import gauge, heap, profile
from zcbench.quantities.parsing import Duration
from zcbench.scenario import SamplingTable


def test_the_baseline_is_the_first_reading_after_the_warm_up(tmp_path: Path) -> None:
    # given a heap that starts high and settles during a warm-up of ten seconds
    def bend(index: int, row: Row) -> None:
        row["python_heap_bytes"] = 9_000_000 if index < 9 else 2_000_000 + index

    record = make_record(tmp_path / "run", scenario(warmup=Duration(10.0)), bend=bend)
    # then nothing of the start-up is in baseline, peak or delta
    found = gauge(record, "python_heap_bytes")
    assert found is not None
    assert (found.baseline, found.final, found.peak) == (2_000_009, 2_000_029, 2_000_029)
    assert found.delta == 20


def test_after_gc_low_looks_only_at_samples_that_follow_a_collection(tmp_path: Path) -> None:
    # given a heap that is lowest where no collection ran
    def bend(index: int, row: Row) -> None:
        row["python_heap_bytes"] = {7: 1_000, 10: 5_000}.get(index, 9_000)
        row["gc.collections"] = 1 if index >= 10 else 0

    found = gauge(make_record(tmp_path / "run", bend=bend), "python_heap_bytes")
    # then the low after gc is the collection's, and the lowest reading the other
    assert found is not None
    assert (found.after_gc_low, found.low) == (5_000, 1_000)


def test_a_gauge_that_was_never_read_is_no_gauge(tmp_path: Path) -> None:
    def bend(_index: int, row: Row) -> None:
        row["native_heap_bytes"] = None

    assert gauge(make_record(tmp_path / "run", bend=bend), "native_heap_bytes") is None


@pytest.mark.parametrize(("traced", "column"), [(True, "python_heap_bytes"), (False, "native_heap_bytes")])
def test_the_heap_is_pythons_only_if_it_was_traced(tmp_path: Path, traced: bool, column: str) -> None:
    plan = scenario()
    plan = plan.__class__(name="synthetic", source=plan.source, sampling=SamplingTable(tracemalloc=traced))
    assert heap(make_record(tmp_path / "run", plan)).name == column


@pytest.mark.parametrize("rows", [1, 5, 30, 3600])
def test_the_profile_has_about_ten_rows_and_ends_with_the_run(tmp_path: Path, rows: int) -> None:
    # given a short or a long run
    record = make_record(tmp_path / "run", rows=rows)
    # when its profile is made
    table = profile(record)
    # then it is a table one reads at a glance, rising in time, up to the last sample
    assert 1 <= len(table) <= 12
    assert np.all(np.diff([row.elapsed_s for row in table]) > 0)
    assert table[-1].packets == 3000


def test_the_profiles_collections_add_up_to_the_runs(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    assert sum(row.gc for row in profile(record)) == record.samples["gc.collections"][-1]
