"""Ends in mid-step, and faults that other counters hide."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.records import Row, make_record, scenario
from tests.verdict.test_verdict_findings import finding, holding, without
from zcbench.quantities.parsing import Duration
from zcbench.record.schema import End, Ending
from zcbench.scenario import ConsumerTable, SourceTable
from zcbench.verdict import judge


def test_a_crash_in_mid_step_is_not_blamed_on_the_counters(tmp_path: Path) -> None:
    # given a subject killed between counting a packet and queueing it
    end = End(ending=Ending.CRASHED, elapsed_s=15.3, signal="SIGKILL", last_sequence=1499, received=1500)
    counters = {"engine.captured": 1501, "pool.hits": 1501, "pool.in_flight": 1}
    record = make_record(tmp_path / "run", packets=1500, ending=end, counters=counters)
    # then the one packet in the producer's hands breaks no law
    assert finding(judge(record), "conservation").outcome == "pass"


def test_returns_that_reach_no_free_list_fail(tmp_path: Path) -> None:
    # given an engine that counts returns, but puts no slot back: hits = slots, and misses go on
    counters = {
        "pool.hits": 100,
        "pool.misses": 2900,
        "pool.overflow_allocations": 2900,
        "pool.overflow_bytes": 2900 * 3840,
        "pool.overflow_freed_bytes": 2900 * 3840,
    }
    record = make_record(tmp_path / "run", scenario(slots=100), counters=counters)
    # then the hold times of a few microseconds explain nothing: the slots were lost
    assert finding(judge(record), "pool.recycling").outcome == "fail"


def test_a_crash_before_anything_was_due_back_does_not_blame_the_pool(tmp_path: Path) -> None:
    # given an application that keeps ten seconds of packets, and a crash after five
    end = End(ending=Ending.CRASHED, elapsed_s=5.3, signal="SIGSEGV", last_sequence=499, received=500)
    record = make_record(tmp_path / "run", holding(10.0, 10), packets=500, ending=end, hold_ns=0)
    # then no lease was due back yet
    assert finding(judge(record), "pool.recycling").outcome == "inconclusive"


@pytest.mark.parametrize("counter", ["consumer.corrupt_on_delivery", "consumer.corrupt_before_return"])
def test_an_unknown_number_of_corrupt_packets_is_not_none(tmp_path: Path, counter: str) -> None:
    assert finding(judge(without(tmp_path, counter)), "integrity").outcome == "inconclusive"


def test_a_miss_that_was_neither_served_nor_refused_fails(tmp_path: Path) -> None:
    # given a miss that led to no overflow block and to no refusal, under policy grow
    counters = {"pool.hits": 2999, "pool.misses": 1}
    result = judge(make_record(tmp_path / "run", counters=counters))
    assert finding(result, "conservation").outcome == "fail"


def test_a_partial_burst_run_is_not_failed_for_what_was_still_queued(tmp_path: Path) -> None:
    # given an application that reads every tenth of a second, and a record without an end
    plan = scenario(consumer=ConsumerTable(kind="burst", every=Duration(0.1)))

    def bend(_index: int, row: Row) -> None:
        row["engine.delivered"] = int(row["engine.delivered"] or 0) - 9
        row["engine.queued"] = 9

    # then what it had not read yet is not missing
    record = make_record(tmp_path / "run", plan, partial=True, packets=1500, bend=bend)
    assert finding(judge(record), "delivery").outcome != "fail"


def test_a_device_stream_shorter_than_was_asked_for_fails(tmp_path: Path) -> None:
    # given 30 seconds asked of a device, and a stream that was over after 29.19
    plan = msgspec.structs.replace(scenario(), source=SourceTable(kind="device"))
    record = make_record(tmp_path / "run", plan, packets=2919)
    # then the seconds that are not there are missing
    found = finding(judge(record), "delivery")
    assert found.outcome == "fail"
    assert found.evidence["missing"] == 81
