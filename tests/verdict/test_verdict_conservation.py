"""What is said when the numbers do not add up: by which law, and what that means."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records import Row, make_record, scenario
from tests.textbook_pool import PACKET_BYTES
from zcbench.quantities.parsing import Duration
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.scenario import ConsumerTable
from zcbench.verdict import judge


def conservation(record: Record) -> Finding:
    return next(f for f in judge(record).findings if f.check == "conservation")


def test_a_sound_run_passes_with_its_power(tmp_path: Path) -> None:
    found = conservation(make_record(tmp_path / "run"))
    assert (found.outcome, found.cause) == ("pass", None)
    assert "one packet" in (found.detection_limit or "")


def test_a_pool_that_rightly_overflows_passes(tmp_path: Path) -> None:
    # given 101 packets in flight over 10 slots, each overflow block freed on its return
    plan = scenario(slots=10, consumer=ConsumerTable(kind="hold", hold=Duration(1.0)))
    assert conservation(make_record(tmp_path / "run", plan)).outcome == "pass"


def test_counters_that_contradict_each_other_are_called_that(tmp_path: Path) -> None:
    found = conservation(make_record(tmp_path / "run", counters={"pool.hits": 3060}))
    assert (found.outcome, found.cause) == ("fail", "counters_disagree")
    assert "3,000 against 3,060" in found.sentence


def test_packets_delivered_and_never_received_break_a_law(tmp_path: Path) -> None:
    counters = {"consumer.received": 2990, "consumer.checked": 2990, "consumer.rechecked": 2990}
    found = conservation(make_record(tmp_path / "run", counters=counters))
    assert found.outcome == "fail"
    assert "delivered = received" in found.sentence


def test_more_returns_than_acquires_are_leases_returned_twice(tmp_path: Path) -> None:
    found = conservation(make_record(tmp_path / "run", counters={"pool.returns": 3012}))
    assert (found.outcome, found.cause) == ("fail", "returned_twice")
    assert "12 more leases were returned" in found.sentence


@pytest.mark.parametrize("freed_at_last", [False, True])
def test_overflow_that_outlives_its_leases_is_seen_also_if_the_drain_frees_it(
    tmp_path: Path, freed_at_last: bool
) -> None:
    # given overflow blocks that are live with no lease left, some until the end and some until the drain
    def bend(index: int, row: Row) -> None:
        misses = 5 * (index + 1)
        row |= {
            "pool.hits": int(row["engine.captured"] or 0) - misses,
            "pool.misses": misses,
            "pool.overflow_allocations": misses,
            "pool.overflow_bytes": misses * PACKET_BYTES,
            "pool.overflow_freed_bytes": misses * PACKET_BYTES * (freed_at_last and index == 29),
        }

    found = conservation(make_record(tmp_path / "run", bend=bend))
    # then the blocks are told: all 150, or the 145 before the drain without the 2 on the move
    blocks = 143 if freed_at_last else 150
    assert (found.outcome, found.cause) == ("fail", "overflow_never_freed")
    assert f"{blocks * PACKET_BYTES:,} overflow bytes" in found.sentence


def test_as_much_overflow_as_leases_explain_is_no_fault(tmp_path: Path) -> None:
    # given a partial record that stops with ten leases in flight, all of them overflow blocks
    def bend(_index: int, row: Row) -> None:
        captured = int(row["engine.captured"] or 0)
        row |= {
            "pool.hits": captured - 10,
            "pool.misses": 10,
            "pool.returns": captured - 10,
            "pool.in_flight": 10,
            "pool.overflow_allocations": 10,
            "pool.overflow_bytes": 10 * PACKET_BYTES,
            "pool.overflow_freed_bytes": 0,
        }

    record = make_record(tmp_path / "run", packets=1500, partial=True, bend=bend)
    assert conservation(record).outcome == "pass"
