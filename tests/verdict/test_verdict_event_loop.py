"""An event loop that is blocked is told with its period; a machine that is busy is not blamed on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.records import Row, make_command_record
from zcbench.quantities.quantity import Kind, Origin, Quantity
from zcbench.quantities.registry import STANDARD, VOCABULARY
from zcbench.quantities.units import NS
from zcbench.record.schema import Finding
from zcbench.verdict import judge

MS = 1_000_000
INSIDE = Quantity("probe.v8.inside_ns", NS, Kind.TOTAL, Origin.RUNTIME, "CPU time of Node's agent")


def loop(index: int, late_ms: float = 4.0, **more: int) -> Row:
    """A second of a Node server whose loop turns at most ``late_ms`` late."""
    row: Row = {
        "event_loop.delay_p50_ns": MS,
        "event_loop.delay_p99_ns": round(late_ms * MS / 2),
        "event_loop.delay_max_ns": round(late_ms * MS),
        "event_loop.active_ns": 100 * MS * index,
        "event_loop.idle_ns": 900 * MS * index,
        "v8.heap_total_bytes": 8_000_000,
        "runtime.pause_ns": 0,
        "gc.forced_pause_ns": 0,
        "run_queue_ns": MS * index,
    }
    return row | more


def judged(directory: Path, counts: Callable[[int], Row], *, seconds: int = 120) -> Finding:
    brought = [VOCABULARY.get(name, INSIDE) for name in counts(0) if name not in STANDARD]
    record = make_command_record(directory, counts=counts, duration_s=seconds, rows=seconds, brought=brought)
    return next(f for f in judge(record).findings if f.check == "event_loop")


def test_a_loop_that_turns_in_time_passes_with_a_limit(tmp_path: Path) -> None:
    found = judged(tmp_path, lambda index: loop(index, 3 + index % 7))
    assert found.outcome == "pass", found.sentence
    assert "4 alike delays above 100 ms" in str(found.detection_limit)


def test_a_block_is_told_with_its_period(tmp_path: Path) -> None:
    found = judged(tmp_path, lambda index: loop(index, 400 + index % 3 if index % 10 == 7 else 4))
    assert (found.outcome, found.cause) == ("fail", "event_loop_blocked")
    assert "every 10 s, 12 times" in found.sentence


def test_blocks_without_a_period_fail_where_there_are_many(tmp_path: Path) -> None:
    found = judged(tmp_path, lambda index: loop(index, 150 + 37 * (index % 11) if index % 3 == 0 else 4))
    assert (found.outcome, found.cause) == ("fail", "event_loop_blocked")
    assert "in 40 of 120 samples" in found.sentence


def test_a_few_late_turns_say_nothing_of_a_program(tmp_path: Path) -> None:
    found = judged(tmp_path, lambda index: loop(index, 300 if index in (20, 71, 90) else 4))
    assert found.outcome == "pass", found.sentence
    assert "3 above 100 ms, without a pattern" in found.sentence


@pytest.mark.parametrize(
    ("totals", "said"),
    [
        (lambda times: {"run_queue_ns": 300 * MS * times}, "the machine made it wait"),
        (lambda times: {"gc.forced_pause_ns": 390 * MS * times}, "the harness collected garbage"),
    ],
)
def test_what_the_machine_or_the_harness_took_is_not_blamed_on_the_program(
    tmp_path: Path, totals: Callable[[int], Row], said: str
) -> None:
    # given delays at odd times, of which a total tells that each was somebody else's
    at = (4, 9, 21, 22, 40, 47, 60, 61, 75, 83, 90, 97, 110)
    late = lambda index: loop(index, 400 if index in at else 4)  # noqa: E731
    found = judged(tmp_path, lambda index: late(index) | totals(sum(one <= index for one in at)))
    assert found.outcome == "pass", found.sentence
    assert said in found.sentence


def test_a_block_beside_a_collection_of_the_harness_is_the_program_s_where_node_s_agent_left_that_out(
    tmp_path: Path,
) -> None:
    # given delays of 200 ms, each beside a collection of 190 ms that the agent measures no delay in
    def blocked(index: int) -> Row:
        forced = {"gc.forced_pause_ns": 190 * MS * (index // 5), "probe.v8.inside_ns": MS * index}
        return loop(index, 200 if index % 5 == 0 else 4) | forced

    found = judged(tmp_path, blocked)
    assert (found.outcome, found.cause) == ("fail", "event_loop_blocked"), found.sentence


def test_a_machine_without_a_free_core_gives_no_answer(tmp_path: Path) -> None:
    found = judged(tmp_path, lambda index: loop(index, 350, run_queue_ns=400 * MS * index))
    assert (found.outcome, found.required) == ("inconclusive", False), found.sentence


def test_pauses_of_the_collector_are_called_so(tmp_path: Path) -> None:
    paused = lambda index: loop(index, 300 if index % 8 == 0 else 4)  # noqa: E731
    found = judged(tmp_path, lambda index: paused(index) | {"runtime.pause_ns": 290 * MS * (index // 8)})
    assert (found.outcome, found.cause) == ("fail", "gc_pauses")


def test_a_loop_that_turns_no_more_fails(tmp_path: Path) -> None:
    def stuck(index: int) -> Row:
        still = min(index, 100)
        silent: Row = {"event_loop.delay_max_ns": None} if index > 100 else {}
        return loop(index) | {"event_loop.active_ns": still, "event_loop.idle_ns": still} | silent

    found = judged(tmp_path, stuck)
    assert (found.outcome, found.cause) == ("fail", "event_loop_blocked"), found.sentence
    assert "did not turn in the last 19 s" in found.sentence


def test_a_block_that_spans_samples_is_one(tmp_path: Path) -> None:
    # given 4 s without a turn, of which each sample tells how long it has lasted, three times without a pattern
    began = {20: 0, 51: 0, 90: 0}

    def spans(index: int) -> Row:
        since = next((index - at for at in began if at <= index < at + 4), None)
        return loop(index, 4 if since is None else 1000 * (since + 1))

    found = judged(tmp_path, spans)
    assert found.outcome == "pass", found.sentence
    assert "3 above 100 ms" in found.sentence


def test_who_has_no_event_loop_is_not_asked(tmp_path: Path) -> None:
    found = judged(tmp_path, lambda index: {})
    assert (found.outcome, found.lacks) == ("skipped", "event_loop")


@pytest.mark.parametrize("seconds", [1, 2])
def test_two_samples_are_too_few(tmp_path: Path, seconds: int) -> None:
    found = judged(tmp_path, lambda index: loop(index, 500), seconds=seconds)
    assert (found.outcome, found.required) == ("inconclusive", False)
