"""What a run has to say about one figure, in the form that its difference can be told from chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis import effect
from zcbench.analysis.effect import Effect

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
    whole: float | None = None  # the run's own, to be told when there are no blocks

    @property
    def value(self) -> float | None:
        """Their mean."""
        return float(self.values.mean()) if self.values.size else self.whole


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
    ``most`` in the figure's unit: a hold time of a second is the application's, what varies is the machine's."""

    relative: float = 0.0
    most: float = math.inf


Reading = Plain | Blocks | Counted | Estimate


def testable(base: Reading | None, new: Reading | None) -> bool:
    """Whether the two can be told from chance."""
    return why_not(base, new) is None


def why_not(base: Reading | None, new: Reading | None) -> str | None:
    """Why two readings cannot be tested; None if they can."""
    for side, name in ((base, "BASE"), (new, "NEW")):
        if side is None:
            return f"not measured in {name}"
        if isinstance(side, Plain):
            return f"still warming up in {name}" if side.warming else ""
        if isinstance(side, Blocks) and side.values.size < 2:
            return f"too few samples in {name}"
        if isinstance(side, Counted) and (not side.packets or side.dispersion is None):
            return f"too few samples in {name}"
    return None


def effect_of(base: Reading, new: Reading, spread: RunToRun, alpha: float) -> Effect:
    """The difference of two testable readings of one figure."""
    if isinstance(base, Counted) and isinstance(new, Counted):
        clumped = max(base.dispersion or 1.0, new.dispersion or 1.0)
        sides = [(side.events, side.packets) for side in (base, new)]
        return effect.of_counts(sides[0], sides[1], clumped, alpha)
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
