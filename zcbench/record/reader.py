"""Reading a record: any prefix of it is enough to say something, and to say what is missing."""

from __future__ import annotations

import csv
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from zcbench.metrics import COLUMNS
from zcbench.record.schema import (
    EVENTS_FILE,
    RESULT_FILE,
    RUN_FILE,
    SAMPLES_FILE,
    SCHEMA,
    SCOREBOARD_FILE,
    WORKER_EVENTS_FILE,
    End,
    Ending,
    Event,
    Result,
    RunInfo,
)
from zcbench.record.writer import RecordError
from zcbench.scoreboard import Scoreboard, ScoreboardError
from zcbench.units import decode_unit


@dataclass(frozen=True)
class Record:
    """A run as read from its directory.

    ``samples`` maps every known column to a float64 array of shape (rows,), NaN where a reading is
    missing. ``board`` is the page as the worker left it. ``problems`` says what of the record is not there.
    """

    path: Path
    run: RunInfo
    samples: dict[str, NDArray[np.float64]]
    events: tuple[Event, ...]
    end: End
    board: Scoreboard | None
    result: Result | None
    problems: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Number of samples."""
        return len(self.samples["elapsed_s"])


def read_record(path: Path) -> Record:
    """Read the run directory ``path``. Raises RecordError if it is none, or of a newer schema."""
    problems: list[str] = []
    run = read_run(path)
    samples = _read_samples(path / SAMPLES_FILE, problems)
    own = read_events(path / EVENTS_FILE, problems)
    workers = read_events(path / WORKER_EVENTS_FILE, problems)
    board = _read_board(path / SCOREBOARD_FILE, problems)
    return Record(
        path=path,
        run=run,
        samples=samples,
        events=tuple(sorted((*own, *workers), key=lambda event: event.elapsed_s)),
        end=_find_end(own, board, samples, problems),
        board=board,
        result=_read_result(path / RESULT_FILE, problems),
        problems=tuple(problems),
    )


def read_run(path: Path) -> RunInfo:
    """What the run directory ``path`` says it was to be. Raises RecordError if it is none."""
    if not path.is_dir():
        raise RecordError(
            f"{path}: no such run directory; `zcbench report` alone takes the latest run"
        )
    if not any(path.iterdir()):
        raise RecordError(
            f"{path}: the directory is empty; name a directory that `zcbench run` made"
        )
    file = path / RUN_FILE
    if not file.is_file():
        raise RecordError(
            f"{path}: not a run directory (no {RUN_FILE}); name one that `zcbench run` made"
        )
    data = file.read_bytes()
    _check_schema(file, data)
    try:
        return msgspec.convert(_upgraded(msgspec.json.decode(data)), RunInfo, dec_hook=decode_unit)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RecordError(
            f"{file}: cannot be read ({error}); the run left nothing to report"
        ) from error


def _upgraded(run: dict[str, Any]) -> dict[str, Any]:
    """``run.json`` of an older schema, as this one would have written it."""
    scenario = run.get("scenario", {})
    if run.get("schema") == 1:  # [expect] was a table with the hit rate in percent
        least = (scenario.get("expect") or {}).get("hit_rate")
        scenario["expect"] = [] if least is None else [{"that": f"pool.hit_rate >= {least:g}%"}]
    return run


class _Schema(msgspec.Struct):
    schema: int = 0


def _check_schema(file: Path, data: bytes) -> None:
    try:
        schema = msgspec.json.decode(data, type=_Schema).schema
    except msgspec.MsgspecError as error:
        raise RecordError(
            f"{file}: not valid JSON ({error}); the run left nothing to report"
        ) from error
    if schema > SCHEMA:
        raise RecordError(
            f"{file}: schema {schema}, this zcbench reads up to {SCHEMA}; use a newer zcbench"
        )


def _read_samples(path: Path, problems: list[str]) -> dict[str, NDArray[np.float64]]:
    columns: dict[str, list[float]] = {name: [] for name in COLUMNS}
    if not path.is_file():
        problems.append(f"{path.name} is missing: no samples")
        return {name: np.empty(0) for name in COLUMNS}
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines()
    if lines and not text.endswith("\n"):
        problems.append(f"{path.name}: the last line is cut off and was left out")
        lines.pop()
    rows = csv.reader(lines)
    header = next(rows, [])
    unreadable = 0
    for row in rows:
        try:
            values = [float(cell) if cell else np.nan for cell in row]
        except ValueError:
            values = []
        if len(values) != len(header):
            unreadable += 1
            continue
        found = dict(zip(header, values, strict=True))
        for name, column in columns.items():
            column.append(found.get(name, np.nan))
    if unreadable:
        problems.append(f"{path.name}: {unreadable} unreadable lines were left out")
    if not columns["elapsed_s"]:
        problems.append(f"{path.name}: no samples")
    return {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}


def read_events(path: Path, problems: list[str]) -> list[Event]:
    """The events in a file; what is missing or unreadable is added to ``problems``."""
    if not path.is_file():
        problems.append(f"{path.name} is missing")
        return []
    events: list[Event] = []
    unreadable = 0
    for line in path.read_bytes().splitlines():
        try:
            events.append(msgspec.json.decode(line, type=Event))
        except msgspec.MsgspecError:
            unreadable += 1
    if unreadable:
        problems.append(f"{path.name}: {unreadable} unreadable lines were left out")
    return events


def _read_board(path: Path, problems: list[str]) -> Scoreboard | None:
    try:
        return Scoreboard.open(path)
    except (OSError, ScoreboardError, struct.error, UnicodeDecodeError) as error:
        problems.append(f"{path.name}: {error}")
        return None


def _read_result(path: Path, problems: list[str]) -> Result | None:
    if not path.is_file():
        return None
    data = path.read_bytes()
    try:
        # Damage is a problem of one file; only a newer schema makes the whole record unreadable.
        if msgspec.json.decode(data, type=_Schema).schema > SCHEMA:
            _check_schema(path, data)
        return msgspec.json.decode(data, type=Result)
    except msgspec.MsgspecError as error:
        problems.append(f"{path.name}: {error}")
        return None


def _find_end(
    events: list[Event],
    board: Scoreboard | None,
    samples: dict[str, NDArray[np.float64]],
    problems: list[str],
) -> End:
    for event in reversed(events):
        if event.kind == "end":
            try:
                return msgspec.convert(event.data, End)
            except msgspec.ValidationError as error:
                problems.append(f"{EVENTS_FILE}: the end cannot be read ({error})")
    problems.append("no end was recorded: the supervisor was stopped, or is still running")
    known: dict[str, Any] = {} if board is None else board.counters()
    elapsed = samples["elapsed_s"]
    return End(
        ending=Ending.PARTIAL,
        elapsed_s=float(elapsed[-1]) if elapsed.size else None,
        message="the supervisor was killed or is still running; this is what was written so far",
        last_sequence=known.get("consumer.last_sequence")
        if known.get("consumer.received")
        else None,
        received=known.get("consumer.received"),
    )


def find_runs(root: Path) -> list[Path]:
    """Every run directory below ``root``, oldest first."""
    return sorted((file.parent for file in root.rglob(RUN_FILE)), key=_started)


def _started(path: Path) -> str:
    class Start(msgspec.Struct):
        started_at: str = ""

    try:
        return msgspec.json.decode((path / RUN_FILE).read_bytes(), type=Start).started_at
    except (OSError, msgspec.MsgspecError):
        return ""


def latest_run(root: Path) -> Path:
    """The newest run below ``root``. Raises RecordError if there is none."""
    runs = find_runs(root) if root.is_dir() else []
    if not runs:
        raise RecordError(f"{root}: no runs there yet; start one with `zcbench run`")
    return runs[-1]
