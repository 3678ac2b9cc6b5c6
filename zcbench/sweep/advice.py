"""What a sweep's runs came to, and the pool that they recommend: checked by a run of that size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from zcbench.record.reader import Record, read_record
from zcbench.record.schema import Result
from zcbench.scenario import Scenario
from zcbench.sweep.journal import Sweep, run_directory
from zcbench.sweep.sizing import Sizing, point, recommend

POOL = "pool.slots"  # the key of a scenario

# Makes the run of this name and scenario in the sweep's directory; the text says to a person what it checks.
Check = Callable[[str, Scenario, str], None]
# What a record came to: given, since judging is no affair of a sweep's.
Judge = Callable[[Record], Result]


@dataclass(frozen=True)
class Ran:
    """One run of a sweep: the ``values`` of its axes, and what came of it."""

    name: str
    values: Mapping[str, str]
    record: Record
    result: Result

    @property
    def application(self) -> str:
        """The values of all axes but the pool's size: what decides how many leases are in flight."""
        return ", ".join(f"{key} = {v}" for key, v in self.values.items() if key != POOL)


@dataclass(frozen=True)
class Advice:
    """The sizing of one application: ``slots`` reached the target in the run ``checked``; None if none did,
    or if no run checked it (``checked`` is None then too)."""

    application: str
    sizing: Sizing | None
    slots: int | None
    checked: Ran | None


def read_run(directory: Path, name: str, values: Mapping[str, str], judge: Judge) -> Ran:
    """The run ``name`` of the sweep in ``directory``, judged anew."""
    record = read_record(run_directory(directory, name))
    return Ran(name, values, record, judge(record))


def advise(
    directory: Path, sweep: Sweep, ran: Sequence[Ran], check: Check, judge: Judge
) -> tuple[list[Advice], list[Ran]]:
    """The pool size for each application of ``sweep``, with the runs that ``check`` made of it.

    None of either where the sweep varied no pool.
    """
    if POOL not in sweep.axes:
        return [], []
    advice: list[Advice] = []
    checks: list[Ran] = []
    for number, application in enumerate(dict.fromkeys(run.application for run in ran), 1):
        of = [run for run in ran if run.application == application]
        sizing = recommend([point(run.record, run.result) for run in of], sweep.target)
        tried: list[Ran] = []
        enough: int | None = None
        for slots in sizing.candidates if sizing is not None and sweep.check else ():
            name = f"check-{number}-{slots}"
            check(name, _with_slots(of[0], slots), f"{slots} slots {application}")
            tried.append(read_run(directory, name, {**of[0].values, POOL: str(slots)}, judge))
            if (point(tried[-1].record, tried[-1].result).hit_rate or 0.0) >= sweep.target:
                enough = slots
                break
        checks += tried
        advice.append(Advice(application, sizing, enough, tried[-1] if tried else None))
    return advice, checks


def _with_slots(run: Ran, slots: int) -> Scenario:
    """The scenario of ``run`` with another pool."""
    scenario = run.record.run.scenario
    pool = msgspec.structs.replace(scenario.pool, slots=slots)
    return msgspec.structs.replace(scenario, pool=pool)
