"""Did packets come in time, all the time?"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from zcbench.analysis.delivery import streamed_s
from zcbench.analysis.timing import (
    CREEP_RATIO,
    CREEP_S,
    FEWEST_FREQUENT,
    FEWEST_PERIODIC,
    FREQUENT_SHARE,
    Collector,
    Creep,
    Stalls,
    collector,
    creep,
    stalls,
)
from zcbench.analysis.totals import Totals, count
from zcbench.quantities.names import DELIVERY_MAX_NS, DELIVERY_P50_NS, ELAPSED_S, HOLD_P50_NS, POOL_MISSES
from zcbench.quantities.units import format_duration
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.verdict import moments
from zcbench.verdict.check import Check, Evidence, Facts

# A packet may take its whole period; collections above a tenth of the time are a storm, not housekeeping.
MOST_GC_SHARE = 0.1
# One burst of other work on the machine (a build, a start-up) is over within some seconds.
SHORTEST_S = 10.0
FEWEST_SAMPLES = 3  # a first, a last and one between them
# Whose leases end with the work on the packet. The others keep them by design, until a time or a gc.
_SHOWN_PERCENTS = (50, 99, 99.9)


class _Wrong(NamedTuple):
    cause: str
    what: str
    remedy: str


class _Facts(Facts):
    @cached_property
    def maybe(self) -> Stalls | None:
        return stalls(self.record, self.totals)

    @property
    def late(self) -> Stalls:
        assert self.maybe is not None  # the first rule answers else
        return self.maybe

    @cached_property
    def percentiles(self) -> Evidence:
        return _percentiles(self.record)

    @cached_property
    def gc(self) -> Collector | None:
        return collector(self.totals, streamed_s(self.record, self.totals))

    @cached_property
    def rises(self) -> dict[str, Creep | None]:
        return {name: creep(self.record, column) for name, column in _creeping(self.record)}

    @cached_property
    def wrong(self) -> list[_Wrong]:
        """In this order: a storm or a creep brings stalls with it, and is their reason."""
        found = (
            _collected(self.record, self.gc),
            *(_crept(name, rise) for name, rise in self.rises.items()),
            _stalled(self.record, self.totals, self.late),
        )
        return [one for one in found if one is not None]

    @property
    def said(self) -> str:
        return "; ".join(one.what for one in self.wrong)

    @property
    def evidence(self) -> Evidence:
        return {**self.percentiles, **_evidence(self.late, self.gc, self.rises)}


def _too_few(facts: _Facts) -> Finding | None:
    samples = facts.maybe.samples if facts.maybe else 0
    if samples >= FEWEST_SAMPLES:
        return None
    if not samples and facts.record.can("ending") and not facts.record.can("worker", "latency"):
        return CHECK.not_asked("latency")
    return CHECK.undecided(
        f"the delivery latency was read in {samples} samples: stalls and creep need {FEWEST_SAMPLES} or more",
        facts.percentiles,
        remedy="run for several samples, or sample more often (sampling.every)",
        # Too short a run is no fault of it; one whose latency nobody measured is not known to be sound.
        required=facts.percentiles[DELIVERY_MAX_NS] is None and facts.record.can("worker"),
    )


def _too_short(facts: _Facts) -> Finding | None:
    lasted_s = _lasted_s(facts.record, facts.totals)
    if not facts.wrong or lasted_s >= SHORTEST_S:
        return None
    return CHECK.undecided(
        f"{facts.said}; a stream of {format_duration(lasted_s)} is too short to tell that from the machine",
        facts.evidence,
        lasting_s=SHORTEST_S,
        required=False,
    )


def _too_late(facts: _Facts) -> Finding | None:
    """Fail on stalls that are periodic or frequent, on collector storms, and on latency that creeps."""
    if not facts.wrong:
        return None
    cause, _, remedy = facts.wrong[0]
    return CHECK.failed(facts.said, facts.evidence, cause=cause, remedy=remedy)


def _in_time(facts: _Facts) -> Finding:
    late, rises, evidence = facts.late, facts.rises, facts.evidence
    latency = ", ".join(
        f"{_name(percent)} {format_duration(float(value) / 1e9)}"
        for percent in (*_SHOWN_PERCENTS, 100)
        if (value := evidence.get(f"delivery_{_name(percent)}_ns")) is not None
    )
    creep_limit = (
        f"a median that rose {CREEP_RATIO:g}-fold and by {format_duration(CREEP_S)}"
        if all(rises.values()) and rises
        else "the run was too short to judge creep"
    )
    return CHECK.passed(
        f"delivery latency: {latency or 'unknown'}{_sporadic(late)}",
        evidence,
        detection_limit=f"{FEWEST_PERIODIC} alike stalls above {format_duration(late.floor_s)} at equal "
        f"intervals, or any in {FREQUENT_SHARE:.0%} of {late.samples:,} samples (at least {FEWEST_FREQUENT}); "
        f"{creep_limit}",
    )


def _lasted_s(record: Record, found: Totals) -> float:
    """How long the stream ran; of somebody else's, whose start nobody noted, from the first row to the last."""
    elapsed = record.samples[ELAPSED_S]
    rows_s = float(elapsed[-1] - elapsed[0]) if not record.can("worker") else 0.0
    return streamed_s(record, found) or rows_s


