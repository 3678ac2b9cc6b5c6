"""What an undecided check asked for in vain is learnt from the check, not from a list."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.records import Row, make_record
from zcbench.analysis.totals import totals
from zcbench.record.reader import Record
from zcbench.verdict import judge
from zcbench.verdict.wanting import unmeasured


def names(record: Record) -> dict[str, list[str]]:
    found = unmeasured(record, totals(record))
    return {check: [metric.name for metric in metrics] for check, metrics in found.items()}


def without(*lost: str) -> Callable[[int, Row], None]:
    def bend(_index: int, row: Row) -> None:
        for name in lost:
            row[name] = None

    return bend


def test_a_column_without_a_reading_is_named_under_the_check_that_asked(tmp_path: Path) -> None:
    # given a run of which everything is known, and one whose latency nobody read
    whole = names(make_record(tmp_path / "whole"))
    record = make_record(tmp_path / "run", bend=without("delivery_max_ns"))
    # then that is all that the second one lacks more
    assert names(record) == whole | {"timing": ["delivery_max_ns"]}
    assert "timing" not in whole


def test_a_total_without_a_column_is_known(tmp_path: Path) -> None:
    # given a heap read only now and then, and counters whose totals alone are known
    lost = ("native_heap_bytes", "python_heap_bytes", "engine.captured", "pool.in_flight")
    record = make_record(tmp_path / "run", bend=without(*lost))
    found = unmeasured(record, totals(record))
    # then the heaps are wanted, and the counters, which the check looked for as well, are not
    wanted = {metric.name for metric in found["memory"]}
    assert {"native_heap_bytes", "python_heap_bytes"} <= wanted
    assert not {"engine.captured", "pool.in_flight"} & wanted


def test_watching_a_check_does_not_change_its_answer(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run", bend=without("delivery_max_ns"))
    before = judge(record)
    names(record)
    assert judge(record) == before
