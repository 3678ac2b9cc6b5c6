"""A record from what somebody else measured: any table of readings, and totals, become a run directory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from zcbench.metrics import BY_NAME, ON_PAGE
from zcbench.record.mapping import Column
from zcbench.record.schema import (
    SCOREBOARD_FILE,
    WORKER_EVENTS_FILE,
    End,
    Ending,
    Environment,
    Event,
    RunInfo,
)
from zcbench.record.table import Table
from zcbench.record.writer import RecordError, RecordWriter, run_id
from zcbench.scenario import ConsumerTable, PoolTable, SamplingTable, Scenario
from zcbench.scoreboard import UNSET, Scoreboard
from zcbench.units import Duration

NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Story:
    """What is known of a foreign run beside its readings. ``rate_per_s`` is packets a second."""

    name: str
    duration_s: float | None = None
    rate_per_s: float | None = None
    ended: Ending = Ending.UNKNOWN


def read_samples(table: Table, columns: Sequence[Column]) -> list[dict[str, float | None]]:
    """Every row in our metrics and units. Raises RecordError, naming the line, for what is no number, or if
    time runs backwards."""
    if not any(column.metric.name == "elapsed_s" for column in columns):
        raise RecordError(
            f"{table.path}: which column is the time? Add --map elapsed_s=COLUMN; there are "
            f"{', '.join(table.columns)}"
        )
    rows: list[dict[str, float | None]] = []
    last = -math.inf
    for line, cells in table.rows():
        row = {column.metric.name: _number(table, line, column, cells) for column in columns}
        elapsed = row["elapsed_s"]
        if elapsed is None or elapsed < last:
            problem = "has no time" if elapsed is None else f"goes back in time, from {last:g} s"
            raise RecordError(f"{table.path}:{line}: the row {problem}; sort the rows by time")
        last = elapsed
        rows.append(row)
    return rows


def _number(table: Table, line: int, column: Column, cells: Mapping[str, Any]) -> float | None:
    cell = cells.get(column.theirs)
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    try:
        value = float(cell) * column.factor
    except (TypeError, ValueError):
        raise RecordError(
            f"{table.path}:{line}: {column.theirs} is {cell!r}, not a number"
        ) from None
    return value if math.isfinite(value) else None


def write_record(
    directory: Path,
    table: Table,
    rows: Sequence[Mapping[str, float | None]],
    totals: Mapping[str, float],
    story: Story,
    command: Sequence[str],
) -> None:
    """Write the record into the new, empty ``directory``."""
    last_s = float(rows[-1]["elapsed_s"] or 0.0)
    duration = story.duration_s or last_s
    due = None if story.rate_per_s is None else round(duration * story.rate_per_s)
    info = RunInfo(
        id=run_id(story.name),
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        started_ns=0,
        command=list(command),
        scenario=_scenario(rows, totals, story, duration),
        environment=Environment(
            system=NOT_RECORDED,
            machine=NOT_RECORDED,
            processor=NOT_RECORDED,
            cores=None,
            memory_bytes=None,
            python=NOT_RECORDED,
            zcbench=version("zcbench"),
            packages={},
        ),
        tracemalloc=False,
        due_packets=due,
        ingested=table.path.name,
    )
    writer = RecordWriter(directory, info)
    try:
        for row in rows:
            writer.sample({name: _whole(value) for name, value in row.items()})
        _write_totals(directory / SCOREBOARD_FILE, rows, totals)
        (directory / WORKER_EVENTS_FILE).touch()
        end = End(ending=story.ended, elapsed_s=last_s, message=_ENDED.get(story.ended))
        writer.event(
            Event(elapsed_s=last_s, kind="end", message="end", data=msgspec.to_builtins(end))
        )
    finally:
        writer.close()


_ENDED = {Ending.UNKNOWN: "nobody here watched it end"}


def _scenario(
    rows: Sequence[Mapping[str, float | None]],
    totals: Mapping[str, float],
    story: Story,
    duration: float,
) -> Scenario:
    """The little that a table says of what was run."""
    every = duration / len(rows) if len(rows) > 1 else duration
    slots = totals.get("pool.slots")
    return Scenario(
        name=story.name,
        description="measured elsewhere",
        engine="external",
        duration=Duration(duration),
        pool=PoolTable() if slots is None else PoolTable(slots=int(slots)),
        consumer=ConsumerTable(verify=False),
        sampling=SamplingTable(every=Duration(every)),
    )


def _write_totals(
    path: Path, rows: Sequence[Mapping[str, float | None]], totals: Mapping[str, float]
) -> None:
    """The page as such a subject would have left it: closing totals, else last readings, else unmeasured."""
    board = Scoreboard.create(path)
    for name in board.index:
        board[name] = UNSET
    closing = {
        name: value
        for name in rows[0]
        if BY_NAME[name].origin in ON_PAGE
        and (value := next((r[name] for r in reversed(rows) if r[name] is not None), None))
        is not None
    }
    for name, value in {**closing, **totals}.items():
        if name not in board.index:
            raise RecordError(f"--total {name}: only counters of the subject have totals")
        board[name] = int(value)


def _whole(value: float | None) -> float | int | None:
    return int(value) if value is not None and value == int(value) else value
