"""What is said of over- and underruns of a device: each fails by itself, whoever counted it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.records import Row, make_record, scenario
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.scenario import Scenario, SourceTable
from zcbench.verdict import judge
from zcbench.verdict.next_step import next_step


def device(**more: object) -> Scenario:
    return msgspec.structs.replace(scenario(slots=100), source=SourceTable(kind="device"), **more)


def run(tmp_path: Path, plan: Scenario | None = None, **columns: int) -> Record:
    """30 s; each of ``columns`` reaches its number half way."""

    def bend(index: int, row: Row) -> None:
        for name, number in columns.items():
            row[name.replace("__", ".")] = number if index >= 15 else 0

    return make_record(tmp_path / "run", plan or device(), bend=bend)


def asked(record: Record) -> Finding:
    return next(f for f in judge(record).findings if f.check == "xruns")


def foreign(record: Record, *columns: str) -> Record:
    """Somebody else's table that has these columns beside its times, and no page."""
    kept = {"elapsed_s", *columns}
    samples = {
        name: values if name in kept else np.full_like(values, np.nan)
        for name, values in record.samples.items()
    }
    info = msgspec.structs.replace(
        record.run, subject=SubjectInfo(kind="imported", file="theirs.csv"), due_packets=None
    )
    return replace(record, samples=samples, board=None, run=info, events=())


@pytest.mark.parametrize("column", ["engine__xruns", "consumer__xruns"])
@pytest.mark.parametrize("kind", ["device", "tone"])
def test_one_kind_of_count_is_enough_to_fail(tmp_path: Path, column: str, kind: str) -> None:
    # given 14 overruns that only the engine, or only the packets' flags, tell of
    plan = msgspec.structs.replace(device(), source=SourceTable(kind=kind))
    record = run(tmp_path, plan, **{column: 14})
    found, result = asked(record), judge(record)
    # then sound was lost, the run fails, and when is said, and what to do
    assert (found.outcome, found.cause) == ("fail", "lost_sound")
    assert "14 times, by 16.2 s" in found.sentence
    assert result.exit_code == 1
    assert "buffer" in next_step(record, result)


def test_how_much_was_lost_is_held_against_the_clock(tmp_path: Path) -> None:
    # given a device that gave 2,900 packets of 3,000 that were due
    record = make_record(
        tmp_path / "run",
        device(),
        packets=2900,
        bend=lambda _, row: row.update({"engine.xruns": 3, "due": 3000}),
    )
    assert "1 s in all against the clock" in asked(record).sentence


@pytest.mark.parametrize("column", ["engine.xruns", "consumer.xruns"])
def test_somebody_elses_column_fails_without_its_siblings(tmp_path: Path, column: str) -> None:
    record = foreign(run(tmp_path, **{column.replace(".", "__"): 720}), column)
    found = asked(record)
    assert found.outcome == "fail"
    assert "720 times" in found.sentence
    assert judge(record).exit_code == 1


def test_a_counter_that_is_set_back_has_counted_all_the_same(tmp_path: Path) -> None:
    # given a counter per interval, whose last reading is 0
    def bend(index: int, row: Row) -> None:
        row["engine.xruns"] = 2 if index == 10 else 0

    record = foreign(make_record(tmp_path / "run", device(), bend=bend), "engine.xruns")
    assert asked(record).outcome == "fail"


def test_a_device_without_any_passes_and_a_replay_is_not_asked(tmp_path: Path) -> None:
    assert asked(run(tmp_path / "a")).outcome == "pass"
    assert asked(run(tmp_path / "b", scenario())).outcome == "skipped"


def test_what_nobody_counted_never_passes(tmp_path: Path) -> None:
    # given a device's engine of somebody's own that counted none, a table without the column, and no stream
    own = asked(run(tmp_path / "a", device(engine="mine:Engine")))
    theirs = asked(foreign(run(tmp_path / "b"), "rss_bytes"))
    none = asked(make_record(tmp_path / "c", device(), packets=0))
    for found in (own, none):
        assert (found.outcome, found.required) == ("inconclusive", False)
    assert (theirs.outcome, theirs.lacks) == ("skipped", "device")
    assert "whether it counts any is not known" in own.sentence
    assert "engine.xruns" in (own.remedy or "")
