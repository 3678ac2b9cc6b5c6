"""A record made by hand, so that its every byte is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from zcbench.page.scoreboard import Scoreboard
from zcbench.record.schema import (
    SCOREBOARD_FILE,
    WORKER_EVENTS_FILE,
    End,
    Ending,
    Environment,
    Event,
    Result,
    RunInfo,
)
from zcbench.record.writer import RecordWriter, write_result
from zcbench.scenario import Scenario

END = End(ending=Ending.FINISHED, elapsed_s=3.5, exit_code=0, received=300, last_sequence=299)


def info(**changes: Any) -> RunInfo:
    environment = Environment(
        system="Test", machine="m", processor="p", cores=1, memory_bytes=1, python="3",
        zcbench="0", packages={},
    )  # fmt: skip
    run = RunInfo(
        id="r1", started_at="2026-01-02T03:04:05+00:00", started_ns=1, command=["test"],
        scenario=Scenario(name="short"), environment=environment, tracemalloc=False, due_packets=300,
    )  # fmt: skip
    return msgspec.structs.replace(run, **changes)


@pytest.fixture
def run_info() -> RunInfo:
    return info()


@pytest.fixture
def record_directory(tmp_path: Path) -> Path:
    """A whole record: three rows, two events of the supervisor, one of the worker, an end, a result."""
    directory = tmp_path / "record"
    directory.mkdir()
    writer = RecordWriter(directory, info())
    board = Scoreboard.create(directory / SCOREBOARD_FILE)
    board["consumer.received"], board["consumer.last_sequence"] = 300, 299
    for second in (1, 2, 3):
        writer.sample({"elapsed_s": float(second), "consumer.received": 100 * second})
    writer.event(Event(elapsed_s=1.5, kind="gap", message="one packet missing"))
    worker = Event(elapsed_s=0.5, kind="phase", message="running")
    (directory / WORKER_EVENTS_FILE).write_bytes(msgspec.json.encode(worker) + b"\n")
    writer.event(Event(elapsed_s=3.5, kind="end", message="ended", data=msgspec.to_builtins(END)))
    writer.close()
    result = Result(id="r1", verdict="pass", exit_code=0, end=END, totals={"rate": None}, findings=[])
    write_result(directory, result)
    return directory
