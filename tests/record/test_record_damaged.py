"""Damage that the fuzzer found: each kind costs what it damaged, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
import struct
from pathlib import Path

import pytest

from zcbench.importers.table import open_table
from zcbench.page.layout import HEADER_BYTES
from zcbench.page.scoreboard import Scoreboard
from zcbench.record.follow import Follower
from zcbench.record.reader import read_record
from zcbench.record.schema import (
    EVENTS_FILE,
    RESULT_FILE,
    RUN_FILE,
    SAMPLES_FILE,
    SCOREBOARD_FILE,
    WORKER_EVENTS_FILE,
)
from zcbench.record.writer import RecordError
from zcbench.sweep.journal import SWEEP_FILE, Sweep, read_plan, write_plan
from zcbench.sweep.plan import SweepError
from zcbench.verdict import judge

DEEP = b'{"a":' * 100_000


@pytest.mark.parametrize("damage", [DEEP, b'{"schema": "\xed\xa0\x80"}', b'{"scenario": "x"}'])
def test_a_run_json_that_is_no_such_json_is_refused_by_its_path(record_directory: Path, damage: bytes) -> None:
    (record_directory / RUN_FILE).write_bytes(damage)
    with pytest.raises(RecordError, match=RUN_FILE):
        read_record(record_directory)


@pytest.mark.parametrize("scenario", ["x", None, {"expect": 3}, {"expect": {"hit_rate": "all"}}])
def test_a_run_json_of_schema_1_with_a_strange_scenario_is_refused(
    record_directory: Path, scenario: object
) -> None:
    path = record_directory / RUN_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 1, "scenario": scenario}))
    with pytest.raises(RecordError, match=RUN_FILE):
        read_record(record_directory)


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("source", "frames", 0),
        ("source", "speed", 0),
        ("source", "speed", 1e308),
        ("source", "speed", 1e-320),
        ("memory", "budget", 0),
    ],
)
def test_a_scenario_that_nobody_can_have_run_is_refused_by_its_key(
    record_directory: Path, table: str, key: str, value: float
) -> None:
    path = record_directory / RUN_FILE
    run = json.loads(path.read_text())
    run["scenario"][table][key] = value
    path.write_text(json.dumps(run))
    with pytest.raises(RecordError, match=rf"{RUN_FILE}: .*scenario\.{table}\.{key}"):
        read_record(record_directory)


@pytest.mark.parametrize(
    "line",
    [
        DEEP,
        b'{"elapsed_s": 1, "kind": "k", "message": "\xed\xa0\x80"}',
        b'{"elapsed_s": 1e300, "kind": "k", "message": "m"}',
        b'{"elapsed_s": 1, "kind": "gc", "message": "m", "data": {"pause_ns": "long"}}',
        b'{"elapsed_s": 1, "kind": "resources", "message": "m", "data": {"fds": {}}}',
        b'{"elapsed_s": 1, "kind": "resources", "message": "m", "data": {"fd_names": 7}}',
        b'{"elapsed_s": 1, "kind": "allocations", "message": "m", "data": {"sites": [{}]}}',
    ],
)
@pytest.mark.parametrize("name", [EVENTS_FILE, WORKER_EVENTS_FILE])
def test_an_event_that_cannot_be_one_is_left_out_and_told(
    record_directory: Path, name: str, line: bytes
) -> None:
    with (record_directory / name).open("ab") as file:
        file.write(line + b"\n")
    record = read_record(record_directory)
    assert [event.elapsed_s for event in record.events] == [0.5, 1.5, 3.5]
    assert record.problems == (f"{name}: 1 unreadable lines were left out",)
    assert len(Follower(record_directory).events()) == 3


@pytest.mark.parametrize("cell", ["inf", "-inf", "1e300", str(2**65), '"', "x" * 200_000, "1\r2"])
def test_a_sample_with_what_is_no_reading_is_left_out_and_told(record_directory: Path, cell: str) -> None:
    # given the middle one of three rows damaged
    path = record_directory / SAMPLES_FILE
    lines = path.read_text().split("\n")
    lines[2] = lines[2].replace("200", cell)
    path.write_text("\n".join(lines), newline="")
    # then the other two are read, now and while they are followed
    record = read_record(record_directory)
    assert record.samples["consumer.received"].tolist() == [100, 300]
    assert record.problems == (f"{SAMPLES_FILE}: 1 unreadable lines were left out",)
    rows = Follower(record_directory).rows()
    assert [row["consumer.received"] for row in rows] == [100, 300]


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4]),
        ([1, 2, 2, 4], [1, 2, 2, 4]),
        ([1, 9e6, 3, 4], [1, 3, 4]),
        ([5, 6, 0, 8], [5, 6, 8]),
        ([1, -2, 3, 1e12], [1, 3]),
        ([1, "", 3, 4], [1, 3, 4]),
    ],
)
def test_samples_out_of_time_are_left_out_and_told(
    record_directory: Path, times: list[object], kept: list[float]
) -> None:
    rows = "".join(f"{time},{n}\n" for n, time in enumerate(times))
    (record_directory / SAMPLES_FILE).write_text(f"elapsed_s,pool_hits\n{rows}")
    record = read_record(record_directory)
    assert record.samples["elapsed_s"].tolist() == kept
    assert len(record.problems) == (len(kept) < len(times))


def test_a_table_of_the_page_that_leads_out_of_it_is_told(record_directory: Path) -> None:
    path = record_directory / SCOREBOARD_FILE
    whole = path.read_bytes()
    for at, value in ((32, 2**32 - 8), (32, 3), (36, 2**32 - 1), (40, 2**32 - 1), (56, 2**32 - 64)):
        page = bytearray(whole)
        struct.pack_into("<I", page, at, value)
        path.write_bytes(page)
        record = read_record(record_directory)
        assert record.board is None
        assert [problem.split(":")[0] for problem in record.problems] == [SCOREBOARD_FILE]
        assert Follower(record_directory).now() == {}


def test_an_entry_of_the_page_that_leads_out_of_it_is_left_out_and_told(record_directory: Path) -> None:
    path = record_directory / SCOREBOARD_FILE
    whole = path.read_bytes()
    for value in (2**32 - 8, 3, 0):
        page = bytearray(whole)
        struct.pack_into("<I", page, HEADER_BYTES + 100, value)
        path.write_bytes(page)
        record = read_record(record_directory)
        assert record.board is not None
        assert record.board["consumer.received"] == 300
        (problem,) = record.problems
        assert "leads out of the page; it is left out" in problem


def test_a_page_with_a_torn_word_at_its_end_is_read(record_directory: Path) -> None:
    with (record_directory / SCOREBOARD_FILE).open("ab") as file:
        file.write(b"\1\2\3")
    board = read_record(record_directory).board
    assert board is not None
    assert board["consumer.received"] == 300


def test_a_histogram_that_an_older_page_did_not_have_is_empty(record_directory: Path) -> None:
    path = record_directory / SCOREBOARD_FILE
    path.write_bytes(path.read_bytes().replace(b"hold_ns", b"old__ns"))
    times = Scoreboard.open(path).histogram("hold_ns")
    assert (times.count, times.percentile(50)) == (0, None)


@pytest.mark.parametrize("name", [EVENTS_FILE, WORKER_EVENTS_FILE, SAMPLES_FILE, RESULT_FILE])
def test_a_directory_in_the_place_of_a_file_is_that_file_missing(record_directory: Path, name: str) -> None:
    (record_directory / name).unlink()
    (record_directory / name).mkdir()
    assert read_record(record_directory).board is not None
    follower = Follower(record_directory)
    assert len(follower.rows()) + len(follower.events()) > 0


def test_a_table_nested_without_end_is_refused_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "deep.jsonl"
    file.write_bytes(b'{"time": 1}\n' + DEEP + b"\n")
    with pytest.raises(RecordError, match=r"deep\.jsonl:2: not a JSON line"):
        open_table(file)


@pytest.mark.parametrize("name", ["../outside", "/outside", "", "007/..", "a" * 300])
def test_a_sweep_does_not_leave_its_directory(tmp_path: Path, name: str) -> None:
    # given the plan of a sweep in which somebody has renamed a run
    plan = Sweep(scenario="x", target=0.9, check=True, axes=[], runs=[])
    write_plan(tmp_path / "sweep", plan, [])
    told = json.loads((tmp_path / "sweep" / SWEEP_FILE).read_text())
    told["runs"] = [{"name": "001", "values": {}}, {"name": name, "values": {}}]
    (tmp_path / "sweep" / SWEEP_FILE).write_text(json.dumps(told))
    # then it is refused before anything is read or moved by that name
    with pytest.raises(SweepError, match="is not a run's name"):
        read_plan(tmp_path / "sweep")


@pytest.mark.parametrize("digits", [30, 400, 5000])
@pytest.mark.parametrize("key", ["due_packets", "started_ns", "memory_bytes", "cores", "slots"])
def test_a_number_too_large_for_a_run_is_a_message(record_directory: Path, key: str, digits: int) -> None:
    path = record_directory / RUN_FILE
    text, count = re.subn(rf'"{key}": \d+', f'"{key}": {"9" * digits}', path.read_text(), count=1)
    assert count == 1
    path.write_text(text)
    with pytest.raises(RecordError, match=r"cannot be read|not valid JSON") as caught:
        read_record(record_directory)
    assert len(str(caught.value)) < 500


def test_an_event_with_a_number_too_large_is_left_out(record_directory: Path) -> None:
    with (record_directory / EVENTS_FILE).open("a") as file:
        size = "9" * 400
        site = f'{{"site":"a","grown_bytes":{size},"grown_blocks":1}}'
        file.write(f'{{"elapsed_s":1,"kind":"allocations","message":"x","data":{{"sites":[{site}]}}}}\n')
    record = read_record(record_directory)
    assert "1 unreadable lines" in " ".join(record.problems)
    judge(record)


def test_a_page_that_lacks_any_one_of_its_words_is_judged_by_the_others(tmp_path: Path) -> None:
    example = Path(__file__).parent / "examples" / "schema-3"
    whole = (example / SCOREBOARD_FILE).read_bytes()
    shutil.copytree(example, tmp_path / "run")
    for name in Scoreboard.open(example / SCOREBOARD_FILE).counters():
        # given a page on which the name of one word is damaged
        word = name.encode()
        damaged = whole.replace(b"\0" + word + b"\0", b"\0" + word[:-1] + b"?\0")
        assert damaged != whole, name
        (tmp_path / "run" / SCOREBOARD_FILE).write_bytes(damaged)
        # then the record opens, and is judged
        assert judge(read_record(tmp_path / "run")).findings
