"""What is said of latencies: which fault by which name, and what is let pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.records import Row, make_record, scenario
from zcbench.analysis.totals import totals
from zcbench.record.reader import Record
from zcbench.record.schema import Event, Finding
from zcbench.scenario import ConsumerTable, SourceTable
from zcbench.verdict.checks import timing

SOUND: Row = {
    "delivery_p50_ns": 200_000,
    "delivery_max_ns": 3_000_000,
    "hold_p50_ns": 200_000,
}


def recorded(
    tmp_path: Path,
    rows: int = 120,
    bend: Callable[[int, Row], None] = lambda _index, _row: None,
    **story: object,
) -> Record:
    def with_latencies(index: int, row: Row) -> None:
        row |= SOUND
        bend(index, row)

    plan = story.pop("plan", None) or scenario(duration_s=rows)
    return make_record(tmp_path / "run", plan, rows=rows, bend=with_latencies, **story)


def judged(tmp_path: Path, *arguments: object, **story: object) -> Finding:
    record = recorded(tmp_path, *arguments, **story)
    return timing.CHECK.ask(record, totals(record))


def test_a_sound_run_passes_with_its_percentiles_and_its_power(tmp_path: Path) -> None:
    found = judged(tmp_path)
    assert (found.outcome, found.cause) == ("pass", None)
    assert "p50 80 µs" in found.sentence
    assert "alike stalls above" in (found.detection_limit or "")
    assert found.evidence["delivery_p99_ns"] == 80_000


def test_a_stall_each_ten_seconds_is_named_with_height_and_period(tmp_path: Path) -> None:
    def bend(index: int, row: Row) -> None:
        if index % 10 == 9:
            row["delivery_max_ns"] = 200_000_000

    found = judged(tmp_path, 120, bend)
    assert (found.outcome, found.cause) == ("fail", "stalls")
    assert "200 ms every 10 s, 12 times" in found.sentence


def test_stalls_without_a_pattern_are_mentioned_and_pass(tmp_path: Path) -> None:
    def bend(index: int, row: Row) -> None:
        if index in (20, 71):
            row["delivery_max_ns"] = 261_000_000

    found = judged(tmp_path, 120, bend)
    assert found.outcome == "pass"
    assert "stalls in 2 of 120 samples, without a pattern, the longest 261 ms" in found.sentence


def test_stalls_that_are_collections_are_called_so(tmp_path: Path) -> None:
    def bend(index: int, row: Row) -> None:
        if index % 10 == 9:
            row["delivery_max_ns"] = 200_000_000

    events = [
        Event(elapsed_s=i + 1.0, kind="gc", message="full", data={"pause_ns": 190_000_000})
        for i in range(9, 120, 10)
    ]
    found = judged(tmp_path, 120, bend, events=events)
    assert (found.outcome, found.cause) == ("fail", "gc_pauses")
    assert "12 of them are garbage collections" in found.sentence


def storm(share: float, seconds: int = 120) -> dict[str, int]:
    return {
        "gc.pause_ns": round(share * seconds * 1e9),
        "gc.forced_pause_ns": 0,
        "gc.collections": 12_000,
        "gc.forced_collections": 0,
    }


@pytest.mark.parametrize(("share", "outcome"), [(0.5, "fail"), (0.05, "pass")])
def test_a_collector_that_takes_the_time_is_a_storm(tmp_path: Path, share: float, outcome: str) -> None:
    found = judged(tmp_path, counters=storm(share))
    assert found.outcome == outcome
    if outcome == "fail":
        assert found.cause == "gc_pauses"
        assert "50% of the time (12,000 collections, 5 ms each)" in found.sentence


def test_a_consumer_that_lives_by_the_collector_may_use_it(tmp_path: Path) -> None:
    plan = scenario(duration_s=120, consumer=ConsumerTable(kind="cycle"))
    assert judged(tmp_path, counters=storm(0.5), plan=plan).outcome == "pass"


@pytest.mark.parametrize(
    ("column", "kind", "outcome"),
    [
        ("delivery_p50_ns", "hold", "fail"),
        ("hold_p50_ns", "copy", "fail"),
        ("hold_p50_ns", "hold", "pass"),  # it keeps packets for a time, by design
    ],
)
def test_creep_is_named_where_it_means_something(tmp_path: Path, column: str, kind: str, outcome: str) -> None:
    def bend(index: int, row: Row) -> None:
        row[column] = 200_000 + 50_000 * index

    plan = scenario(duration_s=120, consumer=ConsumerTable(kind=kind))
    found = judged(tmp_path, 120, bend, plan=plan)
    assert found.outcome == outcome
    assert found.cause == ("latency_creep" if outcome == "fail" else None)


def test_an_unpaced_streams_latency_is_how_full_its_queue_is(tmp_path: Path) -> None:
    def bend(index: int, row: Row) -> None:
        row["delivery_p50_ns"] = 200_000 + 50_000 * index

    source = SourceTable(kind="tone", unpaced=True)
    plan = msgspec.structs.replace(scenario(duration_s=120), source=source)
    assert judged(tmp_path, 120, bend, plan=plan).outcome == "pass"


def test_latencies_nobody_read_are_not_sound_ones(tmp_path: Path) -> None:
    # given a record without a page, and without a reading in its samples
    def bend(_index: int, row: Row) -> None:
        row |= dict.fromkeys(SOUND)

    found = judged(tmp_path, 120, bend, board=False)
    assert (found.outcome, found.required) == ("inconclusive", True)


def test_two_samples_are_too_few_to_speak_of_stalls(tmp_path: Path) -> None:
    # given a run over before its third sample
    found = judged(tmp_path, 2)
    # then there is no pass, though the verdict does not hang on it
    assert (found.outcome, found.required) == ("inconclusive", False)
