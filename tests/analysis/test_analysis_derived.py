"""The derived numbers of a run: all that are promised, as the report has them, and kept with the result."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest

from tests.records import Row, make_record, scenario
from zcbench.analysis.derived import derive
from zcbench.analysis.totals import totals
from zcbench.quantities.registry import STANDARD
from zcbench.record.schema import Result
from zcbench.record.writer import write_result
from zcbench.verdict import judge


def test_a_sound_run_has_every_derived_number_that_was_measured(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run", scenario(duration_s=120), rows=120)
    found = derive(record, totals(record))
    assert found.keys() == {one.name for one in STANDARD.derived}
    assert found["missing"] == 0
    assert found["pool.hit_rate"] == 1.0
    assert found["cpu"] == pytest.approx(0.015, rel=0.01)  # 0.015 s a row, a row a second
    assert found["delivery.max"] == 80_000
    assert found["delivery.p99"] == pytest.approx(80_000, rel=1 / 16)
    assert found["growth.native_heap"] == pytest.approx(0, abs=50)
    assert found["level.rss"] == 50 * 2**20
    assert found["growth.uss"] is None  # not measured


def test_a_run_that_left_nothing_has_none_and_no_nan(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run", rows=1, packets=0, board=False, partial=True)
    found = derive(record, totals(record))
    assert found.keys() == {one.name for one in STANDARD.derived}
    assert all(value is None or math.isfinite(value) for value in found.values())


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_reading_beyond_all_measure_is_none(tmp_path: Path) -> None:
    # given CPU times of which the difference is no finite number
    def bend(index: int, row: Row) -> None:
        row["cpu_user_s"] = 1.7e308 if index > 5 else -1.7e308

    record = make_record(tmp_path / "run", bend=bend)
    found = derive(record, totals(record))
    assert found["cpu"] is None
    assert found["pool.hit_rate"] == 1.0


def test_names_are_no_totals_names_and_all_say_what_they_are() -> None:
    names = {one.name for one in STANDARD.derived}
    assert not names & {one.name for one in STANDARD.sampled}
    assert all(STANDARD[name].unit.name and STANDARD[name].title for name in names)


def test_they_are_kept_in_the_result_and_older_results_open_without(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    write_result(record.path, judge(record))
    text = (record.path / "result.json").read_bytes()
    kept = msgspec.json.decode(text, type=Result)
    assert kept.derived == derive(record, totals(record))
    older = msgspec.json.decode(text)
    del older["derived"]
    assert msgspec.convert(older, Result).derived == {}
