"""The one next thing to do: it follows from what was found, and can be typed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec

from tests.records import make_command_record, make_record, scenario
from zcbench.quantities.parsing import Duration
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.reader import Record
from zcbench.record.schema import FAULT_FILE, End, Ending, Finding, RunInfo
from zcbench.scenario import ConsumerTable
from zcbench.verdict import judge
from zcbench.verdict.next_step import again, next_step


def typed(record: Record, *command: str) -> Record:
    return with_run(record, msgspec.structs.replace(record.run, command=list(command)))


def with_run(record: Record, run: RunInfo) -> Record:
    return dataclasses.replace(record, run=run)


def lasting(record: Record, seconds: float) -> Record:
    plan = msgspec.structs.replace(record.run.scenario, duration=Duration(seconds))
    return with_run(record, msgspec.structs.replace(record.run, scenario=plan))


def test_a_short_pass_asks_for_a_longer_run_and_a_long_one_is_kept(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    result = judge(record)
    assert result.verdict == "pass"
    assert "stability-5min" in next_step(record, result)
    assert "stability-1h" in next_step(lasting(record, 300), result)
    assert "keep" in next_step(lasting(record, 3600), result)


def test_a_crash_points_at_the_stack(tmp_path: Path) -> None:
    # given a subject that died by a signal, with and without a stack of it
    end = End(ending=Ending.CRASHED, signal="SIGSEGV", last_sequence=110, received=111)
    record = make_record(tmp_path / "run", ending=end, packets=111, rows=2)
    assert "subject.log" in next_step(record, judge(record))
    (record.path / FAULT_FILE).write_text("Fatal Python error: Segmentation fault\n")
    assert FAULT_FILE in next_step(record, judge(record))


def test_of_a_process_that_was_only_watched_there_is_no_log_to_see(tmp_path: Path) -> None:
    end = End(ending=Ending.EXITED, message="the process ended while it was watched")
    record = make_command_record(tmp_path / "run", ending=end, subject=SubjectInfo(kind="attached"))
    assert "subject.log" not in next_step(record, judge(record))


def test_an_interrupted_run_is_to_be_made_again(tmp_path: Path) -> None:
    end = End(ending=Ending.INTERRUPTED, signal="SIGINT", elapsed_s=5.0)
    record = typed(make_record(tmp_path / "run", ending=end), "zcbench", "run", "nightly")
    assert "`zcbench run nightly`" in next_step(record, judge(record))


def test_a_leak_without_a_trace_asks_for_a_diagnosis(tmp_path: Path) -> None:
    # given a run that leaks, first without and then with its allocations traced
    plan = scenario()
    sampling = msgspec.structs.replace(plan.sampling, tracemalloc=False)
    untraced = msgspec.structs.replace(plan, sampling=sampling)
    record = make_record(tmp_path / "run")
    leak = Finding(check="memory", outcome="fail", sentence="it leaks", remedy="look at line 7")
    result = msgspec.structs.replace(judge(record), verdict="fail", findings=[leak])
    bare = with_run(
        typed(record, "zcbench", "run", "--quiet"),
        msgspec.structs.replace(
            record.run, scenario=untraced, tracemalloc=False, command=["zcbench", "run", "--quiet"]
        ),
    )
    assert next_step(bare, result) == "find where: `zcbench run --diagnose`"
    assert next_step(record, result) == "look at line 7"


def test_what_is_required_and_unknown_goes_before_a_longer_run(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    unknown = Finding(check="rate", outcome="inconclusive", sentence="?", remedy="sample more")
    result = msgspec.structs.replace(judge(record), verdict="inconclusive", findings=[unknown])
    assert next_step(record, result) == "sample more"


def test_the_command_to_repeat_leaves_out_where_the_first_one_wrote(tmp_path: Path) -> None:
    record = typed(
        make_record(tmp_path / "run"),
        "zcbench", "run", "nightly", "--out", "there", "--pool", "10", "--report-dir=x", "--quiet",
    )  # fmt: skip
    assert again(record) == "`zcbench run nightly --pool 10`"
    assert again(record, "--diagnose") == "`zcbench run nightly --pool 10 --diagnose`"
    assert again(record, "--pool", "128") == "`zcbench run nightly --pool 128`"


def test_a_sound_run_whose_pool_was_too_small_asks_for_the_slots_it_needed(tmp_path: Path) -> None:
    # given 10 slots and an application that keeps the last second of packets, 100 of them
    plan = scenario(consumer=ConsumerTable(kind="hold", hold=Duration(1.0)))
    record = typed(make_record(tmp_path / "run", plan), "zcbench", "run", "--pool", "10")
    result = judge(record)
    assert result.verdict == "pass"
    # then what is asked for is the high water and a quarter
    assert next_step(record, result).endswith("`zcbench run --pool 127`")


def test_an_argument_of_the_next_command_is_not_given_to_the_program(tmp_path: Path) -> None:
    record = make_command_record(tmp_path / "run", duration_s=30)
    assert again(record, "--duration", "5m") == "`zcbench run --duration 5m -- sleep 60`"
