"""What is derived from a run's measurements, once, when it is judged: the registry, and the values.

They are kept in ``result.json``, so that a history over thousands of runs need not read their samples. Names
are those of the expectation language where it has one ("delivery.p99").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zcbench.analysis import blocks
from zcbench.analysis.cost import cost
from zcbench.analysis.delivery import delivery
from zcbench.analysis.growth import Growth, growths
from zcbench.analysis.pool import behaviour
from zcbench.analysis.rate import rate_fit
from zcbench.analysis.totals import Totals
from zcbench.quantities.registry import TIMINGS
from zcbench.record.reader import Record

Value = float | None


@dataclass(frozen=True)
class Derived:
    """One derived number; ``unit`` is one of the registry of metrics, or "ratio", "ppm" or "bytes/s"."""

    name: str
    unit: str
    meaning: str


def counter_key(counter: str) -> str:
    """A memory counter's name in a metric: "python_heap" of "Python heap"."""
    return counter.lower().replace(" ", "_")


GROWING = (
    "Python heap", "small objects", "allocated blocks", "native heap", "overflow", "leases", "RSS", "USS",
)  # fmt: skip
LEVELS: Mapping[str, str] = {
    "level.rss": "rss_bytes",
    "level.native_heap": "native_heap_bytes",
    "level.python_heap": "python_heap_bytes",
}
_PERCENTILES = {"p50": 50.0, "p99": 99.0}

DERIVED: Mapping[str, Derived] = {
    d.name: d
    for d in (
        Derived("missing", "packets", "packets due and not delivered"),
        Derived("pool.hit_rate", "ratio", "hits / (hits + misses)"),
        Derived("pool.mean_in_flight", "leases", "Little's law: capture rate x mean hold time"),
        Derived("cpu", "ratio", "CPU time of the subject, as a share of one core, start-up left out"),
        Derived("cpu.per_packet", "s", "CPU time of the subject for each packet delivered"),
        Derived("harness_cpu", "ratio", "CPU time of supervisor and probes, as a share of one core"),
        Derived("rate.drift", "ppm", "the stream's rate against the nominal one"),
        *(
            Derived(f"{t.name.removesuffix('_ns')}.{which}", "ns", f"{which} of: {t.meaning}")
            for t in TIMINGS
            for which in (*_PERCENTILES, "max")
        ),
        *(
            Derived(name, "bytes", f"typical low-water mark of {column} after warm-up")
            for name, column in LEVELS.items()
        ),
        *(
            Derived(f"growth.{counter_key(name)}", "bytes/s", f"trend of: {name}")
            for name in GROWING
        ),
    )
}  # fmt: skip


def derive(record: Record, found: Totals) -> dict[str, Value]:
    """Every entry of DERIVED for ``record``, by name; None where it could not be measured."""
    values: dict[str, Value] = dict.fromkeys(DERIVED)
    for part in (_of_stream, _of_timings, _of_memory):
        values.update(part(record, found))
    return {name: value if _finite(value) else None for name, value in values.items()}


def _finite(value: Value) -> bool:
    return value is not None and math.isfinite(value)


def _of_stream(record: Record, found: Totals) -> dict[str, Value]:
    seen, spent, line = delivery(record, found), cost(record), rate_fit(record, found)
    pool = behaviour(record, found, seen.streamed_s)
    return {
        "missing": seen.missing,
        "pool.hit_rate": pool.hit_rate,
        "pool.mean_in_flight": pool.mean_in_flight,
        "cpu": None if spent is None else spent.cores,
        "cpu.per_packet": None if spent is None else spent.per_packet_s,
        "harness_cpu": None if spent is None else spent.harness_cores,
        "rate.drift": None if line is None else line.drift_ppm,
    }


def _of_timings(record: Record, _found: Totals) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for timing in TIMINGS if record.board is not None else ():
        assert record.board is not None
        times = record.board.histogram(timing.name)
        short = timing.name.removesuffix("_ns")
        values |= {f"{short}.{which}": times.percentile(p) for which, p in _PERCENTILES.items()}
        values[f"{short}.max"] = float(times.max_ns) if times.count else None
    return values


def _of_memory(record: Record, _found: Totals) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, column in LEVELS.items():
        marks = blocks.of_gauge(record, record.samples[column], blocks.lowest)
        values[name] = float(np.median(marks)) if marks.size else None
    return values | {name: growth.slope for name, growth in growth_by_name(record).items()}


def growth_by_name(record: Record) -> dict[str, Growth]:
    """The trend of every measured counter, by the name of its derived number."""
    return {f"growth.{counter_key(growth.counter.name)}": growth for growth in growths(record)}
