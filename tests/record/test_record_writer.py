"""What is on disk at every moment of a run."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from zcbench.quantities.registry import STANDARD
from zcbench.record.reader import read_record
from zcbench.record.schema import RESULT_FILE, RUN_FILE, SAMPLES_FILE, Event, Finding, RunInfo
from zcbench.record.writer import RecordError, RecordWriter


def test_run_json_and_the_header_are_there_before_the_first_sample(tmp_path: Path, run_info: RunInfo) -> None:
    writer = RecordWriter(tmp_path, run_info)
    assert json.loads((tmp_path / RUN_FILE).read_text())["id"] == "r1"
    assert (tmp_path / SAMPLES_FILE).read_text() == ",".join(one.column for one in STANDARD.sampled) + "\n"
    writer.close()


def test_a_row_and_an_event_are_on_disk_when_the_call_returns(tmp_path: Path, run_info: RunInfo) -> None:
    # given a writer that is never closed, as after kill -9
    writer = RecordWriter(tmp_path, run_info)
    writer.sample({"elapsed_s": 1.0, "pool.hits": 7})
    writer.event(Event(elapsed_s=1.0, kind="gap", message="a gap"))
    # when somebody reads the directory / then both are there
    record = read_record(tmp_path)
    assert record.samples["pool.hits"].tolist() == [7]
    assert [event.message for event in record.events] == ["a gap"]
    writer.close()


def test_a_reading_that_is_missing_is_an_empty_cell(tmp_path: Path, run_info: RunInfo) -> None:
    writer = RecordWriter(tmp_path, run_info)
    writer.sample({"elapsed_s": 1.0, "rss_bytes": None})
    writer.close()
    header, row = (line.split(",") for line in (tmp_path / SAMPLES_FILE).read_text().splitlines())
    cells = dict(zip(header, row, strict=True))
    assert float(cells.pop("elapsed_s")) == 1.0
    assert set(cells.values()) == {""}


def test_counters_keep_every_digit(tmp_path: Path, run_info: RunInfo) -> None:
    writer = RecordWriter(tmp_path, run_info)
    counted = {"engine.start_ns": 2**53 - 1, "engine.captured_bytes": 123_456_789_012_345}
    writer.sample({"elapsed_s": 1.0, **counted})
    writer.close()
    samples = read_record(tmp_path).samples
    assert int(samples["engine.start_ns"][0]) == 2**53 - 1
    assert int(samples["engine.captured_bytes"][0]) == 123_456_789_012_345


def test_the_scenario_reads_back_as_it_was(tmp_path: Path, run_info: RunInfo) -> None:
    RecordWriter(tmp_path, run_info).close()
    assert read_record(tmp_path).run == run_info


def test_giving_up_the_ballast_makes_room_for_the_end(tmp_path: Path, run_info: RunInfo) -> None:
    # given a record under way
    writer = RecordWriter(tmp_path, run_info)
    before = sum(path.stat().st_size for path in tmp_path.iterdir())
    # when room is made
    writer.make_room()
    # then at least 32 KiB came free, a long traceback's worth, and events can follow
    assert before - sum(path.stat().st_size for path in tmp_path.iterdir()) >= 32 * 1024
    writer.event(Event(elapsed_s=1.0, kind="end", message="the disk is full"))
    writer.make_room()  # harmless when repeated
    writer.close()


def test_a_closed_record_holds_no_ballast_and_no_half_written_file(record_directory: Path) -> None:
    names = {path.name for path in record_directory.iterdir()}
    assert names == {
        "run.json", "samples.csv", "events.jsonl", "worker.jsonl", "scoreboard.bin", "result.json"
    }  # fmt: skip


def test_a_second_writer_in_one_directory_is_refused_and_the_first_record_kept(
    tmp_path: Path, run_info: RunInfo
) -> None:
    # given a finished record
    RecordWriter(tmp_path, run_info).close()
    # when another run is written to the same place / then it is refused, and nothing was lost
    other = msgspec.structs.replace(run_info, id="r2")
    with pytest.raises((RecordError, FileExistsError)):
        RecordWriter(tmp_path, other)
    assert read_record(tmp_path).run.id == "r1"


def test_a_missing_number_is_null_in_the_result(record_directory: Path) -> None:
    assert json.loads((record_directory / RESULT_FILE).read_text())["totals"] == {"rate": None}


def test_the_detection_limit_stands_in_result_json_under_its_old_name_too() -> None:
    new = Finding(check="memory", outcome="pass", sentence="flat", detection_limit="2 B a packet")
    said = msgspec.json.decode(msgspec.json.encode(new))
    assert (said["detection_limit"], said["power"]) == ("2 B a packet", "2 B a packet")
    # and a file written before the name changed is read by the new one
    del said["detection_limit"]
    assert msgspec.convert(said, Finding).detection_limit == "2 B a packet"
    assert msgspec.structs.replace(new, detection_limit="3 B a packet").power == "3 B a packet"
