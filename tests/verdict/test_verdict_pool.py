"""Why a pool's slots do not come back, and why its hit rate is what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.records import Row, make_record, scenario
from zcbench.quantities.names import POOL_FREE, POOL_SLOTS_IN_USE
from zcbench.quantities.parsing import Duration
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.scenario import ConsumerTable
from zcbench.verdict import judge

ROWS = 60
Bend = Callable[[int, Row], None]


def finding(record: Record, check: str) -> Finding:
    return next(f for f in judge(record).findings if f.check == f"pool.{check}")


def run(tmp_path: Path, bend: Bend, slots: int = 100, **more: object) -> Record:
    """30 s at 100 packets/s, ``slots`` of which 100."""
    return make_record(tmp_path / "run", scenario(slots=slots), rows=ROWS, bend=bend, **more)


def laps(of: Callable[[int], int], in_flight: Callable[[int], int] = lambda _: 0) -> Bend:
    """Rows whose slot laps are ``of`` the row's number, known after the first lap."""

    def bend(index: int, row: Row) -> None:
        row["consumer.reuse_distance"] = of(index) if index > 1 else 0
        if index < ROWS - 1:
            held = in_flight(index)
            row["pool.in_flight"] = held
            row["pool.returns"] = int(row["engine.captured"] or 0) - held

    return bend


# -- recycling


def test_slots_in_circulation_that_fall_step_by_step_are_lost(tmp_path: Path) -> None:
    # given a first-in first-out pool of 100 slots, of which 60 are lost in 3,000 packets
    found = finding(run(tmp_path, laps(lambda i: 100 - i)), "recycling")
    # then the finding says how fast
    assert (found.outcome, found.cause) == ("fail", "slots_lost")
    assert "from 100 to 4" in found.sentence
    assert "every 5" in found.sentence
    assert found.remedy


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("first in first out", lambda _: 100),
        ("last in first out", lambda _: 1),
        ("any order", lambda i: 40 + 53 * i % 61),
        ("one overtaking another now and then", lambda i: 100 - i % 2),
        ("a start that took every slot once", lambda i: max(20, 100 - 10 * i)),
        ("only a few of the slots, fewer and fewer", lambda i: max(1, 40 - i // 2)),
        ("laps longer than the slots are many", lambda i: 160 - 2 * i),
        ("not measured", lambda _: 0),
    ],
)
def test_sound_pools_of_any_order_have_lost_nothing(
    tmp_path: Path, name: str, of: Callable[[int], int]
) -> None:
    assert finding(run(tmp_path, laps(of)), "recycling").outcome == "pass", name


def test_slots_that_somebody_keeps_are_not_lost(tmp_path: Path) -> None:
    # given an application that keeps one packet a row until the drain: those slots are in flight
    kept = laps(lambda i: 100 - i, in_flight=lambda i: i)
    assert finding(run(tmp_path, kept), "recycling").outcome == "pass"


def test_misses_while_slots_must_be_free_are_lost_slots(tmp_path: Path) -> None:
    # given at most one packet in flight, 100 slots, and misses from packet 1,500 on
    def bend(_index: int, row: Row) -> None:
        captured = int(row["engine.captured"] or 0)
        misses = max(0, captured - 1500)
        row |= {
            "pool.hits": captured - misses,
            "pool.misses": misses,
            "pool.overflow_allocations": misses,
            "pool.overflow_bytes": misses * 3840,
            "pool.overflow_freed_bytes": misses * 3840,
        }

    record = run(tmp_path, bend)
    for check in ("recycling", "hit_rate"):
        assert finding(record, check).cause == "slots_lost"
    assert finding(record, "recycling").evidence["slots"] == 100


def counted(neither: Callable[[int], int]) -> Bend:
    """Rows whose slots are counted, ``neither`` of which are neither free nor in use; most leases overflow."""

    def bend(index: int, row: Row) -> None:
        row |= {"pool.slots_in_use": 10, "pool.free": 90 - neither(index)}
        row |= {"pool.in_flight": 500, "pool.returns": int(row["engine.captured"] or 0) - 500}

    return bend


BROUGHT = tuple(VOCABULARY[name] for name in (POOL_FREE, POOL_SLOTS_IN_USE))


