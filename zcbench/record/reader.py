"""Reading a record: any prefix of it is enough to say something, and to say what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from zcbench.page.histogram import Histogram
from zcbench.page.scoreboard import Scoreboard, ScoreboardError
from zcbench.quantities.names import CONSUMER_LAST_SEQUENCE, CONSUMER_RECEIVED, ELAPSED_S
from zcbench.quantities.parsing import decode_unit
from zcbench.quantities.registry import STANDARD, Registry
from zcbench.record.brought import Brought, with_brought
from zcbench.record.capabilities import ENGINE, Capability, SubjectInfo, capabilities_of
from zcbench.record.decoding import DamagedError, decode, decode_event
from zcbench.record.published import NOTHING, Published, read_published
from zcbench.record.samples import Samples, read_samples
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
    EventKind,
    Phase,
    Result,
    RunInfo,
)
from zcbench.record.writer import RecordError
from zcbench.record.written import leave_out, unwritten
from zcbench.scenario import Scenario
from zcbench.typed import prepared


@dataclass(frozen=True, eq=False)  # a record is itself: what was found of one can be kept with it
class Record:
    """A run as read from its directory.

    ``samples`` maps each sampled quantity's name to a float64 array of shape (rows,), NaN where a reading is
    missing; ``quantities`` says what each is. ``board`` is a copy of the page as the worker left it; ``moving``
    is True when it was still written to, so that its counters are not of one moment. ``problems`` says what is
    missing or damaged.
    """

    path: Path
    run: RunInfo
    samples: Samples
    events: tuple[Event, ...]
    end: End
    board: Scoreboard | None
    result: Result | None
    problems: tuple[str, ...]
    moving: bool = False
    unwritten: frozenset[str] = frozenset()  # metrics that the engine does not write: missing readings
    published: Published = NOTHING  # what stands on a program's page at its end
    quantities: Registry = STANDARD  # the standard ones, and what the subject brought

    @property
    def rows(self) -> int:
        """Number of samples."""
        return len(self.samples[ELAPSED_S])

    @cached_property
    def capabilities(self) -> frozenset[Capability]:
        """What the subject can be asked about: what was promised of it, and what it has readings of."""
        # By items(): whoever watches what a check asks for is not told of this.
        names = {name for name, values in self.samples.items() if np.isfinite(values).any()}
        page = {} if self.board is None else self.board.counters()
        names |= {name for name, value in page.items() if value is not None}
        return self.run.subject.promised.union(capabilities_of(names, self.quantities))

    @property
    def says_done(self) -> bool:
        """Whether a program said on its page that nothing of its moves any more."""
        return self.published.says_done

    def histogram(self, name: str) -> Histogram | None:
        """All readings of a histogram ("delivery_ns"); None where nobody counts it. It may be empty."""
        if self.board is not None:
            return self.board.histogram(name)
        return self.published.histograms.get(name)

    def can(self, *any_of: Capability) -> bool:
        """Whether the subject can be asked about one of these."""
        return not self.capabilities.isdisjoint(any_of)


def read_record(path: Path) -> Record:
    """Read the run directory ``path``. Raises RecordError if it is none, or of a newer schema."""
    problems: list[str] = []
    run = read_run(path)
    own = read_events(path / EVENTS_FILE, problems)
    quantities = quantities_of(run, own, problems)
    samples = read_samples(path / SAMPLES_FILE, quantities, problems)
    # Only some subjects have a worker, or count on a page; of what was imported we wrote both.
    imported = run.subject.kind == "imported"
    worked, paged = (imported or name in run.subject.promised for name in ("worker", "page"))
    workers = read_events(path / WORKER_EVENTS_FILE, problems if worked else [])
    board, still = _read_board(path / SCOREBOARD_FILE, problems if paged else [])
    names: frozenset[str] = frozenset()
    if board is not None:
        counters = board.counters()
        names = unwritten(samples, counters, workers)
        leave_out(names, samples, board, done=counters.get("phase") == Phase.DONE)
    return Record(
        path=path,
        run=run,
        samples=samples,
        events=tuple(sorted((*own, *workers), key=lambda event: event.elapsed_s)),
        end=_find_end(own, board, samples, problems),
        board=board,
        result=_read_result(path / RESULT_FILE, problems),
        problems=tuple(problems),
        moving=not still,
        unwritten=names,
        published=read_published(path),
        quantities=quantities,
    )


def quantities_of(run: RunInfo, events: list[Event], problems: list[str]) -> Registry:
    """What the record has: of run.json, and of the events that told of more."""
    return with_brought(STANDARD, (*run.quantities, *brought_by(events, problems)), problems)


def read_brought(path: Path) -> list[Brought]:
    """What the subject of the run in ``path`` brought. Raises RecordError if it is no run."""
    return [*read_run(path).quantities, *brought_by(read_events(path / EVENTS_FILE, []), [])]


def brought_by(events: Iterable[Event], problems: list[str]) -> list[Brought]:
    """The quantities that ``events`` tell of; what cannot be read is added to ``problems``."""
    brought: list[Brought] = []
    for event in events:
        if event.kind == EventKind.QUANTITIES:
            try:
                brought += msgspec.convert(event.data.get("quantities"), prepared(list[Brought]))
            except msgspec.ValidationError as error:
                problems.append(f"{EVENTS_FILE}: the subject's quantities cannot be read ({error})")
    return brought


def read_run(path: Path) -> RunInfo:
    """What the run directory ``path`` says it was to be. Raises RecordError if it is none."""
    if not path.is_dir():
        raise RecordError(f"{path}: no such run directory; `zcbench report` alone takes the latest run")
    if not any(path.iterdir()):
        raise RecordError(f"{path}: the directory is empty; name a directory that `zcbench run` made")
    file = path / RUN_FILE
    if not file.is_file():
        raise RecordError(f"{path}: not a run directory (no {RUN_FILE}); name one that `zcbench run` made")
    data = file.read_bytes()
    _check_schema(file, data)
    try:
        run = msgspec.convert(_upgraded(decode(data, dict[str, Any])), prepared(RunInfo), dec_hook=decode_unit)
        _check_possible(run.scenario)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RecordError(f"{file}: cannot be read ({error}); the run left nothing to report") from error
    return run


def _upgraded(run: dict[str, Any]) -> dict[str, Any]:
    """``run.json`` of an older schema, as this one would have written it."""
    scenario = run.get("scenario")
    if run.get("schema") == 1 and isinstance(scenario, dict):
        # [expect] was a table with the hit rate in percent.
        expect = msgspec.convert(scenario.get("expect"), dict[str, float | None] | None) or {}
        least = expect.get("hit_rate")
        scenario["expect"] = [] if least is None else [{"that": f"pool.hit_rate >= {least:g}%"}]
    if run.get("schema") in (1, 2):
        # Schemas 1 and 2 named the file of an imported record, and no subject.
        file = run.get("ingested")
        run["subject"] = (
            ENGINE if file is None else SubjectInfo(kind="imported", file=msgspec.convert(file, str))
        )
        run["subject"] = msgspec.to_builtins(run["subject"])
    elif run.get("subject") is None:
        # Taken for an engine's, somebody else's log would be believed to know more than it does.
        raise ValueError("it does not say what was tested: no subject")
    return run


def _check_possible(plan: Scenario) -> None:
    """That the readings can be divided by what was planned. Raises ValueError."""
    for key, value, least, most in (
        ("source.frames", plan.source.frames, 1, 2**31),
        ("source.speed", plan.source.speed, 1e-12, 1e12),
        ("memory.budget", plan.memory.budget, 1e-12, 1e18),
        ("memory.limit", plan.memory.limit, 1e-12, 1e12),
    ):
        if not least <= value <= most:
            raise ValueError(f"scenario.{key}: nothing can have been run with {value}")


class _Schema(msgspec.Struct):
    schema: int = 0


def _check_schema(file: Path, data: bytes) -> None:
    try:
        schema = decode(data, _Schema).schema
    except DamagedError as error:
        raise RecordError(f"{file}: not valid JSON ({error}); the run left nothing to report") from error
    if schema > SCHEMA:
        raise RecordError(f"{file}: schema {schema}, this zcbench reads up to {SCHEMA}; use a newer zcbench")


def read_events(path: Path, problems: list[str]) -> list[Event]:
    """The events in a file; what is missing or unreadable is added to ``problems``."""
    if not path.is_file():
        problems.append(f"{path.name} is missing")
        return []
    events: list[Event] = []
    unreadable = 0
    for line in path.read_bytes().splitlines():
        try:
            events.append(decode_event(line))
        except DamagedError:
            unreadable += 1
    if unreadable:
        problems.append(f"{path.name}: {unreadable} unreadable lines were left out")
    return events


def _read_board(path: Path, problems: list[str]) -> tuple[Scoreboard | None, bool]:
    try:
        board, still = Scoreboard.snapshot(path)
        problems.extend(f"{path.name}: {problem}" for problem in board.problems)
        return board, still
    except (OSError, ScoreboardError) as error:
        problems.append(f"{path.name}: {error}")
        return None, True


def _read_result(path: Path, problems: list[str]) -> Result | None:
    if not path.is_file():
        return None
    data = path.read_bytes()
    try:
        # Damage is a problem of one file; only a newer schema makes the whole record unreadable.
        if decode(data, _Schema).schema > SCHEMA:
            _check_schema(path, data)
        return decode(data, Result)
    except DamagedError as error:
        problems.append(f"{path.name}: {error}")
        return None


def _find_end(
    events: list[Event],
    board: Scoreboard | None,
    samples: Samples,
    problems: list[str],
) -> End:
    for event in reversed(events):
        if event.kind == EventKind.END:
            try:
                return msgspec.convert(event.data, prepared(End))
            except msgspec.ValidationError as error:
                problems.append(f"{EVENTS_FILE}: the end cannot be read ({error})")
    problems.append("no end was recorded: the supervisor was stopped, or is still running")
    known: dict[str, Any] = {} if board is None else board.counters()
    elapsed = samples[ELAPSED_S]
    return End(
        ending=Ending.PARTIAL,
        elapsed_s=float(elapsed[-1]) if elapsed.size else None,
        message="the supervisor was killed or is still running; this is what was written so far",
        last_sequence=known.get(CONSUMER_LAST_SEQUENCE) if known.get(CONSUMER_RECEIVED) else None,
        received=known.get(CONSUMER_RECEIVED),
    )


def find_runs(root: Path) -> list[Path]:
    """Every run directory below ``root``, oldest first."""
    return sorted((file.parent for file in root.rglob(RUN_FILE)), key=_started)


def _started(path: Path) -> str:
    class Start(msgspec.Struct):
        started_at: str = ""

    try:
        return decode((path / RUN_FILE).read_bytes(), Start).started_at
    except (OSError, DamagedError):
        return ""


def latest_run(root: Path) -> Path:
    """The newest run below ``root``. Raises RecordError if there is none."""
    runs = find_runs(root) if root.is_dir() else []
    if not runs:
        raise RecordError(f"{root}: no runs there yet; start one with `zcbench run`")
    return runs[-1]
