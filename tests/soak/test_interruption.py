"""Ctrl-C, SIGTERM, and the supervisor's own death."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from zcbench.record.reader import Record, read_record
from zcbench.record.schema import Ending
from zcbench.scenario import Scenario
from zcbench.verdict import judge

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups and signals of POSIX")

Scenarios = Callable[..., Scenario]
Supervisors = Callable[..., Any]


def last(record: Record, column: str) -> float:
    return float(record.samples[column][-1])


@pytest.mark.parametrize("name", [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)])
def test_the_first_signal_drains_and_reports(scenario: Scenarios, supervisor: Supervisors, name: str) -> None:
    # given a run of an hour whose application holds packets
    long = scenario(duration_s=3600, consumer={"kind": "hold", "hold": 0.1})
    supervised = supervisor(long)
    supervised.wait_for_packets()
    # when the signal comes to the whole process group, as a terminal sends it
    os.killpg(supervised.process.pid, getattr(signal, name))
    record = supervised.record()
    # then what was captured was delivered and given back, and the end is told
    assert record.end.ending is Ending.INTERRUPTED
    assert record.end.signal == name
    assert last(record, "consumer.received") == last(record, "engine.captured") > 0
    assert last(record, "pool.in_flight") == 0
    assert last(record, "phase") == 3
    assert record.problems == ()


def test_what_was_due_stands_still_once_the_run_is_told_to_stop(
    scenario: Scenarios, supervisor: Supervisors
) -> None:
    # given an application so slow that draining takes several samples
    slow = scenario(duration_s=3600, consumer={"kind": "slow", "work": 0.03})
    supervised = supervisor(slow)
    supervised.wait_for(lambda record: (record.samples["consumer.received"] > 30).any())
    # when the run is interrupted, and drains
    supervised.process.send_signal(signal.SIGINT)
    record = supervised.record()
    # then no packet is called missing that the stopped stream was never to deliver (give or take the
    # packets between the signal and the stop)
    assert record.end.ending is Ending.INTERRUPTED
    late = record.samples["elapsed_s"] > record.samples["elapsed_s"][-1] - 0.3
    assert len(set(record.samples["due"][late])) == 1


def test_the_second_ctrl_c_stops_at_once(scenario: Scenarios, supervisor: Supervisors) -> None:
    # given an application so slow that draining would take a minute
    slow = scenario(duration_s=3600, consumer={"kind": "slow", "work": 1.0})
    supervised = supervisor(slow)
    supervised.wait_for_packets()
    # when Ctrl-C comes, and once more while it drains
    supervised.process.send_signal(signal.SIGINT)
    supervised.wait_for(lambda record: any(event.kind == "interrupt" for event in record.events))
    supervised.process.send_signal(signal.SIGINT)
    record = supervised.record()
    # then packets are left undelivered, and the record says how it ended
    assert record.end.ending is Ending.INTERRUPTED
    assert record.end.signal == "SIGINT"
    assert last(record, "consumer.received") < last(record, "engine.captured")


def test_a_supervisor_killed_with_9_leaves_a_partial_record_and_no_worker(
    scenario: Scenarios, supervisor: Supervisors
) -> None:
    # given a run under way
    supervised = supervisor(scenario(duration_s=3600))
    supervised.wait_for_packets()
    workers = psutil.Process(supervised.process.pid).children()
    assert workers
    # when the supervisor is killed
    supervised.process.kill()
    supervised.process.wait()
    # then the worker ends by itself
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []
    # and the record is readable, says that it is partial, and names the last packet
    record = read_record(supervised.directory)
    assert record.end.ending is Ending.PARTIAL
    assert record.board is not None
    assert record.end.received == record.board["consumer.received"]
    assert record.end.last_sequence == record.board["consumer.last_sequence"]
    assert any("no end" in problem for problem in record.problems)
    # and what the worker delivered after the last sample is not held against it
    assert record.end.received > last(record, "consumer.received")
    assert [f.sentence for f in judge(record).findings if f.outcome == "fail"] == []


def test_a_page_that_is_written_to_while_it_is_read_accuses_nobody(
    scenario: Scenarios, supervisor: Supervisors
) -> None:
    # given a worker that takes packets as fast as it can
    fast = scenario(duration_s=36_000, engine="native", source={"kind": "tone", "unpaced": True})
    supervised = supervisor(fast)
    supervised.wait_for_packets()
    # when its record is read meanwhile
    for _ in range(20):
        record = read_record(supervised.directory)
        assert [f.sentence for f in judge(record).findings if f.outcome == "fail"] == []


def test_the_signal_handlers_of_the_caller_are_put_back(
    scenario: Scenarios, record_of: Callable[[Scenario], Record]
) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    record_of(scenario("hostile:Raises"))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_run_outside_the_main_thread_leaves_signals_alone(
    scenario: Scenarios, record_of: Callable[[Scenario], Record]
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        record = pool.submit(record_of, scenario()).result()
    assert record.end.ending is Ending.FINISHED
