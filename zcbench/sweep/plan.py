"""What a sweep is to run: every combination of the values of its axes, each a scenario that holds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from zcbench.quantities.units import format_duration
from zcbench.scenario import Scenario, Setting, load
from zcbench.scenario.plain import PLAIN

MOST_RUNS = 200
START_AND_END_S = 2.0  # of a run, beside its stream: imports, the slab, the drain, the report


class SweepError(ValueError):
    """A sweep that cannot be made; the message names what was given and what would do."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A key of the scenario and the values it takes, as text."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """One run of a sweep. ``number`` counts from 1; ``values`` has one text for each axis."""

    number: int
    values: dict[str, str]
    scenario: Scenario

    @property
    def name(self) -> str:
        """Its directory's name: "007"."""
        return f"{self.number:03}"


def parse_axis(text: str) -> Axis:
    """ "pool.slots=10,50". Raises SweepError without a key or values, or with a value twice."""
    key, equals, rest = text.partition("=")
    values = tuple(value.strip() for value in rest.split(","))
    if not equals or not key.strip() or not all(values):
        raise SweepError(f"--vary {text!r}: not KEY=VALUE,VALUE, as in pool.slots=10,50,100")
    if len(set(values)) < len(values):
        raise SweepError(f"--vary {text!r}: names a value twice")
    return Axis(key.strip(), values)


def plan(
    scenario: str | None,
    axes: Sequence[Axis],
    *,
    environment: Sequence[Setting] = (),
    flags: Sequence[Setting] = (),
    checks: Callable[[], Collection[str]] | None = None,
) -> list[Planned]:
    """Every run, the last axis varying fastest.

    Raises SweepError for an axis given twice, or set by a flag too, and for more than 200 runs; ScenarioError
    for a key that does not exist or a value that it cannot have.
    """
    keys = [axis.key for axis in axes]
    for key in keys:
        if keys.count(key) > 1:
            raise SweepError(f"--vary {key}: given twice; name all its values in one")
    for flag in flags:
        if flag.key in keys:
            raise SweepError(f"{flag.origin}: {flag.key} is varied; give it in --vary or here")
    count = math.prod(len(axis.values) for axis in axes)
    if count > MOST_RUNS:
        # Every flag that only some values of an axis give a meaning needs one of them: the first.
        first = _scenario(scenario, axes, [a.values[0] for a in axes], environment, flags, checks)
        long = format_duration(round(count * _lasts_s(first)))
        raise SweepError(
            f"--vary: {count:,} runs would take about {long}; at most {MOST_RUNS} runs make a sweep"
        )
    runs = []
    for number, values in enumerate(itertools.product(*(a.values for a in axes)), 1):
        resolved = _scenario(scenario, axes, values, environment, flags, checks)
        runs.append(Planned(number, dict(zip(keys, values, strict=True)), resolved))
    return runs


def length_s(runs: Sequence[Planned]) -> float:
    """About how long ``runs`` take one after the other, s."""
    return sum(_lasts_s(run.scenario) for run in runs)


def _scenario(
    scenario: str | None,
    axes: Sequence[Axis],
    values: Sequence[str],
    environment: Sequence[Setting],
    flags: Sequence[Setting],
    checks: Callable[[], Collection[str]] | None,
) -> Scenario:
    varied = [Setting(a.key, v, "--vary") for a, v in zip(axes, values, strict=True)]
    # A plain soak is called by its duration and pool, which may differ from run to run.
    name = [Setting("name", PLAIN, "default")] if scenario is None else []
    return load(scenario, environment=[*name, *environment], flags=[*flags, *varied], checks=checks)


def _lasts_s(scenario: Scenario) -> float:
    # How long an unpaced run takes nobody knows before: its stream's length is the most.
    return scenario.duration / scenario.source.speed + START_AND_END_S
