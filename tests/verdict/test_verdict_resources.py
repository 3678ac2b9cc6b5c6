"""What a run is told that opens, starts or spawns what it never closes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.records import Row, make_record, scenario
from zcbench.record.reader import Record
from zcbench.record.schema import Event, Finding
from zcbench.verdict import judge

BEFORE: dict[str, Any] = {
    "fds": 7, "threads": 4, "children": 0,
    "fd_names": ["0 pipe"], "thread_names": ["MainThread"], "child_names": [],
}  # fmt: skip
NAMES = {"fds": "fd_names", "threads": "thread_names", "children": "child_names"}


def resources(record: Record) -> Finding:
    return next(f for f in judge(record).findings if f.check == "resources")


def counts(after: dict[str, Any] | None = None) -> list[Event]:
    """Counted before the stream and after its drain."""
    last = {**BEFORE, **(after or {})}
    return [
        Event(elapsed_s=at, kind="resources", message="", data=data)
        for at, data in ((0.2, BEFORE), (30.3, last))
    ]


def test_as_many_after_as_before_pass_and_say_what_would_have_been_seen(tmp_path: Path) -> None:
    found = resources(make_record(tmp_path / "run", events=counts()))
    assert found.outcome == "pass"
    assert "one left open" in (found.detection_limit or "")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("fds", "null"), ("threads", "leaked"), ("children", "python3")],
)
def test_one_left_over_after_the_drain_fails_and_is_named(tmp_path: Path, kind: str, name: str) -> None:
    # given one more after the drain than before the stream, and a flat count meanwhile
    listed = [*BEFORE[NAMES[kind]], name if kind == "threads" else f"99 {name}"]
    after = {kind: BEFORE[kind] + 1, NAMES[kind]: listed}
    found = resources(make_record(tmp_path / "run", events=counts(after)))
    # then it is named, with its number
    assert (found.outcome, found.cause) == ("fail", kind)
    assert f"1 × {name}" in found.sentence
    assert found.remedy


def test_what_climbs_all_the_time_fails_though_it_is_closed_at_the_end(tmp_path: Path) -> None:
    # given a descriptor more every 3 s, all of them closed by the drain
    def bend(index: int, row: Row) -> None:
        if row.get("fds") is not None:
            row["fds"] = 7 + index // 3

    found = resources(make_record(tmp_path / "run", events=counts(), bend=bend))
    assert (found.outcome, found.cause) == ("fail", "fds")
    assert "descriptors climb from" in found.sentence


def test_a_pool_of_threads_that_fills_and_rests_passes(tmp_path: Path) -> None:
    # given threads that are started one by one in the first half of the run, and stay
    def bend(index: int, row: Row) -> None:
        if row.get("threads") is not None:
            row["threads"] = 4 + min(index, 12)

    assert resources(make_record(tmp_path / "run", events=counts(), bend=bend)).outcome == "pass"


def test_child_processes_explain_the_descriptors_that_grew_with_them(tmp_path: Path) -> None:
    # given three children and the nine descriptors of their pipes
    after = {"children": 3, "child_names": ["1 sh", "2 sh", "3 sh"], "fds": 16}
    found = resources(make_record(tmp_path / "run", events=counts(after)))
    assert found.cause == "children"
    assert "descriptors" in found.sentence


def test_a_run_too_short_for_a_staircase_is_judged_by_its_ends(tmp_path: Path) -> None:
    # given five samples
    plan = scenario(duration_s=5.0)
    found = resources(make_record(tmp_path / "run", plan, rows=5, events=counts()))
    # then a pass does not claim to have watched the stream
    assert found.outcome == "pass"
    assert "too short" in found.sentence
    assert "one by one" not in (found.detection_limit or "")


def test_a_record_without_the_counts_neither_passes_nor_stands_in_the_way(tmp_path: Path) -> None:
    found = resources(make_record(tmp_path / "run", resources=False))
    assert (found.outcome, found.required) == ("inconclusive", False)


def test_many_left_over_are_named_by_all_of_them(tmp_path: Path) -> None:
    # given 202 descriptors of one name, of which the event lists 64 one by one
    before = {**BEFORE, "fd_counts": {"pipe": 7}}
    after = {
        "fds": 209, "fd_names": [f"{n} null" for n in range(64)], "fd_counts": {"pipe": 7, "null": 202},
    }  # fmt: skip
    events = [
        Event(elapsed_s=at, kind="resources", message="", data=data)
        for at, data in ((0.2, before), (30.3, {**BEFORE, **after}))
    ]
    assert "202 × null" in resources(make_record(tmp_path / "run", events=events)).sentence


def test_an_older_record_says_how_many_it_has_no_name_for(tmp_path: Path) -> None:
    after = {"fds": 209, "fd_names": [f"{n} null" for n in range(64)]}
    found = resources(make_record(tmp_path / "run", events=counts(after)))
    assert "64 × null, 138 more without a name" in found.sentence
