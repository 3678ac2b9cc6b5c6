"""What the worker measures of itself: collections on a timetable, what is left open, what nobody saw."""

from __future__ import annotations

import gc
import shutil
import sys
import threading
import time
import tracemalloc
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import psutil
import pytest

from zcbench.capture.engine import read_stats
from zcbench.page.scoreboard import Scoreboard
from zcbench.record.reader import Record
from zcbench.scenario import Expectation, Scenario
from zcbench.subjects.assembly import gc_every_s
from zcbench.subjects.inside.allocations import AllocationSites
from zcbench.subjects.inside.gauges import Gauges
from zcbench.subjects.inside.leftovers import children, resources
from zcbench.subjects.inside.probes import GcWatch
from zcbench.subjects.inside.unraisable import UnraisableWatch

Noted = list[tuple[str, str, dict[str, Any]]]
Scenarios = Callable[..., Scenario]
Runs = Callable[..., Record]


def noting(noted: Noted) -> Callable[[str, str, dict[str, Any]], None]:
    return lambda kind, message, data: noted.append((kind, message, data))


# -- collections


def test_collections_are_made_on_a_timetable_and_each_is_followed_by_a_reading(
    scenario: Scenarios, record_of: Runs
) -> None:
    # given a run of 3 s, a collection each half second
    record = record_of(scenario(duration_s=3, every_s=0.1, gc={"every": "500ms"}))
    forced = record.samples["gc.forced_collections"]
    assert record.run.gc_every_s == 0.5
    assert 3 <= forced[-1] <= 9  # one before the stream, one at its end; a busy machine skips some
    # then they are part of all collections, and their pauses part of all pauses
    assert forced[-1] <= record.samples["gc.full_collections"][-1]
    assert record.samples["gc.forced_pause_ns"][-1] <= record.samples["gc.pause_ns"][-1]


@pytest.mark.parametrize(
    ("duration_s", "consumer", "every", "expected"),
    [
        (30, "immediate", "auto", 2.0),
        (300, "immediate", "auto", 12.5),
        (3600, "immediate", "auto", 60.0),
        (300, "immediate", "7s", 7.0),
        (300, "immediate", "natural", None),
        (300, "cycle", "auto", None),
    ],
)
def test_how_often_follows_from_the_run(
    scenario: Scenarios, duration_s: float, consumer: str, every: str, expected: float | None
) -> None:
    plan = scenario(duration_s=duration_s, consumer={"kind": consumer}, gc={"every": every})
    assert gc_every_s(plan) == expected


def test_only_the_harness_s_own_collections_are_counted_as_forced() -> None:
    board = Scoreboard.create()
    noted: Noted = []
    watch = GcWatch(board, noting(noted))
    try:
        gc.collect()
        watch.collect()
    finally:
        watch.stop()
    pauses = board["gc.pause_ns"] or 0, board["gc.forced_pause_ns"] or 0
    assert board["gc.full_collections"] == 2
    assert 0 < pauses[1] < pauses[0]
    # then only the other one is worth an event
    assert [kind for kind, _, _ in noted] == ["gc"]


# -- the price of a reading


class Quiet:
    """An engine whose statistics cost nothing."""

    def stats(self) -> Any:
        return read_stats(Scoreboard.create(), 0)


def test_a_gauge_that_gets_dear_is_read_less_often_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given a heap so fragmented that reading it takes 30 ms of CPU
    def dear() -> Any:
        until = time.thread_time_ns() + 30_000_000
        while time.thread_time_ns() < until:
            pass
        return SimpleNamespace(heap_used=1000, mmap_used=24)

    monkeypatch.setattr(psutil, "heap_info", dear, raising=False)
    board = Scoreboard.create()
    noted: Noted = []
    gauges = Gauges(board, Quiet(), noting(noted))  # type: ignore[arg-type]
    gauges.read()
    assert board["native_heap_bytes"] == 1024
    # when it is read again at once, then the old value is not passed off as a new one
    gauges.read()
    assert board["native_heap_bytes"] is None
    # and a cheap one is read on (a machine that stood still may have made it dear for a moment)
    until = time.monotonic() + 2
    while board["allocated_blocks"] is None and time.monotonic() < until:
        gauges.read()
        assert board["native_heap_bytes"] is None
    assert board["allocated_blocks"] is not None
    ((kind, message, _),) = noted
    assert kind == "probe"
    assert "native_heap_bytes" in message
    assert "a reading: read every 3" in message
    # but a reading that belongs to a collection is taken whatever it costs
    gauges.read(whatever_it_costs=True)
    assert board["native_heap_bytes"] == 1024


# -- what is left open


