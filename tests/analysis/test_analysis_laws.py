"""Conservation: exact at rest, and within the packets on the move before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.records import Row, make_record, scenario
from zcbench.analysis.laws import MOVING_PACKETS, balances
from zcbench.analysis.totals import totals
from zcbench.record.reader import Record
from zcbench.scenario import ConsumerTable


def holds(record: Record) -> dict[str, bool | None]:
    return {balance.law.name: balance.holds for balance in balances(record, totals(record))}


@pytest.mark.parametrize("kind", ["immediate", "hold"])
def test_a_sound_run_obeys_every_law(tmp_path: Path, kind: str) -> None:
    # given a run without a fault
    record = make_record(tmp_path / "run", scenario(consumer=ConsumerTable(kind=kind)))
    # then every law holds
    assert set(holds(record).values()) == {True}


@pytest.mark.parametrize(
    "counter", ["pool.hits", "engine.delivered", "engine.drops", "pool.returns", "pool.in_flight"]
)
def test_one_packet_unaccounted_for_at_the_end_breaks_a_law(tmp_path: Path, counter: str) -> None:
    # given one counter that is one too high at the end
    sound = totals(make_record(tmp_path / "sound"))
    record = make_record(tmp_path / "run", counters={counter: int(sound[counter] or 0) + 1})
    # then a law is broken
    assert False in holds(record).values()


@pytest.mark.parametrize(("off", "expected"), [(MOVING_PACKETS, True), (MOVING_PACKETS + 1, False)])
def test_while_packets_move_only_the_moving_ones_may_be_missing(
    tmp_path: Path, off: int, expected: bool
) -> None:
    # given a settled sample in the middle of the run that lacks some deliveries
    def bend(index: int, row: Row) -> None:
        if index == 12:
            row["engine.delivered"] = int(row["engine.delivered"] or 0) - off

    # then the packets on the move explain it, and no more than those
    found = holds(make_record(tmp_path / "run", bend=bend))
    assert found["acquires = delivered + drops + queued"] is expected


def test_an_unsettled_sample_is_not_held_against_the_engine(tmp_path: Path) -> None:
    # given a sample that was read while the page was changing
    def bend(index: int, row: Row) -> None:
        if index == 12:
            row |= {"engine.delivered": int(row["engine.delivered"] or 0) - 50, "settled": 0}

    # then no law is broken by it
    assert set(holds(make_record(tmp_path / "run", bend=bend)).values()) == {True}


def test_a_law_about_missing_counters_is_unknown(tmp_path: Path) -> None:
    # given a record without a page, whose returns were never sampled
    def bend(_index: int, row: Row) -> None:
        row["pool.returns"] = None

    found = holds(make_record(tmp_path / "run", bend=bend, board=False))
    # then that law is neither held nor broken
    assert found["acquires - refused = returns + in flight"] is None
