"""The stretch of a run that shows what a finding says, for the reader to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zcbench.analysis.delivery import windows
from zcbench.analysis.expected import answer, readings
from zcbench.analysis.growth import growths
from zcbench.analysis.laws import balances
from zcbench.analysis.timing import stalls
from zcbench.expectations.language import ExpectationError, parse
from zcbench.quantities.units import clock
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Result
from zcbench.render.placing import EXPECTATION

AROUND_S = 5.0  # shown before and after, or
AROUND_SHARE = 0.02  # of the run, if that is more
_SOUND = (Ending.FINISHED, Ending.UNKNOWN)


@dataclass(frozen=True)
class Moment:
    """From ``from_s`` to ``to_s`` into the run; a sample's time if they are equal."""

    from_s: float
    to_s: float

    @property
    def said(self) -> str:
        """For a person: "at 3:17", or "20:05 to 25:05"."""
        if clock(self.from_s) == clock(self.to_s):
            return f"at {clock(self.from_s)}"
        return f"{clock(self.from_s)} to {clock(self.to_s)}"

    def around(self, run_s: float) -> tuple[float, float]:
        """What to show so that it can be seen among what was before and after it, s."""
        more = max(AROUND_S, AROUND_SHARE * run_s)
        return max(0.0, self.from_s - more), self.to_s + more


def moment_of(finding: Finding, record: Record, result: Result) -> Moment | None:
    """When it was; None for what concerns the whole run, or has no time."""
    if not record.rows:
        return None
    if finding.check.startswith(EXPECTATION):
        return _expectation(finding, record, result)
    find = _MOMENTS.get(finding.check)
    return None if find is None else find(record, result)


def _end(record: Record, _result: Result) -> Moment | None:
    at_s = record.end.elapsed_s
    return None if at_s is None or record.end.ending in _SOUND else Moment(at_s, at_s)


def _window(record: Record, result: Result) -> Moment | None:
    """The window that lost most; else the one that was most behind."""
    parts = windows(record, result.totals)
    if parts.losing:
        worst = max(parts.losing, key=lambda window: window.lost)
    elif parts.late:
        worst = max(parts.late, key=lambda window: window.behind)
    else:
        return None
    return Moment(worst.from_s, worst.to_s)


def _first_rise(*columns: str) -> Callable[[Record, Result], Moment | None]:
    """When one of these totals was first above 0."""

    def find(record: Record, _result: Result) -> Moment | None:
        risen = np.any([record.samples[column] > 0 for column in columns], axis=0)
        at = np.flatnonzero(risen)
        return _sample(record, int(at[0])) if at.size else None

    return find


def _shortage(record: Record, result: Result) -> Moment | None:
    """The first miss; without any, when most leases were out."""
    missed = _first_rise("pool_misses")(record, result)
    if missed is not None:
        return missed
    high = record.samples["pool_high_water"]
    if not np.isfinite(high).any():
        return None
    return _sample(record, int(np.nanargmax(high)))  # the first of equal ones


def _growth(record: Record, _result: Result) -> Moment | None:
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


def _imbalance(record: Record, result: Result) -> Moment | None:
    """The settled sample at which a law was broken most."""
    broken = [b for b in balances(record, result.totals) if b.worst > b.moving]
    worst = max(broken, key=lambda balance: balance.worst, default=None)
    if worst is None or worst.worst_at_s is None:
        return None
    return Moment(worst.worst_at_s, worst.worst_at_s)


def _stall(record: Record, result: Result) -> Moment | None:
    late = stalls(record, result.totals)
    if late is None or not late.at_s:
        return None
    at_s = late.at_s[int(np.argmax(late.late_s))]
    return Moment(at_s, at_s)


def _expectation(finding: Finding, record: Record, result: Result) -> Moment | None:
    """The sample that broke it; where it is about more than one, the reading farthest on the wrong side."""
    if finding.outcome != "fail":
        return None
    try:
        parsed = parse(finding.check.removeprefix(EXPECTATION))
    except ExpectationError:
        return None
    at_s = answer(parsed, record, result.totals).at_s
    if at_s is not None:
        return Moment(at_s, at_s)
    values = readings(parsed, record)
    if values is None or not np.isfinite(values).any():
        return None
    worst = np.nanargmin(values) if parsed.operator in (">", ">=") else np.nanargmax(values)
    return _sample(record, int(worst))


def _sample(record: Record, row: int) -> Moment:
    at_s = float(record.samples["elapsed_s"][row])
    return Moment(at_s, at_s)


_MOMENTS: dict[str, Callable[[Record, Result], Moment | None]] = {
    "life": _end,
    "delivery": _window,
    "gaps": _first_rise("consumer_gaps", "consumer_duplicates", "consumer_reordered"),
    "xruns": _first_rise("engine_xruns", "consumer_xruns"),
    "conservation": _imbalance,
    "integrity": _first_rise(
        "consumer_corrupt_on_delivery",
        "consumer_corrupt_before_return",
        "consumer_wrong_size",
        "consumer_aliased",
    ),
    "pool.recycling": _shortage,
    "pool.hit_rate": _shortage,
    "memory": _growth,
    "timing": _stall,
}
