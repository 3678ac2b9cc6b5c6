"""Which quantities two runs are compared by: how each is read of a run, and what difference matters.

``run_to_run`` is the standard deviation between runs of one and the same thing, as
benchmarks/calibrations/comparison.py measured it on a busy machine of two cores. ``matters`` (in
the unit) and ``share`` (of BASE) are the smallest
difference worth an alarm: both must be reached. docs/comparing.md has how often a comparison by them is
wrong, and what it sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zcbench.analysis import blocks
from zcbench.analysis.delivery import DEVICE_CLOCK_PPM
from zcbench.comparing import take
from zcbench.comparing.comparability import Aspect
from zcbench.comparing.readings import RunToRun
from zcbench.quantities.derived import CORRUPT, GROWING, LEVELS, growth_name
from zcbench.quantities.names import (
    CONSUMER_DUPLICATES,
    CONSUMER_GAPS,
    CONSUMER_RECEIVED,
    CONSUMER_REORDERED,
    DELIVERY_MAX_NS,
    DELIVERY_P50_NS,
    DELIVERY_P99_NS,
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
    ENGINE_DROPS,
    ENGINE_XRUNS,
    HOLD_P50_NS,
    HOLD_P99_NS,
    POOL_HIGH_WATER,
    POOL_IN_FLIGHT,
    POOL_MISSES,
    POOL_RETURNS,
    POOL_SLOTS,
)
from zcbench.quantities.quantity import Better, Kind, Quantity
from zcbench.quantities.registry import STANDARD, Registry
from zcbench.quantities.units import BYTES_PER_PACKET, Unit

Section = Literal["Packets", "Pool", "Memory", "Timing and cost", "Its own"]


NONE = RunToRun()


@dataclass(frozen=True)
class Figure:
    """How a quantity of two runs is compared. ``aspects``: what a changed setting or machine may explain of it.

    ``title`` and ``unit`` where what is compared is not the quantity itself: a typical value, a packet's share.
    """

    name: str
    section: Section
    read: take.Read
    aspects: frozenset[Aspect] = frozenset()
    matters: float = 0.0
    share: float = 0.0
    run_to_run: RunToRun = NONE
    title: str = ""
    unit: Unit | None = None
    own: Quantity | None = None  # one that the subject brought; else the standard one of that name

    @property
    def quantity(self) -> Quantity:
        """What it is a reading of."""
        return self.own or STANDARD[self.name]

    @property
    def shown_title(self) -> str:
        """What stands beside it in a table."""
        return self.title or self.quantity.label or self.name

    @property
    def shown_unit(self) -> Unit:
        """The unit of its readings."""
        return self.unit or self.quantity.unit


# -- the figures

_TIMING: frozenset[Aspect] = frozenset({"timing"})
_LONGEST: frozenset[Aspect] = frozenset({"timing", "extremes"})
_HELD: frozenset[Aspect] = frozenset({"timing", "holding"})
_LOSS: frozenset[Aspect] = frozenset({"loss"})
_POOL: frozenset[Aspect] = frozenset({"pool"})
# A packet: one in 100,000 is one in 17 minutes of 100 a second.
EVENTS_MATTER, EVENTS_SHARE = 1e-5, 0.1


def _count(name: str, read: take.Read, aspects: frozenset[Aspect] = frozenset()) -> Figure:
    return Figure(name, "Packets", read, aspects, EVENTS_MATTER, EVENTS_SHARE)


def _timing(
    name: str,
    title: str,
    read: take.Read,
    aspects: frozenset[Aspect],
    *,
    matters: float,
    share: float,
    run_to_run: RunToRun,
) -> Figure:
    return Figure(name, "Timing and cost", read, aspects, matters, share, run_to_run, title)


COMPARED: tuple[Figure, ...] = (
    Figure(ENGINE_DELIVERED, "Packets", take.total(ENGINE_DELIVERED), frozenset({"totals"})),
    _count("missing", take.missing),
    _count(CONSUMER_GAPS, take.events(CONSUMER_GAPS, among=CONSUMER_RECEIVED)),
    _count("consumer.disorder",
           take.events(CONSUMER_DUPLICATES, CONSUMER_REORDERED, among=CONSUMER_RECEIVED)),
    _count("consumer.corrupt", take.events(*CORRUPT, among=CONSUMER_RECEIVED)),
    _count(ENGINE_DROPS, take.events(ENGINE_DROPS, among=ENGINE_CAPTURED), _LOSS),
    _count(ENGINE_XRUNS, take.events(ENGINE_XRUNS, among=ENGINE_CAPTURED), _LOSS | _TIMING),
    Figure("rate.drift", "Packets", take.drift, frozenset({"rate"}), matters=DEVICE_CLOCK_PPM),
    Figure(POOL_SLOTS, "Pool", take.total(POOL_SLOTS)),
    Figure("pool.hit_rate", "Pool", take.hit_rate, _POOL, matters=0.01),
    Figure(POOL_MISSES, "Pool", take.total(POOL_MISSES), _POOL),
    Figure(POOL_RETURNS, "Pool", take.total(POOL_RETURNS)),
    Figure("pool.not_returned", "Pool", take.not_returned, matters=EVENTS_MATTER, share=EVENTS_SHARE),
    Figure(POOL_HIGH_WATER, "Pool", take.total(POOL_HIGH_WATER)),
    Figure(POOL_IN_FLIGHT, "Pool", take.gauge(POOL_IN_FLIGHT, blocks.median), frozenset({"holding"}),
           matters=2, share=0.2, title="In flight, typical"),
    *(
        Figure(name, "Memory", take.gauge(LEVELS[name], blocks.lowest), frozenset({"memory"}),
               matters, share=0.1, run_to_run=RunToRun(0.01))
        for name, matters in (
            ("level.rss", 4 * 2**20), ("level.native_heap", 2**20), ("level.python_heap", 2**18),
        )
    ),
    *(
        Figure(name, "Memory", take.growth(name), unit=BYTES_PER_PACKET)
        for name in map(growth_name, GROWING)
    ),
    _timing("delivery.p50", "Delivery latency, typical p50", take.gauge(DELIVERY_P50_NS, blocks.median),
            _TIMING, matters=2e4, share=0.1, run_to_run=RunToRun(0.1, 1e6)),
    _timing("delivery.p99", "Delivery latency, typical p99", take.gauge(DELIVERY_P99_NS, blocks.median),
            _LONGEST, matters=1e6, share=0.5, run_to_run=RunToRun(0.6, 1e7)),
    _timing("delivery.max", "Delivery latency, longest of a twelfth",
            take.gauge(DELIVERY_MAX_NS, blocks.highest),
            _LONGEST, matters=1e7, share=0.5, run_to_run=RunToRun(0.4, 1e8)),
    _timing("hold.p50", "Hold time, typical p50", take.gauge(HOLD_P50_NS, blocks.median),
            _HELD, matters=2e4, share=0.1, run_to_run=RunToRun(0.15, 1e6)),
    _timing("hold.p99", "Hold time, typical p99", take.gauge(HOLD_P99_NS, blocks.median),
            _HELD | _LONGEST, matters=1e6, share=0.5, run_to_run=RunToRun(0.8, 1e7)),
    _timing("callback.p50", "Callback duration, p50", take.percentile("callback_ns", 50),
            _TIMING, matters=1e3, share=0.25, run_to_run=RunToRun(0.4)),
    Figure("cpu", "Timing and cost", take.cores, frozenset({"cpu"}),
           matters=0.005, share=0.1, run_to_run=RunToRun(0.15)),
)  # fmt: skip


# What a subject brings, nobody measured between runs: as much as the least steady of our gauges of
# resources, the CPU's, and a difference of a fifth.
OWN_SPREAD, OWN_SHARE = RunToRun(0.15), 0.2


def figures_of(*registries: Registry) -> tuple[Figure, ...]:
    """The standard figures, and one for each quantity that the subjects of two runs brought."""
    own = {one.name: one for known in registries for one in known.sampled if one.name not in STANDARD}
    return (*COMPARED, *(_of_own(one) for one in own.values()))


def _of_own(one: Quantity) -> Figure:
    title = one.label or one.name
    if one.kind is Kind.TOTAL or one.better is Better.NEITHER:
        return Figure(one.name, "Its own", take.total(one.name), title=title, own=one)
    # Of memory what is left when garbage, bursts and sawteeth are gone.
    reduce = blocks.median if one.memory is None else blocks.lowest
    return Figure(
        one.name,
        "Its own",
        take.gauge(one.name, reduce),
        share=OWN_SHARE,
        run_to_run=OWN_SPREAD,
        title=f"{title}, {'typical' if one.memory is None else 'low-water mark'}",
        own=one,
    )
