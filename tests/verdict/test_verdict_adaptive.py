"""A sound adaptive pool is not accused; what goes wrong in one is called what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.records import Row, make_record, scenario
from tests.textbook_pool import PACKET_BYTES
from zcbench.analysis.growth import growths
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.scenario import PoolTable, Scenario
from zcbench.verdict import judge

ROWS = 60
MOST = 1000
Bend = Callable[[int, Row], None]


def plan(slots: int = 10) -> Scenario:
    """30 s at 100 packets/s."""
    table = PoolTable(slots=slots, policy="adaptive", min=slots, max=MOST)
    return msgspec.structs.replace(scenario(slots=slots), pool=table)


def run(tmp_path: Path, *bends: Bend, slots: int = 10) -> Record:
    def bend(index: int, row: Row) -> None:
        for one in bends:
            one(index, row)

    last: Row = {}
    bend(ROWS - 1, last)
    counters = {name: int(value) for name, value in last.items() if value is not None}
    return make_record(
        tmp_path / "run",
        plan(slots),
        rows=ROWS,
        bend=bend,
        counters=counters,
        hold_ns=1_000_000_000,
    )


def pool_of(of: Callable[[int], int], lost: Callable[[int], int] = lambda _: 0) -> Bend:
    """``of`` slots at each row, of which ``lost`` do not go round."""

    def bend(index: int, row: Row) -> None:
        sizes = [of(i) for i in range(index + 1)]
        row["pool.slots"] = sizes[-1]
        steps = [b - a for a, b in zip([10, *sizes], sizes, strict=False)]
        row["pool.grown"] = sum(max(0, s) for s in steps)
        row["pool.shrunk"] = -sum(min(0, s) for s in steps)
        row["pool.slab_bytes"] = sizes[-1] * PACKET_BYTES
        row["pool.high_water"] = sizes[-1] // 2
        row["consumer.reuse_distance"] = max(0, sizes[-1] - lost(index)) if index > 1 else 0

    return bend


def missing(of: Callable[[int], int], high: Callable[[int], int]) -> Bend:
    """``of`` misses by each row, each a drop, with ``high`` the high water."""

    def bend(index: int, row: Row) -> None:
        missed = of(index)
        row["pool.misses"] = row["pool.refused"] = row["engine.drops"] = missed
        row["pool.overflow_allocations"] = row["pool.overflow_bytes"] = 0
        row["pool.overflow_freed_bytes"] = 0
        row["pool.hits"] = 50 * (index + 1) - missed
        row["pool.high_water"] = high(index)

    return bend


def finding(record: Record, check: str) -> Finding:
    return next(f for f in judge(record).findings if f.check == check)


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("grows at the start", lambda i: min(200, 10 + 20 * i)),
        ("grows all the time", lambda i: 10 + 5 * i),
        ("grows, and gives back step by step", lambda i: max(40, 340 - 5 * i)),
        ("comes and goes", lambda i: 80 if i // 10 % 2 else 120),
    ],
)
def test_slots_that_come_and_go_are_not_lost(tmp_path: Path, name: str, of: Callable[[int], int]) -> None:
    record = run(tmp_path, pool_of(of))
    found = finding(record, "pool.recycling")
    assert found.outcome == "pass", (name, found.sentence)
    assert finding(record, "conservation").outcome == "pass"


@pytest.mark.parametrize(
    "of",
    [lambda _: 100, lambda i: min(200, 40 + 20 * i), lambda i: max(100, 200 - 30 * (i // 10))],
)
def test_slots_lost_by_an_adaptive_pool_are_seen(tmp_path: Path, of: Callable[[int], int]) -> None:
    found = finding(run(tmp_path, pool_of(of, lost=lambda i: i)), "pool.recycling")
    assert (found.outcome, found.cause) == ("fail", "slots_lost")


def test_a_pool_that_grows_for_a_return_that_does_nothing_never_recycled(tmp_path: Path) -> None:
    # given a pool that gave every packet a slot of its own: 3,000, and none came back
    def never(index: int, row: Row) -> None:
        row["pool.returns"] = 0
        row["pool.in_flight"] = row["pool.slots"] = int(row.get("engine.captured") or 3000)
        row["pool.grown"] = int(row["pool.slots"] or 0) - 10

    found = finding(run(tmp_path, never), "pool.recycling")
    assert (found.outcome, found.cause) == ("fail", "never_recycled")
    assert "3,000 hits = 3,000 slots" in found.sentence


def test_the_hit_rate_says_how_far_it_grew(tmp_path: Path) -> None:
    found = finding(run(tmp_path, pool_of(lambda i: min(270, 10 + 26 * i))), "pool.hit_rate")
    assert found.outcome == "pass"
    assert "it grew from 10 to 270 slots" in found.sentence


def test_misses_before_it_had_grown_are_called_that(tmp_path: Path) -> None:
    # given 40 misses, 1.3 % of the packets, while the pool was small
    record = run(
        tmp_path,
        pool_of(lambda i: 10 if i < 3 else 270),
        missing(lambda i: min(40, 20 * i), high=lambda i: 10 if i < 3 else 101),
    )
    # when it is judged
    found = finding(record, "pool.hit_rate")
    # then no slot is said to be lost, and the start is to blame
    assert found.cause == "grew_too_late"
    assert "from 10 to 270 slots" in found.sentence
    assert "begin with more" in (found.remedy or "")
    assert finding(record, "pool.recycling").cause != "slots_lost"


def test_misses_at_the_maximum_ask_for_a_higher_one(tmp_path: Path) -> None:
    record = run(
        tmp_path,
        pool_of(lambda i: min(MOST, 10 + 200 * i)),
        missing(lambda i: max(0, 20 * (i - 30)), high=lambda i: min(MOST, 10 + 50 * i)),
    )
    found = finding(record, "pool.hit_rate")
    assert found.cause == "too_small"
    assert "580 acquires found all 1,000 slots of pool.max in flight" in found.sentence
    assert "--pool-max" in (found.remedy or "")


def test_memory_that_was_not_to_be_had_is_the_reason(tmp_path: Path) -> None:
    def refused(_index: int, row: Row) -> None:
        row["pool.growth_failures"] = 7

    record = run(tmp_path, pool_of(lambda _: 10), missing(lambda i: 5 * i, lambda _: 10), refused)
    found = finding(record, "pool.hit_rate")
    assert found.cause == "could_not_grow"
    assert "7 times" in found.sentence


def test_the_memory_of_a_pool_that_grows_is_no_leak(tmp_path: Path) -> None:
    # given a pool that grows by half a megabyte each half second, and the process by as much
    def grows(index: int, row: Row) -> None:
        row["pool.slab_bytes"] = row["slab_live_bytes"] = index * 2**19
        for name in ("rss_bytes", "native_heap_bytes"):
            row[name] = int(row.get(name) or 0) + index * 2**19

    def slopes(record: Record) -> dict[str, float]:
        return {g.counter.name: g.slope or 0.0 for g in growths(record)}

    grown = slopes(run(tmp_path / "grown", grows))
    assert abs(grown["RSS"]) < 2**16
    assert abs(grown["native heap"]) < 2**10

    # and the same without the pool's knowing is one
    def leaks(index: int, row: Row) -> None:
        grows(index, row)
        row["pool.slab_bytes"] = row["slab_live_bytes"] = 0

    leaked = slopes(run(tmp_path / "leaked", leaks))
    assert leaked["RSS"] > 2**19
    assert leaked["native heap"] > 2**19