def test_what_is_open_is_counted_and_named(tmp_path: Path) -> None:
    before = resources()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="left-over")
    thread.start()
    with (tmp_path / "open.txt").open("w"):
        during = resources()
    stop.set()
    thread.join()
    assert during["threads"] == before["threads"] + 1
    assert "left-over" in during["thread_names"]
    if sys.platform == "linux":
        assert during["fds"] == before["fds"] + 1
        assert any(name.endswith(" open.txt") for name in during["fd_names"])
        assert not any("/" in name for name in during["fd_names"])


def test_children_are_counted() -> None:
    import os
    import subprocess

    before = children(os.getpid())  # other tests' may be there
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE):
        assert children(os.getpid()) == before + 1


def test_a_run_counts_what_is_open_before_and_after_its_stream(scenario: Scenarios, record_of: Runs) -> None:
    record = record_of(scenario(duration_s=1))
    before, after = (event.data for event in record.events if event.kind == "resources")
    assert {k: before[k] for k in ("fds", "threads", "children")} == {
        k: after[k] for k in ("fds", "threads", "children")
    }


# -- allocations


def test_the_line_that_grew_most_comes_first() -> None:
    noted: Noted = []
    tracemalloc.start()
    try:
        sites = AllocationSites()
        sites.mark()
        kept = [bytearray(10_000) for _ in range(10)]
        small = bytearray(1000)
        sites.tell_growth(noting(noted))
    finally:
        tracemalloc.stop()
    ((kind, _, data),) = noted
    assert kind == "allocations"
    first = data["sites"][0]
    assert "test_probes.py:" in first["site"]
    assert first["grown_bytes"] >= 100_000
    assert first["grown_blocks"] >= len(kept)
    assert small


@pytest.mark.parametrize("source", ["replay", "stopped early"])
def test_a_container_that_the_end_of_the_stream_clears_is_named(
    scenario: Scenarios, record_of: Runs, directory: Path, source: str
) -> None:
    # given a leak into a list that the drain clears, in a run that ends by itself, or is asked to; on a busy
    # machine a longer one, until there is time for a first look
    for duration_s in (2, 8, 30):
        abort = (Expectation(that=f"due < {75 * duration_s}", abort=True),) if source == "stopped early" else ()
        plan = scenario(duration_s=duration_s, tracemalloc=True)
        shutil.rmtree(directory)
        directory.mkdir()
        record = record_of(msgspec.structs.replace(plan, fault="leak-until-stopped", expect=abort))
        if any(e.kind == "allocations" for e in record.events):
            break
    # then the second look is taken before it
    (event,) = [e for e in record.events if e.kind == "allocations"]
    grown = {Path(str(s["site"]).rpartition(":")[0]).parts[-2:]: s for s in event.data["sites"]}
    assert grown["faults", "memory.py"]["grown_blocks"] > 50
    draining = next(e for e in record.events if e.kind == "phase" and e.message == "draining")
    assert event.elapsed_s <= draining.elapsed_s


def test_without_a_mark_nothing_is_said() -> None:
    noted: Noted = []
    AllocationSites().tell_growth(noting(noted))
    assert noted == []


# -- exceptions nobody catches


@pytest.fixture
def unraisable() -> Any:
    noted: Noted = []
    before = sys.unraisablehook, threading.excepthook
    UnraisableWatch(noting(noted))
    # What Python would print is not this test's.
    sys.__unraisablehook__, quiet = (lambda _: None), sys.__unraisablehook__
    yield noted
    sys.__unraisablehook__ = quiet
    sys.unraisablehook, threading.excepthook = before


def test_an_exception_in_a_finaliser_is_noted_and_its_object_dies(unraisable: Noted) -> None:
    class Fragile:
        def __del__(self) -> None:
            raise RuntimeError("not today")

    fragile = Fragile()
    alive = weakref.ref(fragile)
    del fragile
    ((kind, message, data),) = unraisable
    assert (kind, "RuntimeError: not today" in message) == ("unraisable", True)
    assert "__del__" in data["traceback"]
    assert alive() is None


def test_one_that_fails_for_every_packet_does_not_fill_the_disk(unraisable: Noted) -> None:
    class Fragile:
        def __del__(self) -> None:
            raise RuntimeError("again")

    for _ in range(100):
        Fragile()
    assert len(unraisable) == 20


def test_every_slot_of_a_sound_pool_goes_round(scenario: Scenarios, record_of: Runs) -> None:
    # given a run with a pool that is large enough
    record = record_of(scenario(duration_s=2, every_s=0.2))
    # then the slots in circulation are all of them, as seen in the packets' addresses
    seen = record.samples["consumer.reuse_distance"]
    assert np.nanmax(seen) == record.run.scenario.pool.slots
    assert record.samples["consumer.aliased"][-1] == 0
