"""Each way a run can end is really made to happen, and the record names it and what is known about it."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest

from zcbench.record.reader import Record
from zcbench.record.schema import STDERR_FILE, Ending
from zcbench.scenario import Scenario
from zcbench.soak.oom import OomKills
from zcbench.verdict import judge
from zcbench.verdict.next_step import next_step

Scenarios = Callable[..., Scenario]
Runs = Callable[[Scenario], Record]

HANG_S = 2.0  # above a worker's start-up on a busy machine

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals end processes on POSIX only")


def test_a_run_without_fault_is_finished(scenario: Scenarios, record_of: Runs) -> None:
    # given half a second at 100 packets/s / when it runs
    record = record_of(scenario())
    # then it finished, with every packet that was due
    assert record.end.ending is Ending.FINISHED
    assert record.end.exit_code == 0
    assert record.end.received == record.run.due_packets == 50
    assert record.end.last_sequence == 49
    assert record.problems == ()


def test_an_exception_in_the_engine_is_a_failure_with_its_traceback(
    scenario: Scenarios, record_of: Runs
) -> None:
    record = record_of(scenario("hostile:Raises"))
    assert record.end.ending is Ending.FAILED
    assert "the device went away" in (record.end.message or "")
    assert "in act" in (record.end.traceback or "")
    assert record.end.last_sequence == 9
    # the next step says where it was raised, and the log it names has the traceback and nothing of ours
    step = next_step(record, judge(record))
    assert "RuntimeError: the device went away, raised in hostile.py, line" in step
    log = (record.path / STDERR_FILE).read_text()
    assert STDERR_FILE in step
    assert log.rstrip().endswith("RuntimeError: the device went away")
    assert "closed file" not in log


def test_an_exception_in_the_consumer_is_a_failure_with_its_traceback(
    scenario: Scenarios, record_of: Runs
) -> None:
    record = record_of(scenario("hostile:HandsOutUnreadable"))
    assert record.end.ending is Ending.FAILED
    assert "the samples are gone" in (record.end.message or "")
    assert "ledger.py" in (record.end.traceback or "")


def test_an_engine_that_cannot_be_made_is_a_failure_that_names_it(scenario: Scenarios, record_of: Runs) -> None:
    record = record_of(scenario("no-such-engine"))
    assert record.end.ending is Ending.FAILED
    assert "no-such-engine" in (record.end.message or "")
    assert record.end.received == 0
    assert record.end.last_sequence is None


@posix_only
def test_a_segfault_is_a_crash_with_the_python_stack_and_the_last_packet(
    scenario: Scenarios, record_of: Runs
) -> None:
    record = record_of(scenario("hostile:Segfaults"))
    assert record.end.ending is Ending.CRASHED
    assert record.end.signal == "SIGSEGV"
    assert record.end.last_sequence == 9
    assert record.end.received == 10
    assert "hostile.py" in (record.end.traceback or "")


@posix_only
def test_a_crash_at_interpreter_exit_is_a_crash_with_its_stack(scenario: Scenarios, record_of: Runs) -> None:
    # given an engine that crashes only after the run is over
    record = record_of(scenario("hostile:SegfaultsAtExit"))
    # then all packets came, and the crash is still seen, and where it was
    assert record.end.ending is Ending.CRASHED
    assert record.end.signal == "SIGSEGV"
    assert record.end.received == 50
    assert "Segmentation fault" in (record.end.traceback or "")


@posix_only
def test_a_worker_killed_by_somebody_else_crashed_by_sigkill(scenario: Scenarios, record_of: Runs) -> None:
    record = record_of(scenario("hostile:IsKilled"))
    assert record.end.ending is Ending.CRASHED
    assert record.end.signal == "SIGKILL"
    assert record.end.last_sequence == 9


@posix_only
def test_a_worker_killed_by_the_kernel_for_memory_ended_for_memory(
    scenario: Scenarios, record_of: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a kernel whose count of out-of-memory kills rises during the run (making a real one needs a
    # control group of our own, which few test machines grant)
    monkeypatch.setattr(OomKills, "risen", lambda _self: True)
    # when the worker dies by SIGKILL
    record = record_of(scenario("hostile:IsKilled"))
    # then it was memory
    assert record.end.ending is Ending.MEMORY
    assert record.end.signal == "SIGKILL"


def test_a_non_zero_exit_is_reported_with_its_code(scenario: Scenarios, record_of: Runs) -> None:
    record = record_of(scenario("hostile:ExitsWithThree"))
    assert record.end.ending is Ending.EXITED
    assert record.end.exit_code == 3
    assert record.end.last_sequence == 9


def test_exit_code_zero_before_the_stream_is_over_is_not_a_success(
    scenario: Scenarios, record_of: Runs
) -> None:
    record = record_of(scenario("hostile:ExitsWithZero"))
    assert record.end.ending is Ending.EXITED
    assert record.end.exit_code == 0


@pytest.mark.parametrize("engine", ["Hangs", "FallsSilent"])
def test_no_packet_while_packets_are_due_is_a_hang_with_the_stack(
    scenario: Scenarios, record_of: Runs, engine: str
) -> None:
    record = record_of(scenario(f"hostile:{engine}", duration_s=60, hang_s=HANG_S))
    assert record.end.ending is Ending.HUNG
    assert record.end.received == 10
    assert "hostile.py" in (record.end.traceback or "")


@posix_only
def test_a_hang_that_keeps_the_gil_is_a_hang_with_the_stack(scenario: Scenarios, record_of: Runs) -> None:
    record = record_of(scenario("hostile:HangsWithTheGil", duration_s=60, hang_s=HANG_S))
    assert record.end.ending is Ending.HUNG
    assert "in act" in (record.end.traceback or "")


@pytest.mark.parametrize("engine", ["HangsInStart", "HangsWhileDraining", "NeverEnds"])
def test_a_hang_before_or_after_the_stream_is_a_hang(scenario: Scenarios, record_of: Runs, engine: str) -> None:
    record = record_of(scenario(f"hostile:{engine}", hang_s=HANG_S))
    assert record.end.ending is Ending.HUNG
    assert record.end.traceback


def test_an_unpaced_stream_that_stops_coming_is_a_hang(scenario: Scenarios, record_of: Runs) -> None:
    record = record_of(scenario("hostile:FallsSilent", hang_s=HANG_S, source={"unpaced": True}))
    assert record.end.ending is Ending.HUNG


def test_a_stream_slower_than_the_hang_limit_is_no_hang(scenario: Scenarios, record_of: Runs) -> None:
    # given one packet every three seconds, and a hang limit of two
    slow = scenario(duration_s=3, hang_s=HANG_S, source={"rate": 48_000, "frames": 144_000})
    # when it runs / then nothing was due in between, so nothing hung
    record = record_of(slow)
    assert record.end.ending is Ending.FINISHED
    assert record.end.received == 1


def test_a_subject_above_the_memory_limit_is_killed_for_memory(scenario: Scenarios, record_of: Runs) -> None:
    limit = 256 * 2**20
    record = record_of(scenario("hostile:Grows", duration_s=60, rss=limit))
    assert record.end.ending is Ending.MEMORY
    assert "limits.rss" in (record.end.message or "")


def test_a_memory_error_in_the_worker_is_an_end_for_memory(scenario: Scenarios, record_of: Runs) -> None:
    record = record_of(scenario("hostile:RunsOutOfMemory"))
    assert record.end.ending is Ending.MEMORY
    assert "no slab for you" in (record.end.message or "")
    assert "in act" in (record.end.traceback or "")


@pytest.mark.skipif(os.name != "posix", reason="real-time signals are POSIX")
def test_a_signal_without_a_name_is_a_crash_with_its_number(scenario: Scenarios, record_of: Runs) -> None:
    record = record_of(scenario("hostile:DiesOfARealTimeSignal"))
    assert record.end.ending is Ending.CRASHED
    assert record.end.signal == "signal 40"


def test_an_exception_in_the_producer_is_a_failure_with_its_traceback(
    scenario: Scenarios, record_of: Runs
) -> None:
    record = record_of(scenario("hostile:ProducerRaises", duration_s=30))
    assert record.end.ending is Ending.FAILED
    assert "the source went away" in (record.end.message or "")
    assert "in _capture" in (record.end.traceback or "")
    assert record.end.last_sequence == 9


def test_a_crash_while_a_packet_is_compared_names_that_packet(scenario: Scenarios, record_of: Runs) -> None:
    # the packet whose memory is gone is number 10; comparing its bytes is what crashes
    record = record_of(scenario("hostile:HandsOutDanglingPackets"))
    assert record.end.ending is Ending.CRASHED
    assert record.end.last_sequence == 10


def test_a_probe_that_fails_leaves_gaps_and_no_stale_readings(scenario: Scenarios, record_of: Runs) -> None:
    record = record_of(scenario("hostile:StatisticsFail", duration_s=1))
    assert record.end.ending is Ending.FINISHED
    assert np.isnan(record.samples["pool.oldest_lease_ns"][-1])
    # then only what failed is missing
    assert np.isfinite(record.samples["allocated_blocks"][-1])
    said = [event for event in record.events if event.kind == "probe"]
    assert len(said) == 1
    assert "no statistics today" in said[0].message
