"""What a sample holds, when it is taken, and what watching costs."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from zcbench.analysis.laws import MOVING_PACKETS
from zcbench.quantities.quantity import Kind, Origin
from zcbench.quantities.registry import STANDARD
from zcbench.record.reader import Record
from zcbench.record.schema import End, Ending, Event, RunInfo
from zcbench.scenario import Scenario
from zcbench.soak import suspension

Scenarios = Callable[..., Scenario]
Runs = Callable[..., Record]


class Witness:
    """An observer that remembers what it was told."""

    def __init__(self) -> None:
        self.runs: list[RunInfo] = []
        self.rows: list[Mapping[str, int | float | None]] = []
        self.events: list[Event] = []
        self.ends: list[End] = []

    def on_start(self, run: RunInfo) -> None:
        self.runs.append(run)

    def on_sample(self, row: Mapping[str, int | float | None]) -> None:
        self.rows.append(row)

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    def on_end(self, end: End) -> None:
        self.ends.append(end)


class Broken(Witness):
    """An observer that raises at everything."""

    def on_start(self, run: RunInfo) -> None:
        raise RuntimeError("no terminal")

    def on_sample(self, row: Mapping[str, int | float | None]) -> None:
        raise RuntimeError("no terminal")

    def on_event(self, event: Event) -> None:
        raise RuntimeError("no terminal")

    def on_end(self, end: End) -> None:
        raise RuntimeError("no terminal")


@pytest.fixture
def finished(scenario: Scenarios, record_of: Runs) -> Record:
    """A second of a stream whose application holds packets for a tenth."""
    held = scenario(duration_s=1.0, consumer={"kind": "hold", "hold": 0.1}, tracemalloc=True)
    return record_of(held)


def test_the_last_row_has_all_that_was_due_and_nothing_in_flight(finished: Record) -> None:
    final = {name: column[-1] for name, column in finished.samples.items()}
    assert final["due"] == final["engine.captured"] == final["consumer.received"] == 100
    assert final["consumer.checked"] == final["consumer.rechecked"] == 100
    assert final["pool.in_flight"] == final["engine.queued"] == 0
    assert final["phase"] == 3


def test_the_conservation_laws_hold_in_every_settled_row_but_for_packets_on_the_move(finished: Record) -> None:
    s = finished.samples
    still = s["settled"] == 1
    assert still.any()
    law = {name: column[still] for name, column in s.items()}
    off = np.abs([
        law["engine.captured"] - law["pool.hits"] - law["pool.misses"],
        law["engine.captured"] - law["engine.delivered"] - law["engine.drops"] - law["engine.queued"],
        law["engine.captured"] - law["pool.refused"] - law["pool.returns"] - law["pool.in_flight"],
    ])  # fmt: skip
    # A thread that a busy machine stops within its step leaves counters that stand still, one step apart.
    assert off.max() <= MOVING_PACKETS
    # and at the end, when nobody moves any more, not even so
    assert still[-1]
    assert not off[:, -1].any()


def test_what_only_rises_never_falls_from_row_to_row(finished: Record) -> None:
    for metric in STANDARD.sampled:
        column = finished.samples[metric.name]
        seen = column[~np.isnan(column)]
        if metric.kind is Kind.TOTAL:
            assert (np.diff(seen) >= 0).all(), metric.name


def test_every_metric_has_been_measured_at_least_once(finished: Record) -> None:
    missing = [metric.name for metric in STANDARD.sampled if np.isnan(finished.samples[metric.name]).all()]
    # Python's allocator tells nothing behind tracemalloc, and there is no heap_info in every libc.
    assert set(missing) - {"python_small_bytes"} <= {"native_heap_bytes"}


def test_deadlines_are_absolute_so_lateness_does_not_add_up(finished: Record) -> None:
    # given samples every 0.1 s; the last row is taken at the end, not at a deadline
    elapsed = finished.samples["elapsed_s"][:-1]
    deadline = elapsed - finished.samples["sample_late_s"][:-1]
    # then each belongs to a whole multiple of the interval since the start
    assert len(elapsed) >= 5
    np.testing.assert_allclose(deadline / 0.1, np.round(deadline / 0.1), atol=1e-3)


def test_an_unpaced_run_is_due_what_was_captured_and_is_never_traced(
    scenario: Scenarios, record_of: Runs
) -> None:
    record = record_of(scenario(duration_s=5, source={"unpaced": True}, tracemalloc=True))
    assert record.end.ending is Ending.FINISHED
    assert record.run.tracemalloc is False
    assert np.isnan(record.samples["python_heap_bytes"]).all()
    np.testing.assert_array_equal(record.samples["due"], record.samples["engine.captured"])
    assert record.samples["due"][-1] == 500


def test_ten_times_the_speed_makes_ten_times_as_much_due(scenario: Scenarios, record_of: Runs) -> None:
    record = record_of(scenario(duration_s=5, source={"speed": 10.0}))
    assert record.end.ending is Ending.FINISHED
    assert record.samples["due"][-1] == record.end.received == 500
    # and between samples in the stream, a thousand are due a second
    streaming = (record.samples["due"] > 0) & (record.samples["due"] < 500)
    due, elapsed = record.samples["due"][streaming], record.samples["elapsed_s"][streaming]
    np.testing.assert_allclose(np.diff(due), 1000 * np.diff(elapsed), atol=2)


def test_packets_that_wait_for_the_garbage_collector_show_in_the_gc_columns(
    scenario: Scenarios, record_of: Runs
) -> None:
    record = record_of(scenario(duration_s=5, source={"speed": 5.0}, consumer={"kind": "cycle"}))
    assert record.end.ending is Ending.FINISHED
    assert record.samples["gc.collections"][-1] > 0
    assert record.samples["gc.freed_objects"][-1] > 0
    assert record.samples["gc.pause_ns"][-1] > 0
    assert record.samples["pool.high_water"][-1] > 1


def test_an_observer_sees_the_start_every_row_and_the_end(scenario: Scenarios, record_of: Runs) -> None:
    witness = Witness()
    record = record_of(scenario(), witness)
    assert witness.runs == [record.run]
    assert witness.ends == [record.end]
    assert len(witness.rows) == record.rows
    assert set(witness.rows[-1]) <= set(STANDARD)
    received = [row["consumer.received"] for row in witness.rows]
    assert received == record.samples["consumer.received"].tolist()


def test_an_observer_that_fails_takes_neither_the_run_nor_the_others_with_it(
    scenario: Scenarios, record_of: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a broken view in front of a sound one
    witness = Witness()
    record = record_of(scenario(), Broken(), witness)
    # then the run ends as planned, the other misses nothing, and the failure is told
    assert record.end.ending is Ending.FINISHED
    assert witness.runs == [record.run]
    assert len(witness.rows) == record.rows
    assert witness.ends == [record.end]
    assert "no terminal" in capsys.readouterr().err


def test_a_jump_between_the_clocks_is_recorded_as_a_suspension(
    scenario: Scenarios, record_of: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a machine that sleeps for an hour between two looks at its clocks
    offsets = iter([0.0, 0.0])
    monkeypatch.setattr(suspension, "clock_offset_s", lambda: next(offsets, 3600.0))
    witness = Witness()
    record = record_of(scenario(), witness)
    # then exactly one event says so, and the run goes on
    suspended = [event for event in record.events if event.kind == "suspend"]
    assert [event.data["gap_s"] for event in suspended] == [3600.0]
    assert suspended == witness.events
    assert record.end.ending is Ending.FINISHED


class WeighsTheSupervisor(Witness):
    """Notes, at each sample, how much memory this process has allocated."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[int] = []

    def on_sample(self, row: Mapping[str, int | float | None]) -> None:
        gc.collect()
        self.weights.append(tracemalloc.get_traced_memory()[0])


def test_the_supervisor_s_memory_does_not_grow_with_the_run(scenario: Scenarios, record_of: Runs) -> None:
    scales = WeighsTheSupervisor()
    # What the suite has made so far is left out of each collection, which takes a second otherwise.
    gc.freeze()
    tracemalloc.start()
    try:
        record_of(scenario(duration_s=6, every_s=0.02), scales)
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    third = len(scales.weights) // 3
    assert third > 1  # a loaded machine takes fewer samples
    # One row kept per sample would be several KiB each; all of the later two thirds may cost less than
    # ten such rows.
    row_bytes = 64 * 60
    assert scales.weights[-2] - scales.weights[third] < 10 * row_bytes


def test_the_supervisor_measures_its_own_cost(finished: Record) -> None:
    own = [m.name for m in STANDARD.sampled if m.origin is Origin.SUPERVISOR]
    for column in own:
        assert not np.isnan(finished.samples[column]).any(), column
    assert finished.samples["supervisor_cpu_s"][-1] > 0
    assert finished.samples["supervisor_rss_bytes"][-1] > 0