def test_a_slot_that_is_neither_free_nor_in_use_is_lost(tmp_path: Path) -> None:
    found = finding(run(tmp_path, counted(lambda i: i // 20), brought=BROUGHT), "recycling")
    assert (found.outcome, found.cause) == ("fail", "slots_lost")
    assert "from 100 to 98" in found.sentence


def test_a_slot_on_its_way_is_not_lost(tmp_path: Path) -> None:
    # given samples that each find a slot just taken out of the list, but for one of the last three
    found = finding(run(tmp_path, counted(lambda i: int(i != ROWS - 2)), brought=BROUGHT), "recycling")
    assert found.cause != "slots_lost"


def test_a_pass_says_which_loss_of_slots_it_would_have_seen(tmp_path: Path) -> None:
    # given laps that show the slots in circulation, and none that do
    seen = finding(run(tmp_path, laps(lambda _: 100)), "recycling")
    blind = finding(make_record(tmp_path / "blind"), "recycling")
    assert "a slot lost every 250 packets" in (seen.detection_limit or "")
    assert "would not have been seen" in (blind.detection_limit or "")


# -- the hit rate


def test_a_pool_that_served_every_acquire_needs_no_reason(tmp_path: Path) -> None:
    found = finding(make_record(tmp_path / "run"), "hit_rate")
    assert (found.outcome, found.cause) == ("pass", None)


def test_a_pool_too_small_is_told_how_large_it_should_be(tmp_path: Path) -> None:
    plan = scenario(slots=10, consumer=ConsumerTable(kind="hold", hold=Duration(1.0)))
    found = finding(make_record(tmp_path / "run", plan), "hit_rate")
    assert (found.outcome, found.cause) == ("pass", "too_small")
    assert "--pool 127" in (found.remedy or "")


def test_a_pool_that_refuses_is_too_small_though_no_more_than_its_slots_were_out(
    tmp_path: Path,
) -> None:
    # given policy drop: with every slot in flight a third of the acquires are refused
    refused = 1000
    counters = {
        "pool.hits": 2000, "pool.misses": refused, "pool.refused": refused, "pool.high_water": 10,
        "pool.overflow_allocations": 0, "pool.overflow_bytes": 0, "pool.overflow_freed_bytes": 0,
    }  # fmt: skip
    plan = scenario(slots=10, policy="drop")
    found = finding(make_record(tmp_path / "run", plan, counters=counters), "hit_rate")
    assert found.cause == "too_small"
    assert "--pool 13 at least" in (found.remedy or "")


def bursts(collects: Callable[[int], bool], packets: int = 300) -> Bend:
    """Leases come back ``packets`` at a time (50 are captured a row); collections run in the rows that
    ``collects`` names."""

    def bend(index: int, row: Row) -> None:
        captured = int(row["engine.captured"] or 0)
        back = captured if index == ROWS - 1 else captured // packets * packets
        misses = captured * 2 // 3
        row |= {
            "pool.hits": captured - misses,
            "pool.misses": misses,
            "pool.returns": back,
            "pool.in_flight": captured - back,
            "pool.high_water": 300,
            "pool.overflow_allocations": misses,
            "pool.overflow_bytes": misses * 3840,
            "pool.overflow_freed_bytes": misses * 3840,
            "gc.collections": sum(collects(i) for i in range(index + 1)),
        }

    return bend


def test_leases_that_come_back_when_gc_runs_were_held_by_garbage(tmp_path: Path) -> None:
    # given returns only in the samples in which a collection ran, each sixth
    found = finding(run(tmp_path, bursts(lambda i: i % 6 == 5)), "hit_rate")
    assert found.cause == "held_by_garbage"
    assert "gc.collect() every" in (found.remedy or "")
    assert "--pool 375" in (found.remedy or "")


@pytest.mark.parametrize(
    "story",
    [
        bursts(lambda i: i % 6 == 2),  # beside the collections
        bursts(lambda _: True),  # collections in every sample
        bursts(lambda i: i == 5),  # a collection at one burst of many
        bursts(lambda i: i == 47, packets=2400),  # one burst, and a collection beside it
    ],
)
def test_bursts_that_gc_does_not_explain_are_not_blamed_on_it(tmp_path: Path, story: Bend) -> None:
    assert finding(run(tmp_path, story), "hit_rate").cause == "too_small"


def missing(misses: int, high_water: int) -> dict[str, int]:
    """The counters of 3,000 acquires of which ``misses`` found no slot."""
    return {
        "pool.hits": 3000 - misses, "pool.misses": misses, "pool.high_water": high_water,
        "pool.overflow_allocations": misses, "pool.overflow_bytes": misses * 3840,
        "pool.overflow_freed_bytes": misses * 3840,
    }  # fmt: skip


def test_misses_while_slots_must_be_free_are_a_warning(tmp_path: Path) -> None:
    # given 9 misses, too few for lost slots, though never more than 5 of 100 slots were out
    found = finding(make_record(tmp_path / "run", counters=missing(9, 5)), "hit_rate")
    assert (found.outcome, found.level, found.cause) == ("fail", "warn", "too_late")
    # but one that a returning thread explains is none: all slots but one were out
    near = finding(make_record(tmp_path / "near", counters=missing(1, 99)), "hit_rate")
    assert near.outcome == "pass"


def test_a_moment_in_which_the_pool_ran_out_is_not_too_small_a_pool(tmp_path: Path) -> None:
    # given 1 miss in 3,000 and hardly a slot in use on average
    found = finding(make_record(tmp_path / "run", counters=missing(1, 101)), "hit_rate")
    assert (found.outcome, found.cause) == ("pass", "burst")
    assert "too small" not in found.sentence
