"""The stretch of a run that shows what a check is about; None for the whole run, or what has no time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zcbench.analysis.delivery import windows
from zcbench.analysis.growth import growths
from zcbench.analysis.laws import balances
from zcbench.analysis.stated import SUSTAINED, stated
from zcbench.analysis.timing import stalls
from zcbench.quantities.names import ELAPSED_S, POOL_HIGH_WATER, POOL_MISSES
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Result

AROUND_S = 5.0  # shown before and after, or
AROUND_SHARE = 0.02  # of the run, if that is more
_SOUND = (Ending.FINISHED, Ending.UNKNOWN)


@dataclass(frozen=True)
class Moment:
    """From ``from_s`` to ``to_s`` into the run; a sample's time if they are equal."""

    from_s: float
    to_s: float

    def around(self, run_s: float) -> tuple[float, float]:
        """What to show so that it can be seen among what was before and after it, s."""
        more = max(AROUND_S, AROUND_SHARE * run_s)
        return max(0.0, self.from_s - more), self.to_s + more


Find = Callable[[Record, Result], Moment | None]


def end(record: Record, _result: Result) -> Moment | None:
    """When the subject ended, where it did so otherwise than planned."""
    at_s = record.end.elapsed_s
    return None if at_s is None or record.end.ending in _SOUND else Moment(at_s, at_s)


def window_of_loss(record: Record, result: Result) -> Moment | None:
    """The window that lost most; else the one that was most behind."""
    parts = windows(record, result.totals)
    if parts.losing:
        worst = max(parts.losing, key=lambda window: window.lost)
    elif parts.late:
        worst = max(parts.late, key=lambda window: window.behind)
    else:
        return None
    return Moment(worst.from_s, worst.to_s)


def first_rise(*columns: str) -> Find:
    """When one of these totals was first above 0."""

    def find(record: Record, _result: Result) -> Moment | None:
        risen = np.any([record.samples[column] > 0 for column in columns], axis=0)
        at = np.flatnonzero(risen)
        return sample(record, int(at[0])) if at.size else None

    return find


def shortage(record: Record, result: Result) -> Moment | None:
    """The first miss; without any, when most leases were out."""
    missed = first_rise(POOL_MISSES)(record, result)
    if missed is not None:
        return missed
    high = record.samples[POOL_HIGH_WATER]
    if not np.isfinite(high).any():
        return None
    return sample(record, int(np.nanargmax(high)))  # the first of equal ones


def growth(record: Record, _result: Result) -> Moment | None:
    """The window of the counter that grew fastest; without a leak, the largest step of an exact counter."""
    grown = [g for g in growths(record) if g.trend.window is not None]
    failing = [g for g in grown if g.trend.outcome == "fail"]
    if failing:
        window = max(failing, key=lambda g: g.slope or 0.0).trend.window
        assert window is not None
        return Moment(window.start_s, window.stop_s)
    exact = [g.trend.window for g in grown if g.counter.kind == "exact"]
    steps = [window.step for window in exact if window is not None]
    known = [step for step in steps if step is not None]
    if not known:
        return None
    largest = max(known, key=lambda step: abs(step.size))
    return Moment(largest.at_s, largest.at_s)


def imbalance(record: Record, result: Result) -> Moment | None:
    """The settled sample at which a law was broken most."""
    broken = [b for b in balances(record, result.totals) if b.worst > b.moving]
    worst = max(broken, key=lambda balance: balance.worst, default=None)
    if worst is None or worst.worst_at_s is None:
        return None
    return Moment(worst.worst_at_s, worst.worst_at_s)


def broken_law(record: Record, result: Result) -> Moment | None:
    """The longest stretch of samples at which a stated law was broken."""
    broken = [law for law in stated(record, result.totals) if law.longest >= SUSTAINED]
    worst = max(broken, key=lambda law: law.longest, default=None)
    return None if worst is None else Moment(worst.from_s, worst.to_s)


def stall(record: Record, result: Result) -> Moment | None:
    """The longest stall."""
    late = stalls(record, result.totals)
    if late is None or not late.at_s:
        return None
    at_s = late.at_s[int(np.argmax(late.late_s))]
    return Moment(at_s, at_s)


def sample(record: Record, row: int) -> Moment:
    """The time of sample number ``row``."""
    at_s = float(record.samples[ELAPSED_S][row])
    return Moment(at_s, at_s)
