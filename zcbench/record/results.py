"""The results of many runs at once: ``result.json`` and ``run.json`` of every run below a directory, by DuckDB.

The files are read as blobs and taken apart in SQL: ``read_json`` took twelve times as long for the same
10,000 runs, and one damaged file among them ends its whole query.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zcbench.record.schema import RESULT_FILE, RUN_FILE, SCHEMA, SWEEP_FILE
from zcbench.record.writer import RecordError

_GLOB = str.maketrans({c: f"[{c}]" for c in "*?["})  # the names are taken for patterns otherwise

_RUN = (
    "$.schema", "$.id", "$.started_at", "$.scenario.name",
    "$.environment.git_commit", "$.environment.git_dirty",
)  # fmt: skip
_RESULT = ("$.schema", "$.verdict", "$.end.ending")
# Each file is taken apart once; what is damaged is null.
_QUERY = """
with
  run as materialized (
    select parse_dirpath(filename) as folder, try(json_extract_string(decode(content), $run)) as found
    from read_blob($runs)
  ),
  result as materialized (
    select parse_dirpath(filename) as folder, try(json_extract_string(decode(content), $result)) as found
    from read_blob($results)
  )
select folder, run.found, result.found from run join result using (folder)
"""


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
    problems = [
        f"{folder}: no {RESULT_FILE}; it is still running, or was never judged"
        for folder in unjudged
    ]
    rows: list[Row] = []
    for folder, found in _query(folders, metrics):
        if isinstance(found, str):
            problems.append(f"{folder}: {found}")
        elif scenario in (None, found.scenario):
            rows.append(found)
    if not rows and scenario is not None and len(problems) < len(folders) + len(unjudged):
        raise RecordError(
            f"{root}: no run of scenario {scenario!r}; leave out --scenario to see all"
        )
    if not rows:
        raise RecordError(
            f"{root}: none of {len(problems)} runs can be read; the first: {problems[0]}"
        )
    return Results(tuple(sorted(rows, key=lambda row: (row.started_at, row.id))), tuple(problems))


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


def _query(folders: Sequence[Path], metrics: Sequence[str]) -> Iterator[tuple[Path, Row | str]]:
    import duckdb

    if not folders:
        return
    by_name = {folder.as_posix(): folder for folder in folders}
    given = {
        "runs": [f"{name}/{RUN_FILE}".translate(_GLOB) for name in by_name],
        "results": [f"{name}/{RESULT_FILE}".translate(_GLOB) for name in by_name],
        "run": list(_RUN),
        "result": [*_RESULT, *(f'$.{t}."{m}"' for m in metrics for t in ("totals", "derived"))],
    }
    try:
        with duckdb.connect() as connection:
            found = connection.execute(_QUERY, given).fetchall()
    except duckdb.Error as error:
        raise RecordError(f"the results cannot be read ({error})") from error
    for name, run, result in found:
        yield by_name[name], _row(by_name[name], run, result)


def _row(folder: Path, run: list[str | None] | None, result: list[str | None] | None) -> Row | str:
    """The run, or why it is left out."""
    for file, found in ((RUN_FILE, run), (RESULT_FILE, result)):
        if found is None or found[0] is None or not found[0].isdecimal():
            return f"{file}: damaged, or not valid JSON"
        if int(found[0]) > SCHEMA:
            return (
                f"{file}: schema {found[0]}, this zcbench reads up to {SCHEMA}; use a newer zcbench"
            )
    assert run is not None
    assert result is not None
    _, id_, started_at, scenario, commit, dirty = run
    _, verdict, ending, *values = result
    if id_ is None or started_at is None or scenario is None or verdict is None or ending is None:
        return f"{RUN_FILE} or {RESULT_FILE} lacks what every run has"
    totals, derived = values[0::2], values[1::2]
    return Row(
        path=folder,
        id=id_,
        started_at=started_at,
        scenario=scenario,
        commit=None if commit is None else commit[:12] + ("+" if dirty == "true" else ""),
        verdict=verdict,
        ending=ending,
        values=tuple(map(_number, map(_either, totals, derived))),
    )


def _either(total: str | None, derived: str | None) -> str | None:
    return derived if total is None else total


def _number(text: str | None) -> float | None:
    try:
        value = None if text is None else float(text)
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) else None
