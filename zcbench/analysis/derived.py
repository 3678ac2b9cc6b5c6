"""What is derived from a run's measurements, once, when it is judged.

The values are kept in ``result.json``, so that a history over thousands of runs need not read their samples;
:mod:`zcbench.quantities.derived` says what each is.
"""

from __future__ import annotations

import math

import numpy as np

from zcbench.analysis import blocks
from zcbench.analysis.cost import cost
from zcbench.analysis.counter import Counter
from zcbench.analysis.delivery import delivery
from zcbench.analysis.growth import Growth, growths
from zcbench.analysis.pool import behaviour
from zcbench.analysis.rate import rate_fit
from zcbench.analysis.totals import Totals
from zcbench.quantities.derived import LEVELS, PERCENTILES, growth_name, trend_of
from zcbench.quantities.quantity import Kind, Quantity
from zcbench.quantities.registry import STANDARD
from zcbench.record.reader import Record

Value = float | None


def derive(record: Record, found: Totals) -> dict[str, Value]:
    """Every derived quantity of ``record``, by name; None where it could not be measured."""
    values: dict[str, Value] = {one.name: _by_formula(one, found) for one in record.quantities.derived}
    for part in (_of_stream, _of_timings, _of_memory):
        values.update(part(record, found))
    return {name: value if _finite(value) else None for name, value in values.items()}


def _by_formula(one: Quantity, found: Totals) -> Value:
    return None if one.formula is None or one.kind is Kind.PACE else one.formula.of(found)


def _finite(value: Value) -> bool:
    return value is not None and math.isfinite(value)


def _of_stream(record: Record, found: Totals) -> dict[str, Value]:
    seen, spent, line = delivery(record, found), cost(record), rate_fit(record, found)
    pool = behaviour(record, found)
    return {
        "missing": seen.missing,
        "pool.mean_in_flight": pool.mean_in_flight,
        "cpu": None if spent is None else spent.cores,
        "cpu.per_packet": None if spent is None else spent.per_packet_s,
        "harness_cpu": None if spent is None else spent.harness_cores,
        "rate.drift": None if line is None else line.drift_ppm,
    }


def _of_timings(record: Record, _found: Totals) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for timing in record.quantities.histograms:
        times = record.histogram(timing.column)
        if times is None:
            continue
        values |= {f"{timing.name}.{which}": times.percentile(p) for which, p in PERCENTILES.items()}
        values[f"{timing.name}.max"] = float(times.max_ns) if times.count else None
    return values


def _of_memory(record: Record, _found: Totals) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, column in LEVELS.items():
        marks = blocks.of_gauge(record, record.samples[column], blocks.lowest)
        values[name] = float(np.median(marks)) if marks.size else None
    known = record.quantities
    return values | {name: one.slope for name, one in growth_by_name(record).items() if name in known}


def growth_by_name(record: Record) -> dict[str, Growth]:
    """The trend of every measured counter, by the name of its derived number."""
    return {_trend(record, growth.counter): growth for growth in growths(record)}


def _trend(record: Record, counter: Counter) -> str:
    """Of our own subjects by the counter's name, of a subject's own quantity by that quantity's."""
    own = None if counter.column in STANDARD else record.quantities.get(counter.column or "")
    trend = None if own is None else trend_of(own)
    return growth_name(counter.name) if trend is None else trend.name
