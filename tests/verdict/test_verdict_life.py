"""The end of a subject, by its name; and the exceptions that no end shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.records import make_command_record, make_record
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.reader import Record
from zcbench.record.schema import End, Ending, Event, Finding
from zcbench.verdict import judge


def life(record: Record) -> Finding:
    return next(f for f in judge(record).findings if f.check == "life")


def unraisable(elapsed_s: float = 1.5) -> Event:
    message = "RuntimeError: the finaliser failed in Handle"
    return Event(elapsed_s=elapsed_s, kind="unraisable", message=message, data={"traceback": ""})


@pytest.mark.parametrize("ending", [e for e in Ending if e is not Ending.FINISHED])
def test_every_other_end_is_the_cause(tmp_path: Path, ending: Ending) -> None:
    end = End(ending=ending, elapsed_s=15.3, last_sequence=1499, received=1500)
    found = life(make_record(tmp_path / "run", packets=1500, ending=end))
    assert found.outcome != "pass"
    assert found.cause == ending.value


def test_a_planned_end_passes_and_says_what_would_have_been_seen(tmp_path: Path) -> None:
    found = life(make_record(tmp_path / "run"))
    assert (found.outcome, found.cause) == ("pass", None)
    assert found.detection_limit


def test_an_exception_in_a_finaliser_fails_a_run_that_ended_as_planned(tmp_path: Path) -> None:
    # given an exception that Python printed and forgot
    found = life(make_record(tmp_path / "run", events=[unraisable()]))
    # then it is told, with its message and where its traceback is
    assert (found.outcome, found.cause) == ("fail", "failed")
    assert "RuntimeError: the finaliser failed in Handle" in found.sentence
    assert "worker.jsonl" in (found.remedy or "")


def test_how_many_is_said(tmp_path: Path) -> None:
    events = [unraisable(at / 10) for at in range(1, 8)]
    assert "7 exceptions" in life(make_record(tmp_path / "run", events=events)).sentence


def test_an_interruption_does_not_hide_it(tmp_path: Path) -> None:
    end = End(ending=Ending.INTERRUPTED, elapsed_s=15.3, signal="SIGINT", received=1500)
    record = make_record(tmp_path / "run", packets=1500, ending=end, events=[unraisable()])
    assert life(record).outcome == "fail"


def test_what_a_program_of_python_s_left_uncaught_warns_with_how_many_and_since_when(tmp_path: Path) -> None:
    counter = VOCABULARY["python.unraisable"]

    def program(name: str, counted: Callable[[int], int], **story: object) -> Finding:
        return life(
            make_command_record(
                tmp_path / name,
                counts=lambda index: {counter.name: counted(index)},
                brought=[counter],
                duration_s=300,
                rows=300,
                **story,
            )
        )

    assert program("none", lambda index: 0).outcome == "pass"
    rising = program("rising", lambda index: index // 30)
    assert (rising.outcome, rising.cause, rising.level) == ("fail", "unraisable", "warn")
    assert "9 exceptions in finalisers and callbacks left uncaught, the first 31 s into" in rising.sentence
    assert "an hour" in rising.sentence
    assert "subject.log" in str(rising.remedy)
    once = program("once", lambda index: int(index > 100))
    assert "an exception in finalisers" in once.sentence
    assert "an hour" not in once.sentence
    # and how it ended comes first
    crashed = program("crashed", lambda index: index, ending=End(ending=Ending.CRASHED, elapsed_s=300))
    assert (crashed.cause, crashed.level) == ("crashed", "fail")


def test_a_crash_is_not_renamed_by_it(tmp_path: Path) -> None:
    end = End(ending=Ending.CRASHED, elapsed_s=15.3, signal="SIGSEGV", received=1500)
    record = make_record(tmp_path / "run", packets=1500, ending=end, events=[unraisable()])
    assert life(record).cause == "crashed"


def test_who_hangs_after_the_last_packet_is_not_said_to_have_owed_one(tmp_path: Path) -> None:
    # given a subject that received all 3,000 packets due, and whose stop() never came back
    end = End(ending=Ending.HUNG, message="no packet was received for 10s while packets were due")
    record = make_record(tmp_path / "run", packets=3000, ending=end)
    found = life(record)
    assert found.cause == "hung"
    assert "packets were due" not in found.sentence
    assert "after the last packet" in found.sentence
