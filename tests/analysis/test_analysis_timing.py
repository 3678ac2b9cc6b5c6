"""Stalls, their pattern, and creep, in latencies as a run would have left them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.records import Row, make_record, scenario
from zcbench.analysis.timing import Stalls, collector, creep, stalls
from zcbench.analysis.totals import totals
from zcbench.quantities.parsing import Duration
from zcbench.record.reader import Record
from zcbench.record.schema import Event
from zcbench.scenario import ConsumerTable

Latency = Callable[[int], float]


def recorded(
    tmp_path: Path,
    rows: int,
    *,
    longest_s: Latency = lambda _: 0.003,
    median_s: Latency = lambda _: 0.0002,
    consumer: ConsumerTable | None = None,
    late_s: Latency = lambda _: 0.0002,
    events: tuple[Event, ...] = (),
) -> Record:
    """A run with a sample each second whose latencies were so long at each."""

    def bend(index: int, row: Row) -> None:
        row |= {
            "delivery_p50_ns": round(median_s(index) * 1e9),
            "delivery_max_ns": round(longest_s(index) * 1e9),
            "hold_p50_ns": round(median_s(index) * 1e9),
            "sample_late_s": late_s(index),
        }

    plan = scenario(duration_s=rows, consumer=consumer)
    return make_record(tmp_path / "run", plan, rows=rows, bend=bend, events=events)


def seen(tmp_path: Path, rows: int, **story: object) -> Stalls:
    record = recorded(tmp_path, rows, **story)
    found = stalls(record, totals(record))
    assert found is not None
    return found


def test_a_stall_each_minute_has_its_period(tmp_path: Path) -> None:
    # given 200 ms every 60 s, and a hiccup of the machine between two of them
    found = seen(tmp_path, 600, longest_s=lambda i: 0.2 if i % 60 == 59 or i == 222 else 0.003)
    assert found.pattern == "periodic"
    assert found.period_s == pytest.approx(60, abs=1)


def test_stalls_faster_than_the_samples_tell_are_frequent(tmp_path: Path) -> None:
    # given 200 ms every 2 s, sampled each second
    found = seen(tmp_path, 30, longest_s=lambda i: 0.2 if i % 2 else 0.003)
    assert (found.pattern, len(found.at_s)) == ("frequent", 15)


@pytest.mark.parametrize("seed", range(10))
def test_hiccups_of_a_busy_machine_have_no_pattern(tmp_path: Path, seed: int) -> None:
    # given five minutes with a longest latency of some ms, and now and then one of up to 0.3 s
    rng = np.random.default_rng(seed)
    longest = rng.lognormal(np.log(0.006), 0.8, 300)
    longest[rng.integers(0, 300, 8)] = rng.uniform(0.02, 0.3, 8)
    found = seen(tmp_path, 300, longest_s=lambda i: float(longest[i]))
    assert found.pattern in ("none", "sporadic")


def test_regular_hiccups_of_unlike_heights_are_no_period(tmp_path: Path) -> None:
    # given four stalls at equal intervals, the longest ten times the shortest
    heights = {50: 0.11, 100: 1.1, 150: 0.12, 200: 0.9}
    found = seen(tmp_path, 300, longest_s=lambda i: heights.get(i, 0.003))
    assert found.pattern == "sporadic"


def test_a_run_that_is_slow_all_the_time_does_not_stall(tmp_path: Path) -> None:
    # given an overloaded run: half of the packets wait 50 ms, the longest 0.3 s in every sample
    found = seen(tmp_path, 60, longest_s=lambda _: 0.3, median_s=lambda _: 0.05)
    assert found.pattern == "none"


def test_on_a_crowded_machine_a_stall_has_to_stand_out(tmp_path: Path) -> None:
    # given a machine so crowded that a packet in every sample waits 60 to 120 ms
    def crowded(index: int) -> float:
        return 0.06 + 0.012 * (index % 6)

    assert seen(tmp_path / "a", 60, longest_s=crowded).pattern == "none"
    # then stalls of 200 ms are seen all the same, also if they are in every sample
    often = seen(tmp_path / "b", 60, longest_s=lambda i: 0.2 if i % 2 else crowded(i))
    always = seen(tmp_path / "c", 60, longest_s=lambda _: 0.2)
    assert (often.pattern, always.pattern) == ("frequent", "frequent")


def test_a_reader_in_bursts_is_late_by_its_own_rhythm(tmp_path: Path) -> None:
    # given an application that reads every 0.5 s
    burst = ConsumerTable(kind="burst", every=Duration(0.5))
    calm = seen(tmp_path / "a", 60, longest_s=lambda _: 0.51, median_s=lambda _: 0.25, consumer=burst)
    # then that is no stall, and half a second more than that is
    assert calm.pattern == "none"
    worse = seen(
        tmp_path / "b",
        60,
        longest_s=lambda i: 1.0 if i % 3 else 0.51,
        median_s=lambda _: 0.25,
        consumer=burst,
    )
    assert worse.pattern == "frequent"


def test_a_standstill_of_the_whole_machine_is_not_the_subjects(tmp_path: Path) -> None:
    # given seven seconds without a packet, once alone, once with the supervisor asleep as well
    def frozen(index: int) -> float:
        return 7.0 if index == 20 else 0.0002

    alone = seen(tmp_path / "a", 30, longest_s=frozen)
    together = seen(tmp_path / "b", 30, longest_s=frozen, late_s=frozen)
    assert (alone.pattern, alone.machine) == ("outage", 0)
    assert (together.pattern, together.machine) == ("sporadic", 1)


def test_a_stall_that_is_a_collection_is_told_from_one_that_only_comes_near(tmp_path: Path) -> None:
    # given a collection of 150 ms in one stalled sample, and one of 1 ms in another
    events = tuple(
        Event(elapsed_s=at, kind="gc", message="full", data={"pause_ns": pause})
        for at, pause in ((10.5, 150_000_000), (20.5, 1_000_000))
    )
    longest = {10: 0.16, 20: 0.16}
    found = seen(tmp_path, 30, longest_s=lambda i: longest.get(i, 0.003), events=events)
    assert found.by_gc == 1


def test_a_collection_that_the_harness_forced_is_no_stall_of_the_subject(tmp_path: Path) -> None:
    # given 110 ms every other second, as long as the collections that the harness makes, on a busy machine
    longest = [0.11 if i % 2 else 0.003 for i in range(60)]
    forced_ns = np.cumsum([105_000_000 if i % 2 else 0 for i in range(60)])

    def forced(index: int, row: Row) -> None:
        row |= {
            "delivery_max_ns": round(longest[index] * 1e9),
            "delivery_p50_ns": 200_000,
            "gc.forced_pause_ns": int(forced_ns[index]),
        }

    plan = scenario(duration_s=60)
    record = make_record(tmp_path / "run", plan, rows=60, bend=forced)
    found = stalls(record, totals(record))
    # then none of them is the subject's
    assert found is not None
    assert (found.pattern, found.harness) == ("none", 30)
    # and stalls much longer than those collections are
    longest = [0.3 if i % 2 else 0.003 for i in range(60)]
    record = make_record(tmp_path / "longer", plan, rows=60, bend=forced)
    worse = stalls(record, totals(record))
    assert worse is not None
    assert (worse.pattern, worse.harness) == ("frequent", 0)


def test_no_reading_is_no_answer(tmp_path: Path) -> None:
    missing = {"delivery_p50_ns": None, "delivery_max_ns": None}
    record = make_record(tmp_path / "run", bend=lambda _, row: row.update(missing))
    assert stalls(record, totals(record)) is None
    assert creep(record, "delivery_p50_ns") is None


@pytest.mark.parametrize("rows", [30, 300])
def test_a_median_that_grows_creeps(tmp_path: Path, rows: int) -> None:
    # given a median that grows from 0.2 to 6 ms
    record = recorded(tmp_path, rows, median_s=lambda i: 0.0002 + 0.0058 * i / rows)
    found = creep(record, "delivery_p50_ns")
    assert found is not None
    assert found.rose
    assert found.last_s > 2 * found.first_s


@pytest.mark.parametrize(
    "median_s",
    [
        pytest.param(lambda i: 0.0002 + 0.0008 * i / 300, id="trebled, but by half a ms"),
        pytest.param(lambda i: 0.050 + 0.010 * i / 300, id="by 10 ms, but not doubled"),
        pytest.param(lambda i: 0.0002 + 0.005 * (i >= 270), id="at the end alone"),
        pytest.param(lambda i: 0.0002 + 0.005 * (i % 100 > 70), id="up and down"),
        pytest.param(lambda i: 0.0002 if i < 120 else 0.03 - 0.0001 * i, id="up at once, then falling"),
        pytest.param(lambda i: 0.02 if i < 20 else 0.0002, id="while warming up"),
        pytest.param(lambda i: 0.0002 + 0.02 * (i % 3 > 0) * i / 300, id="hiccups that grow"),
    ],
)
def test_what_is_not_a_rise_of_the_level_does_not_creep(tmp_path: Path, median_s: Latency) -> None:
    found = creep(recorded(tmp_path, 300, median_s=median_s), "delivery_p50_ns")
    assert found is not None
    assert not found.rose


def test_what_the_harness_collected_is_not_the_subjects_doing(tmp_path: Path) -> None:
    # given 12 s in collections, 11 of them made by the harness
    counters = {
        "gc.pause_ns": 12_000_000_000,
        "gc.forced_pause_ns": 11_000_000_000,
        "gc.collections": 30,
        "gc.forced_collections": 20,
    }
    found = collector(totals(make_record(tmp_path / "run", counters=counters)), 30.0)
    assert found is not None
    assert (found.pause_s, found.collections) == (1.0, 10)
    assert found.share == pytest.approx(1 / 30)
