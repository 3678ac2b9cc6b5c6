"""The registry of figures that two runs are compared by: unit, direction, what matters, how it is read.

``run_to_run`` is the standard deviation between runs of one and the same thing, as benchmarks/comparison.py
measured it on a busy machine of two cores. ``matters`` (in the unit) and ``share`` (of BASE) are the smallest
difference worth an alarm: both must be reached. docs/comparing.md has how often a comparison by them is
wrong, and what it sees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from zcbench.analysis import blocks
from zcbench.analysis.comparability import Aspect
from zcbench.analysis.delivery import DEVICE_CLOCK_PPM, delivery
from zcbench.analysis.derived import GROWING, LEVELS, counter_key, growth_by_name
from zcbench.analysis.growth import packets_per_s
from zcbench.analysis.pool import behaviour
from zcbench.analysis.rate import CONFIDENCE, rate_fit
from zcbench.analysis.readings import Blocks, Counted, Estimate, Plain, Reading, RunToRun
from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record

Better = Literal["lower", "higher", "nearer 0"]
Section = Literal["Packets", "Pool", "Memory", "Timing and cost"]
Read = Callable[[Record, Totals], Reading | None]


NONE = RunToRun()


@dataclass(frozen=True)
class Figure:
    """One figure of a run. ``aspects``: what a changed setting or machine may explain of it."""

    name: str
    title: str
    section: Section
    unit: str
    read: Read
    better: Better = "lower"
    aspects: frozenset[Aspect] = frozenset()
    matters: float = 0.0
    share: float = 0.0
    run_to_run: RunToRun = NONE


# -- how figures are read


def _total(name: str) -> Read:
    def read(_record: Record, found: Totals) -> Reading | None:
        value = found[name]
        return None if value is None else Plain(value)

    return read


def _gauge(column: str, reduce: blocks.Reduce) -> Read:
    def read(record: Record, _found: Totals) -> Reading | None:
        values = record.samples[column]
        known = np.isfinite(values).any()
        return Blocks(blocks.of_gauge(record, values, reduce)) if known else None

    return read


def _events(*names: str, among: str) -> Read:
    """Running totals counted together, whose bursts their blocks show."""

    def read(record: Record, found: Totals) -> Reading | None:
        known = [(name, value) for name in names if (value := count(found, name)) is not None]
        packets = count(found, among)
        if not known or packets is None:
            return None
        clumped = [
            blocks.dispersion(record, name.replace(".", "_")) for name, value in known if value
        ]
        least = None if None in clumped else max([1.0, *(c for c in clumped if c is not None)])
        return Counted(sum(value for _, value in known), packets, least)

    return read


def _missing(record: Record, found: Totals) -> Reading | None:
    """Packets missing beyond the number that means nothing in a stream like this."""
    seen = delivery(record, found)
    if seen.missing is None or not seen.due:
        return None
    return Counted(seen.missing if seen.missing > seen.tolerance else 0, seen.due)


def _not_returned(_record: Record, found: Totals) -> Reading | None:
    """Leases still out when all was over."""
    names = ("engine.captured", "pool.refused", "pool.returns")
    captured, refused, returns = (count(found, name) for name in names)
    if captured is None or returns is None:
        return None
    return Counted(max(0, captured - (refused or 0) - returns), captured)


def _hit_rate(record: Record, found: Totals) -> Reading | None:
    hits, misses = record.samples["pool_hits"], record.samples["pool_misses"]
    whole = behaviour(record, found, None).hit_rate
    return None if whole is None else Blocks(blocks.of_quotient(record, hits, hits + misses), whole)


def _cores(record: Record, _found: Totals) -> Reading | None:
    spent = record.samples["cpu_user_s"] + record.samples["cpu_system_s"]
    known = np.isfinite(spent).any()
    elapsed = record.samples["elapsed_s"]
    return Blocks(blocks.of_quotient(record, spent, elapsed)) if known else None


def _percentile(timing: str, percent: float) -> Read:
    """Of a histogram over the whole run: one reading, known as well as runs repeat."""

    def read(record: Record, _found: Totals) -> Reading | None:
        times = None if record.board is None else record.board.histogram(timing)
        if times is None or not times.count:
            return None
        value = times.percentile(percent) if times.count >= FEWEST_TIMES else None
        return Blocks(np.empty(0) if value is None else np.array([value, value]))

    return read


def _drift(record: Record, found: Totals) -> Reading | None:
    line = rate_fit(record, found)
    if line is None:
        return None
    # The half width has the rounding of whole packets in it, which the standard error has not.
    free = line.points - 2
    error = line.half_width_ppm / float(stats.t.ppf((1 + CONFIDENCE) / 2, free))
    return Estimate(line.drift_ppm, error, free)


def _growth(name: str) -> Read:
    """Bytes a packet, so that a replay at sixty times the pace compares with one at the real pace."""

    def read(record: Record, found: Totals) -> Reading | None:
        growth, per_s = growth_by_name(record).get(name), packets_per_s(record, found)
        window = None if growth is None else growth.trend.window
        if window is None or not per_s:
            return None
        if window.unjudged is not None or window.slowing:
            return Plain(window.slope / per_s, warming=True)
        matters = float(record.run.scenario.memory.budget) / per_s
        error = window.standard_error / per_s
        return Estimate(window.slope / per_s, error, window.blocks - 2, matters)

    return read


# -- the figures

_TIMING: frozenset[Aspect] = frozenset({"timing"})
_LONGEST: frozenset[Aspect] = frozenset({"timing", "extremes"})
_HELD: frozenset[Aspect] = frozenset({"timing", "holding"})
_LOSS: frozenset[Aspect] = frozenset({"loss"})
_POOL: frozenset[Aspect] = frozenset({"pool"})
FEWEST_TIMES = 1000  # ten seconds of 100 a second; of fewer, start-up is too large a part
EVENTS_MATTER, EVENTS_SHARE = (
    1e-5,
    0.1,
)  # a packet; one in 100,000 is 1 in 17 minutes of 100 a second


def _count(name: str, title: str, read: Read, aspects: frozenset[Aspect] = frozenset()) -> Figure:
    return Figure(name, title, "Packets", "packets", read, aspects=aspects,
                  matters=EVENTS_MATTER, share=EVENTS_SHARE)  # fmt: skip


def _timing(
    name: str, title: str, read: Read, aspects: frozenset[Aspect],
    *, matters: float, share: float, run_to_run: RunToRun,
) -> Figure:  # fmt: skip
    return Figure(
        name, title, "Timing and cost", "ns", read, "lower", aspects, matters, share, run_to_run
    )


_CORRUPT = (
    "consumer.corrupt_on_delivery", "consumer.corrupt_before_return", "consumer.wrong_size",
    "consumer.aliased", "pool.guard_violations", "pool.poison_violations",
)  # fmt: skip

COMPARED: tuple[Figure, ...] = (
    Figure("engine.delivered", "Packets delivered", "Packets", "packets",
           _total("engine.delivered"), aspects=frozenset({"totals"})),
    _count("missing", "Packets missing", _missing),
    _count("consumer.gaps", "Gaps in the sequence", _events("consumer.gaps", among="consumer.received")),
    _count("consumer.disorder", "Duplicates and reordered",
           _events("consumer.duplicates", "consumer.reordered", among="consumer.received")),
    _count("consumer.corrupt", "Packets with wrong bytes", _events(*_CORRUPT, among="consumer.received")),
    _count("engine.drops", "Drops", _events("engine.drops", among="engine.captured"), _LOSS),
    _count("engine.xruns", "Xruns", _events("engine.xruns", among="engine.captured"), _LOSS | _TIMING),
    Figure("rate.drift", "Rate against nominal", "Packets", "ppm", _drift, "nearer 0",
           frozenset({"rate"}), matters=DEVICE_CLOCK_PPM),
    Figure("pool.slots", "Slots", "Pool", "slots", _total("pool.slots")),
    Figure("pool.hit_rate", "Hit rate", "Pool", "ratio", _hit_rate, "higher", _POOL, matters=0.01),
    Figure("pool.misses", "Misses", "Pool", "acquires", _events("pool.misses", among="engine.captured"),
           aspects=_POOL, matters=0.001, share=EVENTS_SHARE),
    Figure("pool.returns", "Returns", "Pool", "returns", _total("pool.returns"), "higher"),
    Figure("pool.not_returned", "Leases never returned", "Pool", "leases", _not_returned,
           matters=EVENTS_MATTER, share=EVENTS_SHARE),
    Figure("pool.high_water", "High water", "Pool", "leases", _total("pool.high_water")),
    Figure("pool.in_flight", "In flight, typical", "Pool", "leases", _gauge("pool_in_flight", blocks.median),
           aspects=frozenset({"holding"}), matters=2, share=0.2),
    *(
        Figure(name, f"{title}, low-water mark", "Memory", "bytes", _gauge(LEVELS[name], blocks.lowest),
               aspects=frozenset({"memory"}), matters=matters, share=0.1, run_to_run=RunToRun(0.01))
        for name, title, matters in (
            ("level.rss", "RSS", 4 * 2**20),
            ("level.native_heap", "Native heap", 2**20),
            ("level.python_heap", "Python heap", 2**18),
        )
    ),
    *(
        Figure(f"growth.{counter_key(name)}", f"Growth of {name}", "Memory", "bytes/packet",
               _growth(f"growth.{counter_key(name)}"))
        for name in GROWING
    ),
    _timing("delivery.p50", "Delivery latency, typical p50", _gauge("delivery_p50_ns", blocks.median),
            _TIMING, matters=2e4, share=0.1, run_to_run=RunToRun(0.1, 1e6)),
    _timing("delivery.p99", "Delivery latency, typical p99", _gauge("delivery_p99_ns", blocks.median),
            _LONGEST, matters=1e6, share=0.5, run_to_run=RunToRun(0.6, 1e7)),
    _timing("delivery.max", "Delivery latency, longest of a twelfth", _gauge("delivery_max_ns", blocks.highest),
            _LONGEST, matters=1e7, share=0.5, run_to_run=RunToRun(0.4, 1e8)),
    _timing("hold.p50", "Hold time, typical p50", _gauge("hold_p50_ns", blocks.median),
            _HELD, matters=2e4, share=0.1, run_to_run=RunToRun(0.15, 1e6)),
    _timing("hold.p99", "Hold time, typical p99", _gauge("hold_p99_ns", blocks.median),
            _HELD | _LONGEST, matters=1e6, share=0.5, run_to_run=RunToRun(0.8, 1e7)),
    _timing("callback.p50", "Callback duration, p50", _percentile("callback_ns", 50),
            _TIMING, matters=1e3, share=0.25, run_to_run=RunToRun(0.4)),
    Figure("cpu", "CPU of the subject, share of a core", "Timing and cost", "ratio", _cores,
           aspects=frozenset({"cpu"}), matters=0.005, share=0.1, run_to_run=RunToRun(0.15)),
)  # fmt: skip
