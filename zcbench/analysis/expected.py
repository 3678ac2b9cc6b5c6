"""The value of what an expectation names, in a record: per sample, in a window, or at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.growth import HEAP_RESOLUTION_BYTES, counters
from zcbench.analysis.stream import streaming
from zcbench.analysis.totals import Totals
from zcbench.analysis.trend import trend
from zcbench.expectations.language import KEPT_PER_SAMPLE, Parsed, is_balance, kept_as
from zcbench.quantities.names import ELAPSED_S, ENGINE_STOP_NS, RATE_PER_S
from zcbench.quantities.quantity import Kind, Quantity
from zcbench.record.reader import Record

Series = NDArray[np.float64]
RATE = RATE_PER_S
_PERCENT = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9}


@dataclass(frozen=True)
class Answer:
    """What was found. ``holds`` is None where nothing can be said; ``value`` is the one that decided it, in the
    expectation's unit; ``how`` says how it came about. ``at_s`` is when one sample broke it."""

    holds: bool | None
    value: float | None
    how: str
    at_s: float | None = None


def readings(parsed: Parsed, record: Record) -> Series | None:
    """What it names at each sample that it is about, NaN at others; of a histogram its largest since the sample
    before. None where no sample has it."""
    quantity = parsed.quantity
    if quantity.kind is Kind.HISTOGRAM:
        values = record.samples.get(f"{quantity.name}_max_ns")
    else:
        values = _values(record, quantity)
    return None if values is None else np.where(_window(parsed, record), values, np.nan)


def answer(parsed: Parsed, record: Record, found: Totals) -> Answer:
    """Hold ``parsed`` against ``record``."""
    quantity, statistic = parsed.quantity, parsed.statistic
    rows = _window(parsed, record)
    if quantity.kind is Kind.HISTOGRAM:
        if parsed.windowed or parsed.for_s:
            return _each(parsed, record, rows, record.samples[kept_as(parsed) or ""])
        return _one(parsed, _of_histogram(parsed, record), "over the whole run")
    values = _values(record, quantity)
    if values is None:
        return Answer(None, None, "no reading")
    if statistic == "slope":
        return _slope(parsed, record, rows)
    if quantity.kind is Kind.PACE:
        return _one(parsed, _rate(record, rows, values), "over the run")
    if statistic == "rate":
        rate = _rate(record, rows, values)
        value = None if rate is None else rate * quantity.unit.in_base
        return _one(parsed, value, "on average per second")
    is_level = quantity.kind is Kind.GAUGE and not is_balance(quantity)
    if parsed.for_s or (is_level and statistic is None):
        return _each(parsed, record, rows, values)
    values = values * quantity.unit.in_base
    inside = values[rows & np.isfinite(values)]
    if not parsed.windowed and (statistic in (None, "last") or quantity.kind is Kind.RATIO):
        return _one(parsed, _at_end(parsed, found, inside), "at the end")
    if not inside.size:
        return Answer(None, None, "no reading")
    if quantity.kind is Kind.RATIO:
        return _one(parsed, _of_rises(record, rows, quantity), "in the window")
    if quantity.kind is Kind.TOTAL and statistic in (None, "delta"):
        value = _risen(values, rows)
        return _one(parsed, value, "more at the end of it than at its start")
    return _one(parsed, _STATISTICS[statistic or "last"](inside), statistic or "last")


_STATISTICS = {
    "max": lambda y: float(y.max()),
    "min": lambda y: float(y.min()),
    "mean": lambda y: float(y.mean()),
    "last": lambda y: float(y[-1]),
    "delta": lambda y: float(y[-1] - y[0]),
}


def _one(parsed: Parsed, value: float | None, how: str) -> Answer:
    if value is None:
        return Answer(None, None, "no reading")
    return Answer(parsed.holds(value), value, how)


def _window(parsed: Parsed, record: Record) -> NDArray[np.bool_]:
    """The rows it is about; times count from the first sample's second, and back from the last."""
    t = record.samples[ELAPSED_S]
    rows = np.ones(t.shape, bool)
    if parsed.last_s is not None:
        rows &= t >= t.max(initial=0.0) - parsed.last_s
    for limit, keep in (
        (parsed.first_s, t.__le__),
        (parsed.to_s, t.__le__),
        (parsed.from_s, t.__ge__),
    ):
        if limit is not None:
            rows &= keep(limit)
    return rows


def _values(record: Record, quantity: Quantity) -> Series | None:
    """Its readings at every sample, by its formula if it has one; None if the record has no such quantity."""
    if quantity.formula is not None:
        known = set(quantity.formula.names) <= record.samples.keys()
        return quantity.formula.over(record.samples) if known else None
    values = record.samples.get(quantity.name)
    if values is not None and quantity.name == RATE:
        return np.where(_whole(record), values, np.nan)
    return values


