"""What a run with a known fault is told: the outcome, the cause, and the exit code."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.records import Row, make_record, scenario
from zcbench.quantities.parsing import Duration
from zcbench.record.reader import Record
from zcbench.record.schema import End, Ending, Finding, Result
from zcbench.scenario import ConsumerTable, Expectation
from zcbench.verdict import judge

CHECKS = (
    "life",
    "delivery",
    "gaps",
    "integrity",
    "claims",
    "conservation",
    "pool.recycling",
    "pool.hit_rate",
    "resources",
    "disk",
    "timing",
    "cost",
)
# Of a replay by our engine in Python, which states no laws.
NOT_ASKED = ("xruns", "laws", "load", "sanitizers", "published", "event_loop", "pool.hand_over")
TOO_SHORT = ("rate", "memory")  # for half a minute


def finding(result: Result, check: str) -> Finding:
    return next(found for found in result.findings if found.check == check)


def holding(seconds: float, slots: int, **more: object) -> object:
    return scenario(slots=slots, consumer=ConsumerTable(kind="hold", hold=Duration(seconds)), **more)


# -- a sound run


def test_a_sound_run_passes_every_check(tmp_path: Path) -> None:
    # given 30 s at 100 packets/s without a fault
    result = judge(make_record(tmp_path / "run"))
    # then every check passes that half a minute is long enough for, and the command succeeds
    outcomes = {f.check: f.outcome for f in result.findings}
    assert outcomes == (
        dict.fromkeys(CHECKS, "pass")
        | dict.fromkeys(NOT_ASKED, "skipped")
        | dict.fromkeys(TOO_SHORT, "inconclusive")
    )
    assert not any(f.required for f in result.findings if f.check in TOO_SHORT)
    assert (result.verdict, result.exit_code) == ("pass", 0)


def test_judging_is_a_pure_function_of_the_record(tmp_path: Path) -> None:
    # given a record judged twice
    record = make_record(tmp_path / "run")
    # then the answers are the same, and can be written as JSON
    assert judge(record) == judge(record)
    assert msgspec.json.decode(msgspec.json.encode(judge(record)), type=Result) == judge(record)


# -- the pool


def test_a_return_that_does_nothing_is_named_as_the_cause(tmp_path: Path) -> None:
    # given an engine whose return is a no-op: "everything works", and every packet after 100 is a miss
    counters = {
        "pool.hits": 100,
        "pool.misses": 2900,
        "pool.overflow_allocations": 2900,
        "pool.overflow_bytes": 2900 * 3840,
        "pool.returns": 0,
        "pool.in_flight": 3000,
        "pool.high_water": 3000,
    }
    record = make_record(
        tmp_path / "run", scenario(slots=100), counters=counters, hold_ns=0, bend=_never_returned
    )
    result = judge(record)
    # then the finding gives the cause in numbers, and what to look for
    found = finding(result, "pool.recycling")
    assert found.outcome == "fail"
    assert "the pool never got a slot back: 100 hits = 100 slots" in found.sentence
    assert "0 returns" in found.sentence
    assert found.remedy
    assert (result.verdict, result.exit_code) == ("fail", 1)


def _never_returned(_index: int, row: Row) -> None:
    captured = int(row["engine.captured"] or 0)
    hits = min(captured, 100)
    row |= {
        "pool.hits": hits,
        "pool.misses": captured - hits,
        "pool.returns": 0,
        "pool.in_flight": captured,
    }


def test_leases_left_over_after_the_drain_fail(tmp_path: Path) -> None:
    # given a run that ended as planned with seven leases still out
    counters = {"pool.returns": 2993, "pool.in_flight": 7}
    found = finding(judge(make_record(tmp_path / "run", counters=counters)), "pool.recycling")
    # then they are called what they are
    assert found.outcome == "fail"
    assert "7 leases never came back" in found.sentence


def test_a_pool_too_small_for_what_is_held_is_explained_and_not_failed(tmp_path: Path) -> None:
    # given an application that holds a second of packets, and 10 slots
    result = judge(make_record(tmp_path / "run", holding(1.0, 10)))
    found = finding(result, "pool.hit_rate")
    # then the reason is Little's law, and the remedy a number of slots that would do
    assert found.outcome == "pass"
    assert "101 in flight at the high-water mark, 10 slots" in found.sentence
    assert "Little's law: 100.0/s × " in found.sentence
    assert found.evidence["slots_needed"] >= 101
    assert f"{found.evidence['slots_needed']}" in (found.remedy or "")
    # and a pool of that size indeed gets every acquire served
    enough = judge(make_record(tmp_path / "enough", holding(1.0, found.evidence["slots_needed"])))
    assert finding(enough, "pool.hit_rate").evidence["hit_rate"] == 1.0


@pytest.mark.parametrize(("least", "outcome"), [("99%", "fail"), ("5%", "pass")])
def test_the_hit_rate_fails_only_against_what_was_expected(tmp_path: Path, least: str, outcome: str) -> None:
    # given a scenario that says what hit rate it expects
    plan = holding(1.0, 10, expect=(Expectation(that=f"pool.hit_rate >= {least}"),))
    result = judge(make_record(tmp_path / "run", plan))
    # then that decides, and the check of the hit rate explains
    assert finding(result, f"expect: pool.hit_rate >= {least}").outcome == outcome
    assert finding(result, "pool.hit_rate").outcome == "pass"


# -- delivery, gaps


def test_63_packets_missing_in_an_hour_fail(tmp_path: Path) -> None:
    # given an hour of which 63 packets of 360,000 never came, without a hole in the sequence numbers
    plan = scenario(duration_s=3600, slots=100)
    result = judge(make_record(tmp_path / "run", plan, packets=360_000 - 63, rows=60))
    # then nothing rounds them away
    found = finding(result, "delivery")
    assert found.outcome == "fail"
    assert "63 are missing" in found.sentence
    assert "359,937 of 360,000" in found.sentence
    assert result.exit_code == 1


def test_packets_nobody_was_owed_fail_too(tmp_path: Path) -> None:
    # given more packets than the source has
    found = finding(judge(make_record(tmp_path / "run", packets=3001)), "delivery")
    # then they were made up
    assert found.outcome == "fail"
    assert "more than were due" in found.sentence


def test_dropped_packets_are_said_to_be_dropped(tmp_path: Path) -> None:
    # given an engine that admits to have dropped what is missing
    counters = {
        "engine.delivered": 2990,
        "consumer.received": 2990,
        "engine.drops": 10,
        "consumer.gaps": 1,
        "consumer.missing": 10,
        "consumer.checked": 2990,
        "consumer.rechecked": 2990,
    }
    result = judge(make_record(tmp_path / "run", counters=counters))
    # then the finding says so, and the laws hold: dropped is not lost
    assert "dropped 10" in finding(result, "delivery").sentence
    assert finding(result, "conservation").outcome == "pass"
    assert finding(result, "gaps").outcome == "fail"


@pytest.mark.parametrize(
    "counter", ["consumer.gaps", "consumer.missing", "consumer.duplicates", "consumer.reordered"]
)
def test_one_fault_in_the_sequence_numbers_fails(tmp_path: Path, counter: str) -> None:
    result = judge(make_record(tmp_path / "run", counters={counter: 1}))
    assert finding(result, "gaps").outcome == "fail"
    assert f"1 {counter.partition('.')[2]}" in finding(result, "gaps").sentence


# -- integrity


@pytest.mark.parametrize(
    "counter",
    [
        "consumer.corrupt_on_delivery",
        "consumer.corrupt_before_return",
        "pool.guard_violations",
        "pool.poison_violations",
    ],
)
def test_one_wrong_packet_fails(tmp_path: Path, counter: str) -> None:
    result = judge(make_record(tmp_path / "run", counters={counter: 1}))
    assert finding(result, "integrity").outcome == "fail"


@pytest.mark.parametrize("counter", ["consumer.checked", "consumer.rechecked"])
def test_one_packet_that_was_not_compared_is_no_pass(tmp_path: Path, counter: str) -> None:
    result = judge(make_record(tmp_path / "run", counters={counter: 2999}))
    assert finding(result, "integrity").outcome == "inconclusive"
    assert (result.verdict, result.exit_code) == ("inconclusive", 4)


def test_a_scenario_that_compares_nothing_is_not_told_its_bytes_were_right(tmp_path: Path) -> None:
    # given consumer.verify = false
    plan = scenario(consumer=ConsumerTable(verify=False))
    counters = {"consumer.checked": 0, "consumer.rechecked": 0}
    result = judge(make_record(tmp_path / "run", plan, counters=counters))
    # then the check is skipped, and does not stand in the way of a pass
    assert finding(result, "integrity").outcome == "skipped"
    assert result.verdict == "pass"


@pytest.mark.parametrize(("checked", "outcome"), [(3000, "pass"), (2999, "skipped"), (300, "skipped")])
def test_a_program_that_compares_of_its_own_accord_passes_if_it_compared_all(
    tmp_path: Path, checked: int, outcome: str
) -> None:
    plan = scenario(consumer=ConsumerTable(verify=False))
    counters = {"consumer.checked": checked, "consumer.rechecked": checked}
    found = finding(judge(make_record(tmp_path / "run", plan, counters=counters)), "integrity")
    assert found.outcome == outcome
    assert f"{checked:,} " in found.sentence


# -- conservation


def test_a_packet_that_is_nowhere_breaks_conservation(tmp_path: Path) -> None:
    # given one packet captured that was neither delivered, dropped nor queued
    result = judge(make_record(tmp_path / "run", counters={"engine.delivered": 2999}))
    found = finding(result, "conservation")
    # then the law is named, with both its sides
    assert found.outcome == "fail"
    assert "acquires = delivered + drops + queued" in found.sentence
    assert "3,000 against 2,999" in found.sentence


def test_overflow_memory_that_outlives_its_leases_fails(tmp_path: Path) -> None:
    # given one overflow block that was allocated and never freed, with nothing in flight
    counters = {"pool.overflow_bytes": 3840, "pool.overflow_freed_bytes": 0}
    result = judge(make_record(tmp_path / "run", counters=counters))
    found = finding(result, "conservation")
    assert found.outcome == "fail"
    assert "3,840 overflow bytes were never freed" in found.sentence


# -- ends


def test_a_crash_names_the_exact_last_packet(tmp_path: Path) -> None:
    # given a worker that died with the 111th packet in its hands
    end = End(
        ending=Ending.CRASHED,
        elapsed_s=1.4,
        exit_code=-11,
        signal="SIGSEGV",
        message="the worker died of SIGSEGV",
        last_sequence=110,
        received=111,
    )
    result = judge(make_record(tmp_path / "run", packets=111, rows=2, ending=end))
    # then the finding says which one, and the exit code that it crashed
    found = finding(result, "life")
    assert found.outcome == "fail"
    assert "SIGSEGV" in found.sentence
    assert "number 110 (111 in all)" in found.sentence
    assert (result.verdict, result.exit_code) == ("fail", 5)


@pytest.mark.parametrize(
    ("ending", "signal", "outcome", "exit_code"),
    [
        (Ending.FAILED, None, "fail", 5),
        (Ending.CRASHED, "SIGABRT", "fail", 5),
        (Ending.EXITED, None, "fail", 5),
        (Ending.HUNG, None, "fail", 5),
        (Ending.MEMORY, None, "fail", 5),
        (Ending.INTERRUPTED, "SIGINT", "inconclusive", 130),
        (Ending.INTERRUPTED, "SIGTERM", "inconclusive", 143),
        (Ending.HARNESS, None, "inconclusive", 3),
    ],
)
def test_every_end_has_its_exit_code(
    tmp_path: Path, ending: Ending, signal: str | None, outcome: str, exit_code: int
) -> None:
    # given a run that did not end as planned
    end = End(ending=ending, elapsed_s=15.3, signal=signal, last_sequence=1499, received=1500)
    result = judge(make_record(tmp_path / "run", packets=1500, ending=end))
    # then what happened decides the exit code
    assert finding(result, "life").outcome == outcome
    assert result.verdict == outcome
    assert result.exit_code == exit_code


def test_a_partial_record_is_never_a_pass(tmp_path: Path) -> None:
    # given a record whose supervisor was killed, with nothing wrong in what was written
    result = judge(make_record(tmp_path / "run", packets=1500, partial=True))
    # then it is inconclusive, and says that the end is missing
    assert finding(result, "life").outcome == "inconclusive"
    assert "not recorded" in finding(result, "life").sentence
    assert (result.verdict, result.exit_code) == ("inconclusive", 4)


# -- missing readings


@pytest.mark.parametrize(
    ("check", "counter"),
    [
        ("delivery", "engine.delivered"),
        ("gaps", "consumer.gaps"),
        ("conservation", "pool.misses"),
        ("conservation", "engine.queued"),
        ("pool.recycling", "pool.returns"),
        ("pool.hit_rate", "pool.hits"),
        ("integrity", "consumer.received"),
    ],
)
def test_a_missing_reading_is_never_a_pass(tmp_path: Path, check: str, counter: str) -> None:
    # given a record without a page, of which one counter was never sampled
    result = judge(without(tmp_path, counter))
    # then the check that needs it cannot tell, and neither can the run pass
    assert finding(result, check).outcome == "inconclusive"
    assert result.verdict == "inconclusive"


def without(tmp_path: Path, counter: str) -> Record:
    def bend(_index: int, row: Row) -> None:
        row[counter] = None

    return make_record(tmp_path / "run", bend=bend, board=False)


def test_a_run_that_captured_nothing_does_not_pass(tmp_path: Path) -> None:
    # given a stream that never began
    result = judge(make_record(tmp_path / "run", packets=0))
    # then no check about packets passes for want of packets
    assert result.verdict != "pass"
    for check in ("delivery", "gaps", "integrity", "pool.recycling", "pool.hit_rate"):
        assert finding(result, check).outcome != "pass", check
