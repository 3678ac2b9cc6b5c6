"""A sweep's directory: its plan, written first, and one run directory for each run of it.

sweep.json      what is to be run
plan/007.toml   the scenario of run 7, as resolved
runs/007/       its record
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from zcbench.files import locked, write_whole
from zcbench.record.decoding import DamagedError, decode
from zcbench.record.reader import read_record
from zcbench.record.schema import RESULT_FILE, SWEEP_FILE, Ending
from zcbench.scenario import Scenario, load, to_toml
from zcbench.sweep.plan import Planned, SweepError

SCHEMA = 1
SWEEP_REPORT = "sweep.md"
LOCK_FILE = "sweep.lock"

_NAME = re.compile(r"[0-9]{3,6}")


class PlannedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run in ``sweep.json``; its scenario is ``plan/NAME.toml``."""

    name: str
    values: dict[str, str]


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """``sweep.json``. ``target`` is the hit rate that the recommended pool must reach, 0..1."""

    schema: int = SCHEMA
    scenario: str
    target: float
    check: bool
    axes: list[str]
    runs: list[PlannedRun]
    at_once: int = 1  # the most runs that were made side by side on one machine


def sweep_of(runs: Sequence[Planned], *, target: float, check: bool) -> Sweep:
    """The sweep of ``runs``, all of one scenario."""
    return Sweep(
        scenario=runs[0].scenario.name,
        target=target,
        check=check,
        axes=list(runs[0].values),
        runs=[PlannedRun(name=run.name, values=run.values) for run in runs],
    )


def write_plan(directory: Path, sweep: Sweep, runs: Sequence[Planned]) -> None:
    """Start a sweep in the new or empty ``directory``. Raises SweepError if it is neither."""
    if directory.exists() and not directory.is_dir():
        raise SweepError(f"--out {directory}: is a file; name a directory that does not exist yet")
    if directory.is_dir() and any(directory.iterdir()):
        hint = "go on with --resume" if (directory / SWEEP_FILE).is_file() else "name a new one"
        raise SweepError(f"--out {directory}: exists and is not empty; {hint}")
    try:
        (directory / "plan").mkdir(parents=True)
    except FileExistsError as error:
        raise SweepError(f"--out {directory}: another sweep is begun there; name a new one") from error
    for run in runs:
        write_scenario(directory, run.name, run.scenario)
    # Last: a plan that a kill cut off is none.
    write_sweep(directory, sweep)


def write_sweep(directory: Path, sweep: Sweep) -> None:
    """Write ``sweep.json``, as a whole or not at all."""
    write_whole(directory / SWEEP_FILE, msgspec.json.format(msgspec.json.encode(sweep)))


def read_plan(directory: Path) -> Sweep:
    """The plan in ``directory``. Raises SweepError if there is none that this zcbench reads."""
    file = directory / SWEEP_FILE
    if not file.is_file():
        raise SweepError(f"{directory}: no sweep (no {SWEEP_FILE}); name a directory of one")
    try:
        sweep = decode(file.read_bytes(), Sweep)
    except DamagedError as error:
        raise SweepError(f"{file}: cannot be read ({error})") from error
    if sweep.schema > SCHEMA:
        raise SweepError(f"{file}: schema {sweep.schema}, this zcbench reads up to {SCHEMA}")
    if not sweep.runs:
        raise SweepError(f"{file}: plans no run; there is nothing to go on with")
    for run in sweep.runs:
        if not _NAME.fullmatch(run.name):  # it names files and directories here, and nowhere else
            raise SweepError(f"{file}: {run.name[:60]!r} is not a run's name, as 007 is")
    return sweep


@contextlib.contextmanager
def held(directory: Path) -> Iterator[None]:
    """Be the only process that makes runs in ``directory``. Raises SweepError if there is another."""
    with locked(directory / LOCK_FILE) as is_ours:
        if not is_ours:
            raise SweepError(
                f"{directory}: another zcbench is making the runs of this sweep; let it, or end it first"
            )
        yield


def plan_file(directory: Path, name: str) -> Path:
    """Where the scenario of the run ``name`` is."""
    return directory / "plan" / f"{name}.toml"


def write_scenario(directory: Path, name: str, scenario: Scenario) -> None:
    """Plan the run ``name``: it is to run ``scenario``."""
    plan_file(directory, name).write_text(to_toml(scenario), encoding="utf-8")


def scenario_of(directory: Path, name: str) -> Scenario:
    """The scenario of the run ``name``, as it was resolved when the sweep began. Raises ScenarioError."""
    return load(plan_file(directory, name))


def run_directory(directory: Path, name: str) -> Path:
    """Where the record of the run ``name`` is, or will be."""
    return directory / "runs" / name


def is_done(directory: Path, name: str) -> bool:
    """Whether the run ``name`` came to an end of its own, and was judged."""
    if not is_judged(directory, name):
        return False
    end = read_record(run_directory(directory, name)).end
    return end.ending not in (Ending.INTERRUPTED, Ending.PARTIAL)


def is_judged(directory: Path, name: str) -> bool:
    """Whether the run ``name`` left a result, however it ended."""
    return (run_directory(directory, name) / RESULT_FILE).is_file()


def set_aside(directory: Path, name: str) -> Path | None:
    """Keep what an unfinished run left under another name, which is returned; None if it left nothing."""
    run = run_directory(directory, name)
    if not run.exists():
        return None
    number = 1
    while (kept := run.with_name(f"{name}-unfinished-{number}")).exists():
        number += 1
    return run.rename(kept)
