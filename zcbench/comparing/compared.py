"""The registry of figures that two runs are compared by: unit, direction, what matters, how it is read.

``run_to_run`` is the standard deviation between runs of one and the same thing, as benchmarks/comparison.py
measured it on a busy machine of two cores. ``matters`` (in the unit) and ``share`` (of BASE) are the smallest
difference worth an alarm: both must be reached. docs/comparing.md has how often a comparison by them is
wrong, and what it sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zcbench.analysis import blocks
from zcbench.analysis.delivery import DEVICE_CLOCK_PPM
from zcbench.analysis.derived import GROWING, LEVELS, counter_key
from zcbench.comparing import take
from zcbench.comparing.comparability import Aspect
from zcbench.comparing.readings import RunToRun

Better = Literal["lower", "higher", "nearer 0"]
Section = Literal["Packets", "Pool", "Memory", "Timing and cost"]


NONE = RunToRun()


@dataclass(frozen=True)
class Figure:
    """One figure of a run. ``aspects``: what a changed setting or machine may explain of it."""

    name: str
    title: str
    section: Section
    unit: str
    read: take.Read
    better: Better = "lower"
    aspects: frozenset[Aspect] = frozenset()
    matters: float = 0.0
    share: float = 0.0
    run_to_run: RunToRun = NONE


# -- the figures

_TIMING: frozenset[Aspect] = frozenset({"timing"})
_LONGEST: frozenset[Aspect] = frozenset({"timing", "extremes"})
_HELD: frozenset[Aspect] = frozenset({"timing", "holding"})
_LOSS: frozenset[Aspect] = frozenset({"loss"})
_POOL: frozenset[Aspect] = frozenset({"pool"})
# A packet: one in 100,000 is one in 17 minutes of 100 a second.
EVENTS_MATTER, EVENTS_SHARE = 1e-5, 0.1


def _count(name: str, title: str, read: take.Read, aspects: frozenset[Aspect] = frozenset()) -> Figure:
    return Figure(name, title, "Packets", "packets", read, aspects=aspects,
                  matters=EVENTS_MATTER, share=EVENTS_SHARE)  # fmt: skip


def _timing(
    name: str, title: str, read: take.Read, aspects: frozenset[Aspect],
    *, matters: float, share: float, run_to_run: RunToRun,
) -> Figure:  # fmt: skip
    return Figure(name, title, "Timing and cost", "ns", read, "lower", aspects, matters, share, run_to_run)


_CORRUPT = (
    "consumer.corrupt_on_delivery", "consumer.corrupt_before_return", "consumer.wrong_size",
    "consumer.aliased", "pool.guard_violations", "pool.poison_violations",
)  # fmt: skip

COMPARED: tuple[Figure, ...] = (
    Figure("engine.delivered", "Packets delivered", "Packets", "packets",
           take.total("engine.delivered"), aspects=frozenset({"totals"})),
    _count("missing", "Packets missing", take.missing),
    _count("consumer.gaps", "Gaps in the sequence", take.events("consumer.gaps", among="consumer.received")),
    _count("consumer.disorder", "Duplicates and reordered",
           take.events("consumer.duplicates", "consumer.reordered", among="consumer.received")),
    _count("consumer.corrupt", "Packets with wrong bytes", take.events(*_CORRUPT, among="consumer.received")),
    _count("engine.drops", "Drops", take.events("engine.drops", among="engine.captured"), _LOSS),
    _count("engine.xruns", "Xruns", take.events("engine.xruns", among="engine.captured"), _LOSS | _TIMING),
    Figure("rate.drift", "Rate against nominal", "Packets", "ppm", take.drift, "nearer 0",
           frozenset({"rate"}), matters=DEVICE_CLOCK_PPM),
    Figure("pool.slots", "Slots", "Pool", "slots", take.total("pool.slots")),
    Figure("pool.hit_rate", "Hit rate", "Pool", "ratio", take.hit_rate, "higher", _POOL, matters=0.01),
    Figure("pool.misses", "Misses", "Pool", "acquires", take.total("pool.misses"), aspects=_POOL),
    Figure("pool.returns", "Returns", "Pool", "returns", take.total("pool.returns"), "higher"),
    Figure("pool.not_returned", "Leases never returned", "Pool", "leases", take.not_returned,
           matters=EVENTS_MATTER, share=EVENTS_SHARE),
    Figure("pool.high_water", "High water", "Pool", "leases", take.total("pool.high_water")),
    Figure("pool.in_flight", "In flight, typical", "Pool", "leases",
           take.gauge("pool_in_flight", blocks.median), aspects=frozenset({"holding"}), matters=2, share=0.2),
    *(
        Figure(name, f"{title}, low-water mark", "Memory", "bytes", take.gauge(LEVELS[name], blocks.lowest),
               aspects=frozenset({"memory"}), matters=matters, share=0.1, run_to_run=RunToRun(0.01))
        for name, title, matters in (
            ("level.rss", "RSS", 4 * 2**20),
            ("level.native_heap", "Native heap", 2**20),
            ("level.python_heap", "Python heap", 2**18),
        )
    ),
    *(
        Figure(f"growth.{counter_key(name)}", f"Growth of {name}", "Memory", "bytes/packet",
               take.growth(f"growth.{counter_key(name)}"))
        for name in GROWING
    ),
    _timing("delivery.p50", "Delivery latency, typical p50", take.gauge("delivery_p50_ns", blocks.median),
            _TIMING, matters=2e4, share=0.1, run_to_run=RunToRun(0.1, 1e6)),
    _timing("delivery.p99", "Delivery latency, typical p99", take.gauge("delivery_p99_ns", blocks.median),
            _LONGEST, matters=1e6, share=0.5, run_to_run=RunToRun(0.6, 1e7)),
    _timing("delivery.max", "Delivery latency, longest of a twelfth",
            take.gauge("delivery_max_ns", blocks.highest),
            _LONGEST, matters=1e7, share=0.5, run_to_run=RunToRun(0.4, 1e8)),
    _timing("hold.p50", "Hold time, typical p50", take.gauge("hold_p50_ns", blocks.median),
            _HELD, matters=2e4, share=0.1, run_to_run=RunToRun(0.15, 1e6)),
    _timing("hold.p99", "Hold time, typical p99", take.gauge("hold_p99_ns", blocks.median),
            _HELD | _LONGEST, matters=1e6, share=0.5, run_to_run=RunToRun(0.8, 1e7)),
    _timing("callback.p50", "Callback duration, p50", take.percentile("callback_ns", 50),
            _TIMING, matters=1e3, share=0.25, run_to_run=RunToRun(0.4)),
    Figure("cpu", "CPU of the subject, share of a core", "Timing and cost", "ratio", take.cores,
           aspects=frozenset({"cpu"}), matters=0.005, share=0.1, run_to_run=RunToRun(0.15)),
)  # fmt: skip
