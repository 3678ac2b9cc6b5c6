"""Agents in the processes of a subject: their pages are summed, and a managed heap is what a settled collection
left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from zcbench.page import layout
from zcbench.page.writer import PageWriter
from zcbench.probes.agents import AgentPages
from zcbench.probes.runtimes import Setting
from zcbench.quantities.quantity import Kind

S = 10**9


@dataclass(frozen=True)
class Process:
    pid: int


class Agent:
    """What an agent of process ``pid`` does."""

    def __init__(self, folder: Path, pid: int) -> None:
        new = folder / f"{pid}.new"
        shutil.copyfile(folder / "template.page", new)
        self.page = PageWriter.at(new)
        with new.open("r+b") as file:
            file.seek(layout.AT_PID)
            file.write(pid.to_bytes(8, "little"))
        new.rename(folder / f"{pid}.page")
        self.heap = self.page.gauge("v8.heap_bytes", "bytes")
        self.handles = self.page.gauge("v8.handles", "handles")
        self.collections = self.page.total("runtime.collections", "collections")
        self.delay = self.page.histogram("event_loop.delay_ns")
        self._settled = self.page.total("settled", "collections")

    def settle(self, heap: int) -> None:
        self.heap.set(heap)
        self._settled.add()


class Subject:
    """A subject of some processes, at a time that the test says."""

    def __init__(self, pages: AgentPages) -> None:
        self.pages, self.now = pages, 100 * S
        self.processes = [Process(11), Process(12)]
        pages.begin(lambda: cast(Any, self.processes))

    def at(self, seconds: float) -> dict[str, Any]:
        self.now = round(seconds * S)
        return dict(self.pages.read())


def made(folder: Path, monkeypatch: pytest.MonkeyPatch, every_s: float | None) -> Subject:
    pages = AgentPages("v8", Setting(folder / "v8", every_s, 1.0, launched=True))
    assert pages.environment() == {"ZCBENCH_PROBE_V8": str(folder / "v8")}
    subject = Subject(pages)
    monkeypatch.setattr("zcbench.probes.agents.now_ns", lambda: subject.now)
    return subject


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subject]:
    one = made(tmp_path, monkeypatch, 10.0)
    yield one
    one.pages.close()


def test_without_an_agent_nothing_is_read(subject: Subject) -> None:
    assert (subject.at(100), subject.pages.quantities()) == ({}, ())


def test_an_agent_finds_a_page_to_copy_and_what_is_wanted_of_it(subject: Subject, tmp_path: Path) -> None:
    setting = json.loads((tmp_path / "v8" / "setting.json").read_text())
    assert setting == {"gc_every_s": 10.0, "sample_every_s": 1.0}


def test_a_managed_heap_is_a_reading_once_every_process_has_settled(subject: Subject, tmp_path: Path) -> None:
    one, two = Agent(tmp_path / "v8", 11), Agent(tmp_path / "v8", 12)
    one.heap.set(999)  # in between: garbage and all
    row = subject.at(101)
    assert "v8.heap_bytes" not in row
    assert row["gc.forced_collections"] == 0
    one.settle(70)
    assert "v8.heap_bytes" not in subject.at(110.2)  # the other one has not
    two.settle(30)
    row = subject.at(110.4)
    assert (row["v8.heap_bytes"], row["gc.forced_collections"]) == (100, 1)
    one.heap.set(5000)
    assert subject.at(115)["v8.heap_bytes"] == 100  # as it was right after
    one.settle(80)  # of the next multiple
    assert subject.at(120.1)["gc.forced_collections"] == 1
    two.settle(31)
    row = subject.at(121)
    assert (row["v8.heap_bytes"], row["gc.forced_collections"]) == (111, 2)


def test_a_process_that_came_after_a_collection_does_not_keep_the_others_waiting(
    subject: Subject, tmp_path: Path
) -> None:
    one = Agent(tmp_path / "v8", 11)
    subject.at(101)
    two = Agent(tmp_path / "v8", 12)
    one.settle(70)
    row = subject.at(110.5)
    assert (row["v8.heap_bytes"], row["gc.forced_collections"]) == (70, 1)
    one.settle(71)
    two.settle(20)
    row = subject.at(120.5)
    assert (row["v8.heap_bytes"], row["gc.forced_collections"]) == (91, 2)


def test_one_that_never_yields_makes_no_settled_collection(subject: Subject, tmp_path: Path) -> None:
    one, _two = Agent(tmp_path / "v8", 11), Agent(tmp_path / "v8", 12)
    subject.at(101)
    for second in (111, 121, 131):
        one.settle(70)
        row = subject.at(second)
    assert row["gc.forced_collections"] == 0
    assert "v8.heap_bytes" not in row


def test_totals_outlive_their_process_and_gauges_do_not(subject: Subject, tmp_path: Path) -> None:
    one, two = Agent(tmp_path / "v8", 11), Agent(tmp_path / "v8", 12)
    one.collections.add(5)
    two.collections.add(2)
    one.handles.set(9)
    two.handles.set(1)
    one.delay.record(50)
    row = subject.at(101)
    assert (row["runtime.collections"], row["v8.handles"], row["event_loop.delay_max_ns"]) == (7, 10, 50)
    one.collections.add(1)
    subject.processes = [Process(12)]
    row = subject.at(102)
    assert (row["runtime.collections"], row["v8.handles"], row["event_loop.delay_max_ns"]) == (8, 1, None)
    assert not (tmp_path / "v8" / "11.page").exists()
    # Its number again, for another process.
    again = Agent(tmp_path / "v8", 11)
    again.collections.add(1)
    subject.processes = [Process(12), Process(11)]
    row = subject.at(103)
    assert (row["runtime.collections"], subject.pages.pids) == (9, {11, 12})


def test_a_page_put_in_the_place_of_another_is_another_process(subject: Subject, tmp_path: Path) -> None:
    first = Agent(tmp_path / "v8", 11)
    first.collections.add(5)
    subject.at(101)
    second = Agent(tmp_path / "v8", 11)
    second.collections.add(1)
    assert subject.at(102)["runtime.collections"] == 6


def test_with_natural_collections_a_heap_is_read_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = made(tmp_path, monkeypatch, None)
    one = Agent(tmp_path / "v8", 11)
    one.heap.set(123)
    row = subject.at(101)
    subject.pages.close()
    assert row["v8.heap_bytes"] == 123
    assert "gc.forced_collections" not in row


def test_names_have_the_units_and_kinds_of_the_vocabulary(subject: Subject, tmp_path: Path) -> None:
    one = Agent(tmp_path / "v8", 11)
    one.page.gauge("v8.turns", "turns").set(1)
    subject.at(101)
    known = {quantity.name: quantity for quantity in subject.pages.quantities()}
    assert known["runtime.collections"].kind is Kind.TOTAL
    assert known["v8.heap_bytes"].label == "V8 heap"
    assert known["v8.turns"].unit.name == "turns"
    assert "settled" not in known


def test_a_damaged_page_is_told_of_once_and_the_others_are_read(subject: Subject, tmp_path: Path) -> None:
    Agent(tmp_path / "v8", 11).handles.set(4)
    (tmp_path / "v8" / "12.page").write_bytes(b"\0" * 100)
    assert subject.at(101)["v8.handles"] == 4
    subject.at(102)
    (notice,) = subject.pages.notices()
    assert notice.message.startswith("12.page cannot be read: ")
