"""The results of many runs at once: ``result.json`` and ``run.json`` of every run below a directory."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from zcbench.record.brought import Brought
from zcbench.record.reader import read_brought
from zcbench.record.schema import RESULT_FILE, RUN_FILE, SCHEMA, SWEEP_FILE
from zcbench.record.writer import RecordError


class _Keys(msgspec.Struct, frozen=True):
    """Only the keys that are read, of any type: what else a file holds is passed over, not built."""

    schema: Any = None


class _Named(msgspec.Struct, frozen=True):
    name: Any = None


class _Commit(msgspec.Struct, frozen=True):
    git_commit: Any = None
    git_dirty: Any = None


class _Ended(msgspec.Struct, frozen=True):
    ending: Any = None


class _Run(_Keys, frozen=True):
    id: Any = None
    started_at: Any = None
    scenario: _Named = _Named()
    environment: _Commit = _Commit()


class _Result(_Keys, frozen=True):
    verdict: Any = None
    end: _Ended = _Ended()
    totals: dict[str, Any] | None = None
    derived: dict[str, Any] | None = None


Kind = TypeVar("Kind", bound=_Keys)

_RUN = msgspec.json.Decoder(_Run)
_RESULT = msgspec.json.Decoder(_Result)


@dataclass(frozen=True)
class Row:
    """One run: ``values`` are those of the metrics asked for, in their order; None where not measured."""

    path: Path
    id: str
    started_at: str  # ISO-8601 with zone
    scenario: str
    commit: str | None  # "+" behind one with changes
    verdict: str
    ending: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Results:
    """``rows`` by time of start; ``problems`` name each run that was left out, and why."""

    rows: tuple[Row, ...]
    problems: tuple[str, ...]


def read_results(root: Path, metrics: Sequence[str], scenario: str | None = None) -> Results:
    """Every judged run below ``root``, of ``scenario`` or of all, with the totals and derived ``metrics``.

    The runs of a sweep are variants of one scenario, not its history: they are read only where ``root`` is
    the sweep's own directory. Raises RecordError if there is no run, none of that scenario, or none that can
    be read.
    """
    if not root.is_dir():
        raise RecordError(f"{root}: no such directory; name one that holds runs")
    folders, unjudged = _folders(root)
    if not folders and not unjudged:
        raise RecordError(
            f"{root}: no runs there yet; start one with `zcbench run` "
            "(those of a sweep are found in its own directory)"
        )
    problems = [f"{folder}: no {RESULT_FILE}; it is still running, or was never judged" for folder in unjudged]
    rows: list[Row] = []
    for folder in folders:
        found = _row(folder, metrics)
        if isinstance(found, str):
            problems.append(f"{folder}: {found}")
        elif scenario in (None, found.scenario):
            rows.append(found)
    if not rows and scenario is not None and len(problems) < len(folders) + len(unjudged):
        raise RecordError(f"{root}: no run of scenario {scenario!r}; leave out --scenario to see all")
    if not rows:
        raise RecordError(f"{root}: none of {len(problems)} runs can be read; the first: {problems[0]}")
    return Results(tuple(sorted(rows, key=lambda row: (row.started_at, row.id))), tuple(problems))


def brought_below(root: Path) -> tuple[Brought, ...]:
    """The quantities of their own that the subjects of the runs below ``root`` brought, each once."""
    found: dict[str, Brought] = {}
    for folder in _folders(root)[0] if root.is_dir() else ():
        try:
            brought = read_brought(folder)
        except RecordError:
            continue  # told of when its result is read
        found |= {one.name: one for one in brought if one.name not in found}
    return tuple(found.values())


def _folders(root: Path) -> tuple[list[Path], list[Path]]:
    """Run directories that were judged, and those that were not. Nothing lies below a run."""
    judged: list[Path] = []
    unjudged: list[Path] = []
    for folder, below, files in os.walk(root):
        if SWEEP_FILE in files and Path(folder) != root:
            below.clear()
        elif RUN_FILE in files:
            (judged if RESULT_FILE in files else unjudged).append(Path(folder))
            below.clear()
    return sorted(judged), sorted(unjudged)


def _row(folder: Path, metrics: Sequence[str]) -> Row | str:
    """The run, or why it is left out."""
    run = _decoded(folder / RUN_FILE, _RUN)
    result = _decoded(folder / RESULT_FILE, _RESULT)
    if isinstance(run, str):
        return run
    if isinstance(result, str):
        return result
    commit = run.environment.git_commit
    told = (run.id, run.started_at, run.scenario.name, result.verdict, result.end.ending)
    if not all(isinstance(text, str) for text in told):
        return f"{RUN_FILE} or {RESULT_FILE} lacks what every run has"
    totals, derived = result.totals or {}, result.derived or {}
    return Row(
        path=folder,
        id=run.id,
        started_at=run.started_at,
        scenario=run.scenario.name,
        commit=_commit(commit, run.environment.git_dirty),
        verdict=result.verdict,
        ending=result.end.ending,
        values=tuple(_number(totals.get(name), derived.get(name)) for name in metrics),
    )


def _decoded(path: Path, decoder: msgspec.json.Decoder[Kind]) -> Kind | str:
    """What a file says, or what is wrong with it."""
    try:
        found = decoder.decode(path.read_bytes())
    except (OSError, UnicodeError, msgspec.MsgspecError):
        return f"{path.name}: damaged, or not valid JSON"
    if not isinstance(found.schema, int) or isinstance(found.schema, bool):
        return f"{path.name}: damaged, or not valid JSON"
    if found.schema > SCHEMA:
        return f"{path.name}: schema {found.schema}, this zcbench reads up to {SCHEMA}; use a newer zcbench"
    return found


def _commit(text: Any, dirty: Any) -> str | None:
    return text[:12] + "+" * (dirty is True) if isinstance(text, str) else None


def _number(total: Any, derived: Any) -> float | None:
    """The total, or else the derived number; None for what is no finite number."""
    value = derived if total is None else total
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
