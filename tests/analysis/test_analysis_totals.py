"""The last word on every metric comes from the page, and a missing reading stays missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records import Row, make_record
from zcbench.analysis.totals import count, totals
from zcbench.quantities.registry import STANDARD


def test_every_metric_of_the_registry_has_a_total(tmp_path: Path) -> None:
    # given a sound run
    record = make_record(tmp_path / "run")
    # when its totals are taken
    found = totals(record)
    # then none of the registry's metrics is left out
    assert set(found) == {one.name for one in STANDARD.sampled}


def test_the_page_goes_before_the_last_sample(tmp_path: Path) -> None:
    # given a subject that went on for a packet after the last sample was taken
    def bend(index: int, row: Row) -> None:
        row["engine.captured"] = int(row["engine.captured"] or 0) - 1

    record = make_record(tmp_path / "run", bend=bend, counters={"consumer.last_sequence": 3000})
    # then the page's number counts
    assert totals(record)["consumer.last_sequence"] == 3000


def test_without_a_page_the_last_sample_is_what_is_known(tmp_path: Path) -> None:
    # given a record whose page is gone
    record = make_record(tmp_path / "run", board=False)
    # then the totals are the last row's, and the record says what it lacks
    assert totals(record)["engine.delivered"] == 3000
    assert any("scoreboard" in problem for problem in record.problems)


def test_a_reading_nobody_took_is_none_and_not_zero(tmp_path: Path) -> None:
    # given a run in which the Python heap was never traced
    def bend(_index: int, row: Row) -> None:
        row["python_heap_bytes"] = None

    found = totals(make_record(tmp_path / "run", bend=bend))
    # then its total is missing
    assert found["python_heap_bytes"] is None
    assert count(found, "python_heap_bytes") is None


def test_the_final_rss_is_the_last_one_read_while_the_process_lived(tmp_path: Path) -> None:
    # given a finished run: its last row is written after the process is gone
    record = make_record(tmp_path / "run")
    # then the total is the last reading there is
    assert totals(record)["rss_bytes"] == pytest.approx(50 * 2**20, abs=3 * 4096)
