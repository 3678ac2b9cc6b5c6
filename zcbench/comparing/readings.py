"""What a run has to say about one figure, in the form that its difference can be told from chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.comparing import effect
from zcbench.comparing.effect import Effect

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Plain:
    """A number of which one run says nothing about chance, such as a maximum: it gets no verdict."""

    value: float
    warming: bool = False  # a growth that dies away


@dataclass(frozen=True)
class Blocks:
    """One value for each block of the run, shape (blocks,); none if it is too short for 6 blocks."""

    values: Series

    @property
    def value(self) -> float | None:
        """Their mean."""
        return float(self.values.mean()) if self.values.size else None

    @property
    def testable(self) -> bool:
        """Whether they show a spread."""
        return self.values.size > 1


@dataclass(frozen=True)
class Counted:
    """``events`` among ``packets``; those in bursts count as ``dispersion`` times fewer, None if not known."""

    events: int
    packets: float
    dispersion: float | None = 1.0

    @property
    def value(self) -> float:
        """The events."""
        return self.events

    @property
    def testable(self) -> bool:
        """Whether anything is known of how they come."""
        return bool(self.packets) and self.dispersion is not None


@dataclass(frozen=True)
class Spared:
    """The share of ``packets`` to which nothing happened; ``run_to_run`` is its standard deviation at most."""

    hit: Counted
    run_to_run: float

    @property
    def value(self) -> float | None:
        """One minus the rate of the events."""
        return 1 - self.hit.events / self.hit.packets if self.hit.packets else None

    @property
    def testable(self) -> bool:
        """As of a count."""
        return self.hit.testable


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error and degrees of freedom; ``matters`` is the difference that does."""

    value: float
    error: float
    free: float
    matters: float = 0.0


@dataclass(frozen=True)
class RunToRun:
    """The standard deviation between runs of one and the same thing: ``relative`` to their mean, never above
    ``most`` in the figure's unit: a hold time of a second is the application's, the rest the machine's."""

    relative: float = 0.0
    most: float = math.inf


Reading = Plain | Blocks | Counted | Spared | Estimate


def without_events(reading: Reading | None) -> bool:
    """Whether it counts events, and none came."""
    counted = reading.hit if isinstance(reading, Spared) else reading
    return isinstance(counted, Counted) and not counted.events


def why_not(base: Reading | None, new: Reading | None) -> str | None:
    """Why two readings cannot be tested; None if they can."""
    for side, name in ((base, "BASE"), (new, "NEW")):
        if side is None:
            return f"not measured in {name}"
        if isinstance(side, Plain):
            return f"still warming up in {name}" if side.warming else ""
        if isinstance(side, Blocks | Counted | Spared) and not side.testable:
            return f"too few samples in {name}"
    return None


def effect_of(base: Reading, new: Reading, spread: RunToRun, alpha: float) -> Effect:
    """The difference of two testable readings of one figure."""
    if isinstance(base, Counted) and isinstance(new, Counted):
        return _of_counts(base, new, 0.0, alpha)
    if isinstance(base, Spared) and isinstance(new, Spared):
        # No more than the events themselves: where there are none, runs do not differ in them.
        middle = (2 - (base.value or 0.0) - (new.value or 0.0)) / 2
        deviation = min(max(base.run_to_run, new.run_to_run), middle)
        hit = _of_counts(base.hit, new.hit, deviation, alpha)
        return Effect(1 - hit.base, 1 - hit.new, -hit.high, -hit.low)
    if isinstance(base, Estimate) and isinstance(new, Estimate):
        first, second = ((side.value, side.error, side.free) for side in (base, new))
        return effect.of_estimates(first, second, alpha)
    assert isinstance(base, Blocks)
    assert isinstance(new, Blocks)
    middle = float(np.abs(base.values).mean() + np.abs(new.values).mean()) / 2
    deviation = min(spread.relative * middle, spread.most)
    if (base.values > 0).all() and (new.values > 0).all():
        # What spreads in proportion to its size is compared by ratio.
        return effect.of_ratios(base.values, new.values, deviation / middle, alpha)
    return effect.of_means(base.values, new.values, deviation, alpha)


def _of_counts(base: Counted, new: Counted, run_to_run: float, alpha: float) -> Effect:
    clumped = max(base.dispersion or 1.0, new.dispersion or 1.0)
    sides = [(side.events, side.packets) for side in (base, new)]
    return effect.of_counts(sides[0], sides[1], clumped, alpha, run_to_run)
