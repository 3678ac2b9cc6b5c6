"""Pools whose slots a runtime's collector, or its event loop, gives back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.records import Row, make_command_record
from zcbench.page.layout import State
from zcbench.quantities.registry import STANDARD, VOCABULARY
from zcbench.record.schema import Finding
from zcbench.verdict import judge

PER_S, COLLECTS_S = 100, 20


def addon(index: int, *, returns: bool = True, collects: bool = True, forced: bool = False) -> Row:
    """A Node add-on with 10 slots: every 20 s V8 collects, and finalizers give back all leases but the last."""
    captured = PER_S * (index + 1)
    marks = (index // COLLECTS_S) if collects else 0
    returned = PER_S * COLLECTS_S * marks if returns else 0
    hits = 10 * (1 + marks) if returns else 10
    row: Row = {
        "pool.slots": 10,
        "engine.captured": captured,
        "engine.delivered": captured,
        "pool.hits": hits,
        "pool.misses": captured - hits,
        "pool.returns": returned,
        "pool.in_flight": captured - returned,
        "pool.high_water": max(captured - returned, min(captured, PER_S * COLLECTS_S)),
        "phase": 1,
        "runtime.collections": marks,
        "runtime.full_collections": 0,
        "v8.heap_bytes": 5_000_000,
        "v8.heap_total_bytes": 8_000_000,
        "event_loop.active_ns": 20_000_000 * index,
        "event_loop.idle_ns": 980_000_000 * index,
    }
    return row | ({"gc.forced_collections": marks} if forced else {})


def of_addon(directory: Path, counts: Callable[[int], Row], check: str, *, seconds: int = 120) -> Finding:
    brought = [VOCABULARY[name] for name in counts(0) if name in VOCABULARY and name not in STANDARD]
    record = make_command_record(
        directory, counts=counts, duration_s=seconds, rows=seconds, brought=brought, state=State.READY
    )
    return next(f for f in judge(record).findings if f.check == check)


def test_leases_that_v8_gives_back_are_held_by_garbage_and_the_number_that_would_do_is_told(
    tmp_path: Path,
) -> None:
    found = of_addon(tmp_path, addon, "pool.hit_rate")
    assert found.cause == "held_by_garbage", found.sentence
    assert "V8 collects garbage" in found.sentence
    assert "= 2,000 slots, and there are 10" in found.sentence.replace("2,100", "2,000")
    remedy = str(found.remedy)
    assert "slots" in remedy
    assert "napi_adjust_external_memory" in remedy
    assert "explicitly" in remedy
    assert "copy" in remedy
    assert "gc.collect()" not in remedy


def test_what_the_harness_own_collections_gave_back_is_said_to_be_theirs(tmp_path: Path) -> None:
    found = of_addon(tmp_path, lambda index: addon(index, forced=True), "pool.hit_rate")
    assert found.cause == "held_by_garbage"
    assert "the harness's own collections" in found.sentence
    assert "gc.every = natural" in found.sentence
    # and not where V8 collects by itself
    assert "harness" not in of_addon(tmp_path / "own", addon, "pool.hit_rate").sentence


def test_a_return_that_does_nothing_is_told_from_a_collector_that_has_not_run(tmp_path: Path) -> None:
    found = of_addon(tmp_path / "no-op", lambda index: addon(index, returns=False), "pool.recycling")
    assert (found.outcome, found.cause) == ("fail", "never_recycled")
    assert "though V8 collected garbage 5 times" in found.sentence
    # given a sound one, before the first collection
    sound = lambda index: addon(index, collects=False)  # noqa: E731
    found = of_addon(tmp_path / "early", sound, "pool.recycling", seconds=15)
    assert found.outcome == "inconclusive", found.sentence
    assert "V8 collected no garbage" in found.sentence


def test_a_pool_of_c_needs_no_collector_to_be_accused(tmp_path: Path) -> None:
    def in_c(index: int) -> Row:
        row = addon(index, returns=False, collects=False)
        return {name: value for name, value in row.items() if not name.startswith(("v8", "runtime", "event"))}

    found = of_addon(tmp_path, in_c, "pool.recycling", seconds=15)
    assert (found.outcome, found.cause) == ("fail", "never_recycled")


@pytest.mark.parametrize(
    ("copies", "refused", "answer"),
    [
        (0, 0, ("pass", None, "fail")),
        (1, 0, ("pass", "copies", "fail")),
        (1, 1, ("fail", "external_refused", "warn")),
    ],
)
def test_copies_that_the_runtime_asks_for_are_told_from_those_of_choice(
    tmp_path: Path, copies: int, refused: int, answer: tuple[str, str | None, str]
) -> None:
    def handed_over(index: int) -> Row:
        row = addon(index)
        captured = int(row["engine.captured"] or 0)
        return row | {"pool.copies": copies * captured, "pool.external_refused": refused * captured}

    found = of_addon(tmp_path, handed_over, "pool.hand_over")
    assert (found.outcome, found.cause, found.level) == answer, found.sentence
    assert "12,000" in found.sentence


def test_who_counts_no_copies_is_not_asked(tmp_path: Path) -> None:
    found = of_addon(tmp_path, addon, "pool.hand_over")
    assert (found.outcome, found.lacks) == ("skipped", "copies")


def test_samples_that_are_far_apart_show_it_by_whole_pools(tmp_path: Path) -> None:
    # given a collection in each sample, on a machine that is busy
    every = lambda index: addon(20 * index + 19)  # noqa: E731
    found = of_addon(tmp_path / "sound", every, "pool.hit_rate", seconds=4)
    assert found.cause == "held_by_garbage", found.sentence
    # and if the first of them came before its page was read
    early = lambda index: every(index) | (dict.fromkeys(every(index)) if index == 0 else {})  # noqa: E731
    found = of_addon(tmp_path / "early", early, "pool.hit_rate", seconds=5)
    assert found.cause == "held_by_garbage", found.sentence
    # and a pool that is too small for what is held explicitly hands out other numbers
    small = lambda index: every(index) | {"pool.hits": 10 + 37 * index}  # noqa: E731
    assert of_addon(tmp_path / "small", small, "pool.hit_rate", seconds=4).cause == "too_small"


def test_finalizers_that_wait_for_the_event_loop_are_called_starved(tmp_path: Path) -> None:
    # given a loop that works for 19 s and turns in one, though V8 collects each second
    def blocked(index: int) -> Row:
        turns = index // COLLECTS_S
        row = addon(index) | {"runtime.collections": index, "v8.heap_total_bytes": 8_000_000}
        return row | {"event_loop.active_ns": 10**9 * turns, "event_loop.idle_ns": 10**6 * turns}

    found = of_addon(tmp_path / "at-times", blocked, "pool.hit_rate")
    assert found.cause == "finalizers_starved", found.sentence
    assert "in flight before it turned" in found.sentence

    # and its probe tells of the delay that ended once more, in the sample after
    def told_late(index: int) -> Row:
        turns = 4 * (index // COLLECTS_S) + min(index % COLLECTS_S, 3)
        late_ns = 16 * 10**9 if index >= COLLECTS_S and index % COLLECTS_S <= 1 else 0
        row = blocked(index) | {"event_loop.active_ns": 10**9 * turns, "event_loop.idle_ns": 10**6 * turns}
        return row | {"event_loop.delay_max_ns": late_ns}

    found = of_addon(tmp_path / "told-late", told_late, "pool.hit_rate")
    assert found.cause == "finalizers_starved", found.sentence

    # and one that never turns again
    def never(index: int) -> Row:
        row = addon(index, returns=False) | {"runtime.collections": index}
        return row | {"event_loop.active_ns": 10**9, "event_loop.idle_ns": 10**6}

    found = of_addon(tmp_path / "never", never, "pool.recycling")
    assert (found.outcome, found.cause) == ("fail", "finalizers_starved")


def test_a_pool_that_is_returned_to_all_the_time_is_not_held_by_garbage(tmp_path: Path) -> None:
    # given explicit release, and a collector that runs now and then
    def explicit(index: int) -> Row:
        captured = PER_S * (index + 1)
        back = {"pool.hits": captured, "pool.misses": 0, "pool.returns": captured - 3, "pool.in_flight": 3}
        return addon(index) | back | {"pool.high_water": 5}

    found = of_addon(tmp_path, explicit, "pool.hit_rate")
    assert found.cause is None, found.sentence