def _sporadic(late: Stalls) -> str:
    own = f"; the harness collected garbage in {late.harness}" if late.harness else ""
    if not late.at_s:
        return f"; no stalls in {late.samples:,} samples{own}"
    worst = int(np.argmax(late.late_s))
    seen = f" (the supervisor was late in {late.machine} of them as well)" if late.machine else ""
    return (
        f"; stalls in {len(late.at_s)} of {late.samples:,} samples{seen}, without a pattern, the longest "
        f"{format_duration(late.late_s[worst])} at {format_duration(late.at_s[worst])}{own}"
    )


def _stalled(record: Record, found: Totals, late: Stalls) -> _Wrong | None:
    if late.pattern not in ("periodic", "frequent", "outage"):
        return None
    if record.run.scenario.pool.policy == "block" and count(found, POOL_MISSES):
        return None  # the source waits for slots: its packets are late by the application's own holding
    height = format_duration(float(np.median(late.late_s)))
    if late.pattern == "periodic":
        what = f"{height} every {format_duration(late.period_s or 0.0)}, {len(late.at_s)} times"
    elif late.pattern == "frequent":
        mean_s = (late.at_s[-1] - late.at_s[0]) / (len(late.at_s) - 1)
        what = (
            f"{height} in {len(late.at_s)} of {late.samples:,} samples, "
            f"every {format_duration(mean_s)} on average"
        )
    else:
        worst = int(np.argmax(late.late_s))
        what = f"one of {format_duration(late.late_s[worst])} at {format_duration(late.at_s[worst])}"
    after_start = " (gc.freeze() after start-up)" if record.can("worker") else ""
    if late.by_gc * 2 > len(late.at_s):
        return _Wrong(
            "gc_pauses",
            f"deliveries stall: {what}; {late.by_gc} of them are garbage collections",
            f"fewer objects that live long{after_start}, or gc at a time of your choice",
        )
    return _Wrong(
        "stalls",
        f"deliveries stall: {what}",
        "look for what runs with this period: a timer, a flush, a lock that is held",
    )


def _collected(record: Record, gc: Collector | None) -> _Wrong | None:
    if gc is None or gc.share <= MOST_GC_SHARE or record.run.application.needs_gc:
        return None  # a consumer of cycles lives by the collector
    forces = "calls gc.collect()" if record.can("worker") else "asks for collections"
    return _Wrong(
        "gc_pauses",
        f"the garbage collector took {gc.share:.0%} of the time ({gc.collections:,} collections, "
        f"{format_duration(gc.pause_s / max(1, gc.collections))} each)",
        f"find who {forces}, or who makes so many objects: the samples count the collections",
    )


def _creeping(record: Record) -> list[tuple[str, str]]:
    scenario = record.run.scenario
    if scenario.source.unpaced:
        return []  # a latency of an unpaced stream is how full the queue happens to be
    columns = [("delivery latency", DELIVERY_P50_NS)]
    if record.run.application.releases_at_once:
        columns.append(("hold time", HOLD_P50_NS))
    return columns


def _crept(name: str, rise: Creep | None) -> _Wrong | None:
    if rise is None or not rise.rose:
        return None
    return _Wrong(
        "latency_creep",
        f"the median {name} creeps: {format_duration(rise.first_s)} in the first third of the run, "
        f"{format_duration(rise.last_s)} in the last",
        "look for work per packet that grows: a list searched, a log appended, a queue that fills",
    )


def _percentiles(record: Record) -> Evidence:
    """Of the whole run, ns, from the board's histograms."""
    out: dict[str, int | float | str | None] = {}
    for short, timing in (("delivery", "delivery_ns"), ("hold", "hold_ns")):
        times = record.histogram(timing)
        for percent in _SHOWN_PERCENTS:
            out[f"{short}_{_name(percent)}_ns"] = None if times is None else times.percentile(percent)
        out[f"{short}_max_ns"] = times.max_ns if times is not None and times.count else None
    return out


def _name(percent: float) -> str:
    return "max" if percent == 100 else f"p{percent:g}"


def _evidence(late: Stalls, gc: Collector | None, rises: dict[str, Creep | None]) -> Evidence:
    out: dict[str, int | float | str | None] = {
        "stalls": len(late.at_s),
        "stall_floor_s": late.floor_s,
        "stall_pattern": late.pattern,
        "stall_period_s": late.period_s,
        "stalls_by_gc": late.by_gc,
        "stalls_of_the_machine": late.machine,
        "stalls_of_the_harness": late.harness,
        "samples": late.samples,
        "gc_share": None if gc is None else gc.share,
    }
    for name, rise in rises.items():
        short = name.replace(" ", "_")
        out[f"{short}_first_s"] = None if rise is None else rise.first_s
        out[f"{short}_last_s"] = None if rise is None else rise.last_s
        out[f"{short}_tau"] = None if rise is None else rise.tau
    return out


CHECK = Check(
    name="timing",
    question="Stalls with their period, latency that creeps, collector storms.",
    facts=_Facts,
    rules=(_too_few, _too_short, _too_late, _in_time),
    reads=(DELIVERY_MAX_NS,),
    explained_by=frozenset({"timing", "extremes"}),
    needs=("packets", "latency"),
    causes={
        "stalls": "deliveries stall",
        "latency_creep": "the median latency or hold time rises",
        "gc_pauses": "the garbage collector holds packets up",
    },
    meaning="packets come too late for what is played at once",
    figure="latency",
    moment=moments.stall,
    item="Packets come at the right rate and in time",
)
