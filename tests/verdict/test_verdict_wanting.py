"""What an undecided check lacks is what it reads, less what the record has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.records import Row, make_record
from zcbench.analysis.totals import Totals, totals
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.reader import Record
from zcbench.verdict import judge
from zcbench.verdict.checks import CHECKS
from zcbench.verdict.wanting import unmeasured


def names(record: Record) -> dict[str, list[str]]:
    found = unmeasured(record, totals(record), judge(record).findings)
    return {check: [metric.name for metric in metrics] for check, metrics in found.items()}


def without(*lost: str) -> Callable[[int, Row], None]:
    def bend(_index: int, row: Row) -> None:
        for name in lost:
            row[name] = None

    return bend


def test_a_column_without_a_reading_is_named_under_the_check_that_reads_it(tmp_path: Path) -> None:
    # given a run of which everything is known, and one whose latency nobody read
    whole = names(make_record(tmp_path / "whole"))
    record = make_record(tmp_path / "run", bend=without("delivery_max_ns"))
    # then that is all that the second one lacks more
    assert names(record) == whole | {"timing": ["delivery_max_ns"]}
    assert "timing" not in whole


def test_a_total_without_a_column_is_known(tmp_path: Path) -> None:
    # given a heap read only now and then, and counters whose totals alone are known
    lost = ("native_heap_bytes", "python_heap_bytes", "engine.captured", "pool.in_flight")
    found = names(make_record(tmp_path / "run", bend=without(*lost)))
    # then the heaps are wanted, and the counters are not
    assert {"native_heap_bytes", "python_heap_bytes"} <= {*found["memory"]}
    assert not {"engine.captured", "pool.in_flight"} & {name for wanted in found.values() for name in wanted}


def test_of_counters_that_stand_in_for_one_another_one_is_enough(tmp_path: Path) -> None:
    lost = ("engine.captured",)
    record = make_record(tmp_path / "run", bend=without(*lost))
    known = {**totals(record), "engine.captured": None}
    (rate,) = (check for check in CHECKS if check.name == "rate")
    assert rate.lacks(lambda name: known[name] is not None) == []
    assert rate.lacks(lambda _name: False) == ["engine.captured"]


class Asked(dict[str, Any]):
    """A mapping that notes what is asked of it."""

    def __init__(self, values: Totals | dict[str, NDArray[np.float64]], asked: set[str]) -> None:
        super().__init__(values)
        self._asked = asked

    def __getitem__(self, name: str) -> Any:
        self._asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._asked.add(name)
        return super().get(name, default)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_asks_for_everything_that_it_says_it_reads(check, tmp_path: Path) -> None:
    asked: set[str] = set()
    known = make_record(tmp_path / "known")
    nothing = replace(
        known, samples={c: v if c == "elapsed_s" else v * np.nan for c, v in known.samples.items()}, board=None
    )
    theirs = replace(nothing, run=msgspec.structs.replace(known.run, subject=SubjectInfo(kind="imported")))
    for record in (known, nothing, theirs):
        spied = replace(record, samples=Asked(record.samples, asked))
        check.ask(spied, Asked(totals(record), asked))
    reads = {name for one in check.reads for name in ([one] if isinstance(one, str) else one)}
    assert reads <= asked
