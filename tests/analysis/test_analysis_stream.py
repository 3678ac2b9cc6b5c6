"""One function says which samples are the stream, of our runs and of others'."""

from __future__ import annotations

from pathlib import Path

from tests.records import Row, make_record
from zcbench.analysis.resources import resources
from zcbench.analysis.stream import never_began, streaming


def test_the_rows_of_a_run_are_those_in_which_packets_flowed(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run")
    assert streaming(record).sum() == 29  # all but the drained one
    assert streaming(record, drain=True).all()


def test_a_record_without_phases_is_a_stream_throughout(tmp_path: Path) -> None:
    def bend(_index: int, row: Row) -> None:
        row["phase"] = None

    record = make_record(tmp_path / "run", bend=bend)
    assert streaming(record).all()
    assert resources(record)[0].marks  # and its descriptors are counted


def test_a_subject_that_died_while_it_started_has_no_stream(tmp_path: Path) -> None:
    def bend(_index: int, row: Row) -> None:
        row["phase"] = 0

    record = make_record(tmp_path / "run", bend=bend)
    assert not streaming(record, drain=True).any()
    assert never_began(record)
