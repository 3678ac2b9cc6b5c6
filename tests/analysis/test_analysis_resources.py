"""Whole numbers that only rise: a staircase, and what is left of it after the drain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.records import Row, make_record, scenario
from zcbench.analysis.resources import Resource, resources, staircase
from zcbench.record.reader import Record
from zcbench.record.schema import Event

FLAT = [7] * 12


@pytest.mark.parametrize(
    ("marks", "climbs"),
    [
        (FLAT, False),
        ([7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10, 10], True),  # three steps, the last in the last third
        ([7, 8, 9, 10, 10, 10, 10, 10, 10, 10, 10, 10], False),  # a pool that filled, then rests
        ([7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 9], False),  # two steps are no staircase yet
        ([7, 7, 8, 8, 9, 9, 8, 8, 9, 10, 11, 12], False),  # what falls is given back
        ([12, 11, 10, 9, 8, 7, 7, 7, 7, 7, 7, 7], False),
        ([], False),
    ],
)
def test_three_new_highs_one_of_them_late_and_no_fall(marks: list[int], climbs: bool) -> None:
    assert staircase(np.asarray(marks, dtype=np.float64)) is climbs


def test_steps_smaller_than_what_counts_are_none() -> None:
    # given marks that rise by one, where two is the least that counts
    marks = np.arange(12, dtype=np.float64)
    # then every second one is a step
    assert staircase(marks, least=2.0)
    assert not staircase(marks, least=4.0)


def one(record: Record, kind: str) -> Resource:
    return next(resource for resource in resources(record) if resource.kind == kind)


def counted(elapsed_s: float, **data: object) -> Event:
    return Event(elapsed_s=elapsed_s, kind="resources", message="", data=dict(data))


def test_the_marks_are_the_lowest_counts_without_the_first_tenth(tmp_path: Path) -> None:
    # given descriptors that jump up and down between samples, and a burst of them at the start
    def bend(index: int, row: Row) -> None:
        row["fds"] = 90 if index < 6 else 12 + 5 * (index % 2)

    marks = one(make_record(tmp_path / "run", bend=bend, rows=60), "fds").marks
    # then what is always there remains
    assert marks == (12,) * 12


def test_fewer_than_six_blocks_of_readings_have_no_marks(tmp_path: Path) -> None:
    # given a run of 5 s, sampled each second
    record = make_record(tmp_path / "run", scenario(duration_s=5.0), rows=5)
    assert one(record, "fds").marks == ()
    assert not one(record, "fds").climbs


def test_what_there_is_more_of_is_named_without_its_number(tmp_path: Path) -> None:
    # given two more pipes and a socket after the drain than before the stream
    events = [
        counted(0.1, fds=3, fd_names=["0 pipe", "1 pipe", "2 log"]),
        counted(30.2, fds=6, fd_names=["0 pipe", "1 pipe", "2 log", "7 pipe", "8 pipe", "9 socket"]),
    ]
    fds = one(make_record(tmp_path / "run", events=events), "fds")
    assert (fds.before, fds.after, fds.left) == (3, 6, 3)
    assert fds.grown == (("pipe", 2), ("socket", 1))


def test_numbered_threads_count_as_one_kind(tmp_path: Path) -> None:
    events = [
        counted(0.1, threads=1, thread_names=["MainThread"]),
        counted(30.2, threads=3, thread_names=["MainThread", "Thread-1 (run)", "Thread-2 (run)"]),
    ]
    assert one(make_record(tmp_path / "run", events=events), "threads").grown == (("Thread", 2),)


@pytest.mark.parametrize(("after", "left"), [(4, 0), (5, 0), (6, 2)])
def test_one_thread_that_python_no_longer_knows_may_still_be_leaving(
    tmp_path: Path, after: int, left: int
) -> None:
    # given more threads than before for the kernel, and no more for Python
    events = [
        counted(0.1, threads=4, thread_names=["MainThread"]),
        counted(30.2, threads=after, thread_names=["MainThread"]),
    ]
    assert one(make_record(tmp_path / "run", events=events), "threads").left == left


def test_without_the_counts_nothing_is_known_to_be_left(tmp_path: Path) -> None:
    # given a record whose worker died before the drain
    record = make_record(tmp_path / "run", events=[counted(0.1, fds=3, fd_names=[])])
    assert one(record, "fds").left is None
