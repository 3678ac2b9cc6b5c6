"""Due against delivered: what is owed depends on the source and on how the run ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.records import Row, make_record, scenario
from zcbench.analysis.delivery import delivery, windows
from zcbench.analysis.lifecycle import lifecycle
from zcbench.analysis.totals import totals
from zcbench.record.reader import Record
from zcbench.record.schema import End, Ending


def test_a_finished_replay_owes_every_packet_of_its_source(tmp_path: Path) -> None:
    # given a replay that ended one packet early
    record = make_record(tmp_path / "run", packets=2999)
    seen = delivery(record, totals(record))
    # then one is missing, and nothing excuses it
    assert (seen.due, seen.missing, seen.tolerance) == (3000, 1, 0)


def test_a_crashed_run_owes_only_what_was_due_while_it_lived(tmp_path: Path) -> None:
    # given a subject that died half way
    end = End(ending=Ending.CRASHED, elapsed_s=15.3, signal="SIGSEGV", last_sequence=1499, received=1500)
    record = make_record(tmp_path / "run", packets=1500, ending=end)
    seen = delivery(record, totals(record))
    # then the other half is not missing
    assert seen.missing is not None
    assert abs(seen.missing) <= seen.tolerance


def test_the_rate_is_over_the_streams_own_time(tmp_path: Path) -> None:
    # given 30 s of stream in a run that took longer because of its start-up
    record = make_record(tmp_path / "run")
    # then start-up does not lower the rate
    assert delivery(record, totals(record)).rate_per_s == pytest.approx(100)


def test_nothing_is_owed_where_nothing_was_measured(tmp_path: Path) -> None:
    # given a partial record without page and readings
    def bend(_index: int, row: Row) -> None:
        row |= {"engine.delivered": None, "due": None}

    record = make_record(tmp_path / "run", bend=bend, board=False, partial=True)
    # then no number is made up
    assert delivery(record, totals(record)).missing is None


def test_the_stages_say_how_many_are_where(tmp_path: Path) -> None:
    # given an application that was killed with 40 packets in its hands and 5 still queued
    counters = {
        "pool.in_flight": 45,
        "engine.queued": 5,
        "engine.delivered": 2995,
        "pool.returns": 2955,
    }
    record = make_record(tmp_path / "run", partial=True, counters=counters)
    # when the lifecycle is read
    stages = lifecycle(record, totals(record))
    # then they are found there: queued, held, and both together
    now = [stage.now for stage in stages]
    assert now[1:4] == [5, 40, 45]


def test_a_stage_nobody_passed_has_no_times(tmp_path: Path) -> None:
    # given a pool that never got a slot back
    counters = {"pool.returns": 0, "pool.in_flight": 3000}
    record = make_record(tmp_path / "run", counters=counters, hold_ns=0)
    # then no hold time is shown for it
    held = lifecycle(record, totals(record))[3]
    assert (held.p50_ns, held.p99_ns, held.max_ns) == (None, None, None)


# -- by window


def with_shortfall(tmp_path: Path, shortfall: Callable[[int], int], rows: int = 120) -> Record:
    """A run with a sample each second in which so many packets due were not there to be read."""

    def bend(index: int, row: Row) -> None:
        row |= {"due": (index + 1) * 100, "engine.queued": 0}
        row["engine.delivered"] = (index + 1) * 100 - shortfall(index)

    return make_record(tmp_path / "run", scenario(duration_s=rows), rows=rows, bend=bend)


def test_every_packet_due_falls_into_one_window(tmp_path: Path) -> None:
    record = with_shortfall(tmp_path, lambda _: 0)
    parts = windows(record, totals(record)).windows
    assert len(parts) == 12
    assert sum(part.due for part in parts) == 12_000
    assert [part.from_s for part in parts[1:]] == [part.to_s for part in parts[:-1]]


def test_a_loss_for_good_lies_in_the_window_in_which_it_happened(tmp_path: Path) -> None:
    # given 40 packets lost at the 46th second of 120
    record = with_shortfall(tmp_path, lambda i: 40 * (i >= 45))
    (losing,) = windows(record, totals(record)).losing
    assert (losing.lost, losing.behind) == (40, 0)
    assert losing.from_s <= 46 <= losing.to_s


def test_a_stretch_made_good_is_late_and_not_lost(tmp_path: Path) -> None:
    # given no packet for six seconds, and all of them after that
    record = with_shortfall(tmp_path, lambda i: 100 * (i - 60) if 60 < i < 67 else 0)
    parts = windows(record, totals(record))
    assert parts.losing == ()
    assert max(part.behind for part in parts.late) == 600


def test_a_reader_in_bursts_is_neither(tmp_path: Path) -> None:
    # given an application that leaves up to 300 packets in the queue
    def bend(index: int, row: Row) -> None:
        due, queued = (index + 1) * 100, 100 * (index % 3)
        row |= {"due": due, "engine.delivered": due - queued, "engine.queued": queued}

    record = make_record(tmp_path / "run", scenario(duration_s=120), rows=120, bend=bend)
    parts = windows(record, totals(record))
    assert (parts.losing, parts.late) == ((), ())


def test_the_moment_of_sampling_is_no_loss(tmp_path: Path) -> None:
    # given counts read a little before or after their time
    jitter = np.random.default_rng(5).integers(-3, 10, 120)
    record = with_shortfall(tmp_path, lambda i: int(jitter[i]) if i < 119 else 0)
    parts = windows(record, totals(record))
    assert (parts.losing, parts.late) == ((), ())


def test_two_samples_make_no_window(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run", rows=2)
    assert windows(record, totals(record)).windows == ()