def _whole(record: Record) -> NDArray[np.bool_]:
    """Rows that packets flowed all through since the row before; all where no phase is known.

    The first sample also spans the start-up and the last the drain: their rates are no rates of the stream.
    """
    if not np.isfinite(record.samples["phase"]).any():
        return streaming(record)
    running = streaming(record) & ~(record.samples[ENGINE_STOP_NS] > 0)
    return np.asarray(running & np.concatenate([[False], running[:-1]]))


def _at_end(parsed: Parsed, found: Totals, inside: Series) -> float | None:
    quantity = parsed.quantity
    if quantity.kind is Kind.RATIO:
        assert quantity.formula is not None
        return quantity.formula.of(found)
    total = found.get(quantity.name)
    if total is not None:
        return float(total) * quantity.unit.in_base
    return float(inside[-1]) if inside.size else None


def _of_rises(record: Record, rows: NDArray[np.bool_], quantity: Quantity) -> float | None:
    """A quotient of totals over a part of the run: of what they rose by."""
    assert quantity.formula is not None
    return quantity.formula.of({name: _risen(record.samples[name], rows) for name in quantity.formula.names})


def _risen(y: Series, rows: NDArray[np.bool_]) -> float | None:
    """Rise of a total from the last reading before ``rows`` (0 where there is none) to the last in them.

    The first reading inside will not do for a start: what happened just before it was in the window.
    """
    known = np.flatnonzero(np.isfinite(y))
    inside = known[rows[known]]
    if not inside.size:
        return None
    before = known[known < inside[0]]
    return float(y[inside[-1]] - (y[before[-1]] if before.size else 0.0))


def _rate(record: Record, rows: NDArray[np.bool_], values: Series) -> float | None:
    """Rise of a total per second of the run, over the samples that have it."""
    known = rows & np.isfinite(values)
    t, y = record.samples[ELAPSED_S][known], values[known]
    return float((y[-1] - y[0]) / (t[-1] - t[0])) if t.size > 1 and t[-1] > t[0] else None


def _of_histogram(parsed: Parsed, record: Record) -> float | None:
    times = record.histogram(parsed.quantity.column)
    if times is None:
        return None
    if parsed.statistic == "max":
        return times.max_ns / 1e9 if times.count else None
    value = times.percentile(_PERCENT[parsed.statistic or "p50"])
    return None if value is None else value / 1e9


def _each(parsed: Parsed, record: Record, rows: NDArray[np.bool_], values: Series) -> Answer:
    """It must hold at every sample; broken is only what stays so for ``for_s``."""
    values = values * parsed.quantity.unit.in_base
    known = rows & np.isfinite(values)
    t, y = record.samples[ELAPSED_S][known], values[known]
    if not y.size:
        return Answer(None, None, "no reading")
    broken = np.array([not parsed.holds(float(v)) for v in y])
    since: float | None = None
    for at, value, bad in zip(t, y, broken, strict=True):
        since = (since if since is not None else float(at)) if bad else None
        if since is not None and float(at) - since >= parsed.for_s:
            lasting = f" since {since:.0f} s" if parsed.for_s else ""
            return Answer(False, float(value), f"at {float(at):.1f} s{lasting}", float(at))
    worst = y.max() if parsed.operator in ("<", "<=") else y.min()
    what = parsed.statistic if parsed.statistic in KEPT_PER_SAMPLE else "value"
    return Answer(True, float(worst), f"the worst {what} of {y.size:,} samples")


def _slope(parsed: Parsed, record: Record, rows: NDArray[np.bool_]) -> Answer:
    """The trend's growth (:mod:`zcbench.analysis.trend`): told only where its bounds allow it."""
    quantity = parsed.quantity
    counter = next((c for c in counters(record) if c.column == quantity.name), None)
    if counter is None:
        t, y, collected, resolution = (
            record.samples[ELAPSED_S],
            record.samples[quantity.name],
            None,
            1.0,
        )
    else:
        t, y, collected = counter.times, counter.values, counter.collected
        resolution = counter.resolution
    inside = np.isin(t, record.samples[ELAPSED_S][rows])
    found = trend(
        t[inside],
        y[inside],
        budget=abs(parsed.limit) or HEAP_RESOLUTION_BYTES,
        resolution=resolution,
        collected=None if collected is None else collected[inside],
    )
    window = found.window
    if window is None:
        return Answer(None, None, found.why)
    bounds = [parsed.holds(window.low), parsed.holds(window.high)]
    holds = bounds[0] if bounds[0] == bounds[1] else None
    return Answer(holds, window.slope, f"± {window.standard_error:,.1f} B/s")
