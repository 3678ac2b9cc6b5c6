"""How each figure of a comparison is taken from a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from zcbench.analysis import blocks
from zcbench.analysis.delivery import delivery
from zcbench.analysis.derived import growth_by_name
from zcbench.analysis.growth import Growth, packets_per_s
from zcbench.analysis.rate import CONFIDENCE, rate_fit
from zcbench.analysis.statistics import Student
from zcbench.analysis.totals import Totals, count, totals
from zcbench.comparing.readings import Blocks, Counted, Estimate, Plain, Reading, Spared
from zcbench.quantities.names import (
    CPU_SYSTEM_S,
    CPU_USER_S,
    ELAPSED_S,
    ENGINE_CAPTURED,
    POOL_MISSES,
    POOL_REFUSED,
    POOL_RETURNS,
    POOL_SLOTS,
)
from zcbench.record.reader import Record
from zcbench.record.schema import Phase

# Run to run, the share of misses made by hiccups of the machine: at 2,000 packets/s and 10 slots, 5 ms of pool
# (benchmarks/calibrations/comparison.py).
HICCUPS, HICCUP_S = 0.015, 0.005
FEWEST_TIMES = 1000  # ten seconds of 100 a second; of fewer, start-up is too large a part


@dataclass(frozen=True)
class Run:
    """A record with what several figures read of it."""

    record: Record
    found: Totals
    growths: Mapping[str, Growth]

    @classmethod
    def of(cls, record: Record) -> Run:
        """Everything that is computed once."""
        return cls(record, totals(record), growth_by_name(record))


Read = Callable[[Run], Reading | None]


def total(name: str) -> Read:
    """A running total or gauge at the end, of which one run shows no spread."""

    def read(run: Run) -> Reading | None:
        value = run.found.get(name)  # a subject's own: perhaps of one of two runs
        return None if value is None else Plain(value)

    return read


def gauge(name: str, reduce: blocks.Reduce) -> Read:
    """A quantity's samples: ``reduce`` of each block."""

    def read(run: Run) -> Reading | None:
        values = run.record.samples.get(name)
        if values is None or not np.isfinite(values).any():
            return None
        return Blocks(blocks.of_gauge(run.record, values, reduce))

    return read


def events(*names: str, among: str) -> Read:
    """Running totals counted together, whose bursts their blocks show."""

    def read(run: Run) -> Reading | None:
        known = [(name, value) for name in names if (value := count(run.found, name)) is not None]
        packets = count(run.found, among)
        if not known or packets is None:
            return None
        clumped = [blocks.dispersion(run.record, name) for name, value in known if value]
        least = None if None in clumped else max([1.0, *(c for c in clumped if c is not None)])
        return Counted(sum(value for _, value in known), packets, least)

    return read


def missing(run: Run) -> Reading | None:
    """Packets missing beyond the number that means nothing in a stream like this."""
    seen = delivery(run.record, run.found)
    if seen.missing is None or not seen.due:
        return None
    return Counted(seen.missing if seen.missing > seen.tolerance else 0, seen.due)


def not_returned(run: Run) -> Reading | None:
    """Leases still out when all was drained; of a run cut short those of the moment are no loss."""
    if run.found["phase"] != Phase.DONE:
        return None
    names = (ENGINE_CAPTURED, POOL_REFUSED, POOL_RETURNS)
    captured, refused, returns = (count(run.found, name) for name in names)
    if captured is None or returns is None:
        return None
    return Counted(max(0, captured - (refused or 0) - returns), captured)


def hit_rate(run: Run) -> Reading | None:
    """The share of acquires that found a free slot."""
    misses = events(POOL_MISSES, among=ENGINE_CAPTURED)(run)
    slots = count(run.found, POOL_SLOTS)
    if not isinstance(misses, Counted) or not misses.packets or not slots:
        return None
    # A hiccup misses only what outlasts the pool: the longer the pool's time, the rarer.
    per_s = packets_per_s(run.record, run.found) or 0.0
    return Spared(misses, HICCUPS * min(1.0, HICCUP_S * per_s / slots))


def cores(run: Run) -> Reading | None:
    """CPU time of the subject as a share of a core, by blocks."""
    spent = run.record.samples[CPU_USER_S] + run.record.samples[CPU_SYSTEM_S]
    known = np.isfinite(spent).any()
    elapsed = run.record.samples[ELAPSED_S]
    return Blocks(blocks.of_quotient(run.record, spent, elapsed)) if known else None


def percentile(timing: str, percent: float) -> Read:
    """Of a histogram over the whole run: one reading, known as well as runs repeat."""

    def read(run: Run) -> Reading | None:
        times = run.record.histogram(timing)
        if times is None or not times.count:
            return None
        value = times.percentile(percent) if times.count >= FEWEST_TIMES else None
        return Blocks(np.empty(0) if value is None else np.array([value, value]))

    return read


def drift(run: Run) -> Reading | None:
    """The stream's rate against the nominal one, ppm."""
    line = rate_fit(run.record, run.found)
    if line is None:
        return None
    # The half width has the rounding of whole packets in it, which the standard error has not.
    free = line.points - 2
    error = line.half_width_ppm / Student(free).quantile((1 + CONFIDENCE) / 2)
    return Estimate(line.drift_ppm, error, free)


def growth(name: str) -> Read:
    """Bytes a packet, so that a replay at sixty times the pace compares with one at the real pace."""

    def read(run: Run) -> Reading | None:
        known, per_s = run.growths.get(name), packets_per_s(run.record, run.found)
        window = None if known is None else known.trend.window
        if window is None or not per_s:
            return None
        budget = float(run.record.run.scenario.memory.budget)
        # Of what hardly grows, which half grew more means nothing.
        if window.unjudged is not None or (window.slowing and window.slope > budget):
            return Plain(window.slope / per_s, warming=True)
        error = window.standard_error / per_s
        return Estimate(window.slope / per_s, error, window.blocks - 2, budget / per_s)

    return read
