"""Any prefix of a record can be read, and what is missing is said."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from zcbench.quantities.registry import STANDARD
from zcbench.record.reader import find_runs, latest_run, read_record
from zcbench.record.schema import (
    EVENTS_FILE,
    RESULT_FILE,
    RUN_FILE,
    SAMPLES_FILE,
    SCHEMA,
    SCOREBOARD_FILE,
    WORKER_EVENTS_FILE,
    Ending,
)
from zcbench.record.writer import RecordError

APPENDED = (SAMPLES_FILE, EVENTS_FILE, WORKER_EVENTS_FILE)
SURVIVORS = (*APPENDED, SCOREBOARD_FILE, RESULT_FILE)


def test_a_whole_record_reads_back_without_problems(record_directory: Path) -> None:
    record = read_record(record_directory)
    assert record.path == record_directory
    assert record.problems == ()
    assert set(record.samples) == {one.name for one in STANDARD.sampled}
    assert record.samples["consumer.received"].tolist() == [100, 200, 300]
    assert np.isnan(record.samples["rss_bytes"]).all()
    assert record.end.ending is Ending.FINISHED
    assert record.board is not None
    assert record.board["consumer.received"] == 300
    assert record.result is not None
    assert record.result.verdict == "pass"


def test_the_events_of_both_processes_come_in_the_order_of_their_times(
    record_directory: Path,
) -> None:
    record = read_record(record_directory)
    assert [event.elapsed_s for event in record.events] == [0.5, 1.5, 3.5]


@pytest.mark.parametrize("name", SURVIVORS)
def test_every_prefix_of_every_file_still_gives_a_record(record_directory: Path, name: str) -> None:
    # given a file cut off at any byte (every byte near the ends, a spread of them between)
    whole = (record_directory / name).read_bytes()
    cuts = {*range(80), *range(len(whole) - 80, len(whole)), *range(0, len(whole), 499)}
    for cut in sorted(at for at in cuts if 0 <= at < len(whole)):
        (record_directory / name).write_bytes(whole[:cut])
        # when it is read / then there is a record; its rows are a prefix of those there were
        record = read_record(record_directory)
        received = record.samples["consumer.received"].tolist()
        assert received == [100, 200, 300][: len(received)]
        assert record.end.received == 300


@pytest.mark.parametrize("name", SURVIVORS)
def test_a_missing_file_is_told_and_the_rest_read(record_directory: Path, name: str) -> None:
    (record_directory / name).unlink()
    record = read_record(record_directory)
    assert record.end.received == 300
    told = any(name in problem for problem in record.problems)
    assert told or name == RESULT_FILE  # before the end a result is not missing


def test_a_row_cut_in_the_middle_is_left_out_and_told(record_directory: Path) -> None:
    path = record_directory / SAMPLES_FILE
    path.write_bytes(path.read_bytes()[:-20])
    record = read_record(record_directory)
    assert record.samples["consumer.received"].tolist() == [100, 200]
    assert any(SAMPLES_FILE in problem for problem in record.problems)


@pytest.mark.parametrize("name", APPENDED)
@pytest.mark.parametrize("junk", [b"\0" * 4096, b"\xff\xfe\x80 not text\n", b"{}\n[1]\n"])
def test_junk_at_the_end_of_a_file_costs_only_the_junk(record_directory: Path, name: str, junk: bytes) -> None:
    # given blocks that a power loss left behind
    with (record_directory / name).open("ab") as file:
        file.write(junk)
    # when it is read / then all that was written before is there
    record = read_record(record_directory)
    assert record.samples["consumer.received"].tolist() == [100, 200, 300]
    assert [event.elapsed_s for event in record.events] == [0.5, 1.5, 3.5]
    assert record.end.ending is Ending.FINISHED


def test_an_end_that_cannot_be_understood_is_no_end(record_directory: Path) -> None:
    line = {"elapsed_s": 4.0, "kind": "end", "message": "?", "data": {"ending": "evaporated"}}
    (record_directory / EVENTS_FILE).write_text(json.dumps(line) + "\n")
    record = read_record(record_directory)
    assert record.end.ending is Ending.PARTIAL
    assert record.problems


def test_a_scoreboard_with_a_damaged_table_is_told_and_the_rest_read(
    record_directory: Path,
) -> None:
    path = record_directory / SCOREBOARD_FILE
    page = bytearray(path.read_bytes())
    page[12:16] = b"\xff\xff\xff\x00"  # the number of counters
    path.write_bytes(page)
    record = read_record(record_directory)
    assert record.board is None
    assert any(SCOREBOARD_FILE in problem for problem in record.problems)


def test_without_an_end_the_record_is_partial_and_tells_what_the_page_knew(
    record_directory: Path,
) -> None:
    (record_directory / EVENTS_FILE).write_bytes(b"")
    end = read_record(record_directory).end
    assert end.ending is Ending.PARTIAL
    assert (end.received, end.last_sequence, end.elapsed_s) == (300, 299, 3.0)


def test_columns_of_an_older_and_of_a_newer_zcbench_do_not_matter(record_directory: Path) -> None:
    (record_directory / SAMPLES_FILE).write_text("elapsed_s,moon_phase\n1.0,0.5\n2.0,0.6\n")
    record = read_record(record_directory)
    assert record.samples["elapsed_s"].tolist() == [1.0, 2.0]
    assert np.isnan(record.samples["pool.hits"]).all()


def test_a_directory_that_is_not_there_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such run directory") as refused:
        read_record(tmp_path / "nowhere")
    assert "nowhere" in str(refused.value)


def test_an_empty_directory_is_refused_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"empty.*zcbench run"):
        read_record(tmp_path)


def test_a_foreign_directory_is_refused_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RecordError, match=r"not a run directory.*zcbench run"):
        read_record(tmp_path)


def test_a_file_is_refused(record_directory: Path) -> None:
    with pytest.raises(RecordError):
        read_record(record_directory / RUN_FILE)


def test_a_newer_schema_is_refused_with_the_fix(record_directory: Path) -> None:
    path = record_directory / RUN_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": SCHEMA + 1}))
    with pytest.raises(RecordError, match=rf"schema {SCHEMA + 1}.*newer zcbench"):
        read_record(record_directory)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema": 1}', '"run"', "\0\0\0\0"])
def test_an_unreadable_run_json_is_refused_by_its_path(record_directory: Path, text: str) -> None:
    (record_directory / RUN_FILE).write_text(text)
    with pytest.raises(RecordError, match=RUN_FILE):
        read_record(record_directory)


def test_the_latest_run_is_the_one_started_last_whatever_the_names(
    tmp_path: Path, record_directory: Path
) -> None:
    # given runs whose names and file times say otherwise
    root = tmp_path / "runs"
    for name, started in (("a", "2026-03-01"), ("b", "2026-01-01"), ("deep/c", "2026-02-01")):
        shutil.copytree(record_directory, root / name)
        path = root / name / RUN_FILE
        run = json.loads(path.read_text()) | {"started_at": started + "T00:00:00+00:00"}
        path.write_text(json.dumps(run))
    os.utime(root / "a" / RUN_FILE, (0, 0))
    # then the order is that of their starts
    assert find_runs(root) == [root / "b", root / "deep/c", root / "a"]
    assert latest_run(root) == root / "a"


def test_no_run_at_all_is_refused_with_the_fix(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RecordError, match=r"no runs.*zcbench run"):
            latest_run(root)
