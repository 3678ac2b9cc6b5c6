"""What a program opens and never closes is called by its kind and its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.records import Row, make_command_record
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.schema import Event, Finding
from zcbench.verdict import judge

NAMES = ("fds.dmabuf", "fds.file", "fds.socket", "zombies", "processes")


def resources(directory: Path, counts: Callable[[int], Row], **story: object) -> Finding:
    brought = [VOCABULARY[name] for name in NAMES]
    record = make_command_record(directory, counts=counts, duration_s=120.0, rows=120, brought=brought, **story)
    return next(f for f in judge(record).findings if f.check == "resources")


def listed(elapsed_s: float, **counts: dict[str, int]) -> Event:
    data = {"probe": "processes", "processes": [], **counts}
    return Event(elapsed_s=elapsed_s, kind="inventory", message="1 process", data=data)


def test_descriptors_that_climb_are_called_by_their_kind_and_what_they_point_to(tmp_path: Path) -> None:
    # given kinds that are read each tenth sample only
    def counts(index: int) -> Row:
        row: Row = {"fds": 5 + 2 * index}
        return row | ({"fds.dmabuf": 2 * index, "fds.file": 5} if index % 10 == 0 else {})

    events = [
        listed(1.0, fd_counts={"file *.log": 5}),
        listed(110.0, fd_counts={"file *.log": 5, "dmabuf": 218}),
    ]
    found = resources(tmp_path, counts, events=events)
    assert (found.outcome, found.cause) == ("fail", "fds")
    assert (
        "descriptors of kind dmabuf climb from 5 to 243 during the stream, 2/s: 218 × dmabuf" in found.sentence
    )
    assert "with-statements" not in str(found.remedy)


def test_threads_that_climb_are_called_by_their_name(tmp_path: Path) -> None:
    events = [listed(1.0, thread_counts={"main": 1}), listed(110.0, thread_counts={"main": 1, "pool-*": 12})]
    found = resources(tmp_path, lambda index: {"threads": 1 + index // 10}, events=events)
    assert (found.outcome, found.cause) == ("fail", "threads")
    assert "12 threads named pool-*" in found.sentence


def test_children_that_nobody_waits_for_are_zombies(tmp_path: Path) -> None:
    found = resources(tmp_path, lambda index: {"children": index // 2, "zombies": index // 2})
    assert (found.outcome, found.cause) == ("fail", "zombies")
    assert "59 of them ended, and nobody waited for them" in found.sentence
    assert "waitpid" in str(found.remedy)


def test_children_that_live_are_not_called_zombies(tmp_path: Path) -> None:
    found = resources(tmp_path, lambda index: {"children": index // 2, "zombies": index % 2})
    assert (found.outcome, found.cause) == ("fail", "children")
    assert "ended" not in found.sentence


def test_descriptors_of_several_kinds_have_no_one_kind(tmp_path: Path) -> None:
    found = resources(
        tmp_path, lambda index: {"fds": 5 + 2 * index, "fds.file": index, "fds.socket": 5 + index}
    )
    assert found.outcome == "fail"
    assert "of kind" not in found.sentence


def test_what_goes_up_and_down_is_no_leak_whatever_its_kind(tmp_path: Path) -> None:
    found = resources(
        tmp_path, lambda index: {"fds": 5 + index % 7, "fds.file": 5 + index % 7, "zombies": index % 2}
    )
    assert found.outcome == "pass", found.sentence


@pytest.mark.parametrize(
    ("read_at", "says"),
    [
        ((20, 60, 100), "(3 of descriptors; 6 or more)"),
        (
            (1, 2, 3, 4, 60, 100),
            "(6 of descriptors; one or more in each of 6 equal parts after the first tenth)",
        ),
    ],
)
def test_too_few_readings_are_said_by_what_they_are_judged_by(
    tmp_path: Path, read_at: tuple[int, ...], says: str
) -> None:
    found = resources(
        tmp_path,
        lambda index: {
            "fds": 5 if index in read_at else None,
            "threads": None,
            "children": None,
        },
    )
    assert found.outcome == "inconclusive"
    assert says in found.sentence


def test_a_reading_between_two_children_hides_no_leak_of_their_parent(tmp_path: Path) -> None:
    # given a parent that leaks two descriptors a second, of which each child has its copy, and a moment without
    def counts(index: int) -> Row:
        alone = index % 30 == 29
        return {"fds": (5 + 2 * index) * (1 if alone else 2), "processes": 1 if alone else 2}

    found = resources(tmp_path / "leaking", counts)
    assert (found.outcome, found.cause) == ("fail", "fds")
    assert "climb from 10 to 482 during the stream, 4/s" in found.sentence

    # and its twin, whose children come and go
    def sound(index: int) -> Row:
        children = index % 4
        return {"fds": (5 + index % 3) * (1 + children), "processes": 1 + children}

    assert resources(tmp_path / "sound", sound).outcome == "pass"
