"""Did the event loop turn in time, all the time?"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from zcbench.analysis.event_loop import Blocks, blocks
from zcbench.analysis.timing import FEWEST_FREQUENT, FEWEST_PERIODIC, FREQUENT_SHARE, OUTAGE_S
from zcbench.quantities.names import ELAPSED_S, EVENT_LOOP_DELAY_MAX_NS
from zcbench.quantities.units import format_duration
from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Result
from zcbench.verdict.check import Check, Evidence, Facts
from zcbench.verdict.moments import Moment

SHORTEST_S = 10.0  # a program's start, and one burst of other work, are over within some seconds
FEWEST_SAMPLES = 3  # a first, a last and one between them
MORE_OFTEN = 0.5  # of the machine's delays among all: then the run says more of the machine than of the loop


class _Facts(Facts):
    @cached_property
    def maybe(self) -> Blocks | None:
        return blocks(self.record)

    @property
    def found(self) -> Blocks:
        assert self.maybe is not None  # the first rule answers else
        return self.maybe

    @property
    def lasted_s(self) -> float:
        elapsed = self.record.samples[ELAPSED_S]
        return float(elapsed[-1] - elapsed[0]) if elapsed.size else 0.0

    @property
    def evidence(self) -> Evidence:
        found = self.maybe
        if found is None:
            return {EVENT_LOOP_DELAY_MAX_NS: None}
        return {
            "blocks": len(found.at_s),
            "block_floor_s": found.floor_s,
            "block_pattern": found.pattern,
            "block_period_s": found.period_s,
            "longest_s": found.longest_s,
            "blocks_by_gc": found.by_gc,
            "blocks_of_the_machine": found.machine,
            "blocks_of_the_harness": found.harness,
            "standing_s": found.standing_s,
            "samples": found.samples,
        }


def _too_few(facts: _Facts) -> Finding | None:
    samples = facts.maybe.samples if facts.maybe else 0
    if samples >= FEWEST_SAMPLES:
        return None
    if not samples:
        return CHECK.not_asked("event_loop")
    return CHECK.undecided(
        f"the event loop's delay was read in {samples} samples: {FEWEST_SAMPLES} or more are needed",
        facts.evidence,
        remedy="run for several samples, or sample more often (sampling.every)",
        required=False,
    )


def _stands_still(facts: _Facts) -> Finding | None:
    """A loop that does not turn any more has no delay to tell of."""
    found = facts.found
    if found.standing_s < OUTAGE_S:
        return None
    return CHECK.failed(
        f"the event loop stands still: it did not turn in the last {format_duration(found.standing_s)}",
        facts.evidence,
        cause="event_loop_blocked",
        remedy=_REMEDY,
    )


def _too_short(facts: _Facts) -> Finding | None:
    if facts.found.pattern in ("none", "sporadic") or facts.lasted_s >= SHORTEST_S:
        return None
    return CHECK.undecided(
        f"{_said(facts.found)}; {format_duration(facts.lasted_s)} are too short to tell that from a start",
        facts.evidence,
        lasting_s=SHORTEST_S,
        required=False,
    )


def _blocked(facts: _Facts) -> Finding | None:
    found = facts.found
    if found.pattern in ("none", "sporadic"):
        return None
    if found.by_gc * 2 > len(found.at_s):
        return CHECK.failed(
            f"{_said(found)}; {found.by_gc} of them are garbage collections",
            facts.evidence,
            cause="gc_pauses",
            remedy="keep fewer objects that live long: the collector's pauses grow with them",
        )
    return CHECK.failed(_said(found), facts.evidence, cause="event_loop_blocked", remedy=_REMEDY)


def _hidden(facts: _Facts) -> Finding | None:
    """A machine that makes every other sample wait hides what the loop does by itself."""
    found = facts.found
    if found.machine <= MORE_OFTEN * found.samples:
        return None
    return CHECK.undecided(
        f"in {found.machine:,} of {found.samples:,} samples the process waited for a core: how late its event "
        "loop is by itself does not show",
        facts.evidence,
        remedy="run it on a machine with a core to spare",
        required=False,
    )


def _in_time(facts: _Facts) -> Finding:
    found = facts.found
    return CHECK.passed(
        f"the event loop turned at most {format_duration(found.longest_s)} late, "
        f"{format_duration(found.median_s)} in half of the samples{_beside(found)}",
        facts.evidence,
        detection_limit=f"{FEWEST_PERIODIC} alike delays above {format_duration(found.floor_s)} at equal "
        f"intervals, any in {FREQUENT_SHARE:.0%} of {found.samples:,} samples (at least {FEWEST_FREQUENT}), "
        f"or one of {format_duration(OUTAGE_S)}",
    )


def _said(found: Blocks) -> str:
    height = format_duration(float(np.median(found.late_s)))
    times = len(found.at_s)
    if found.pattern == "periodic":
        what = f"for {height} every {format_duration(found.period_s or 0.0)}, {times} times"
    elif found.pattern == "frequent":
        what = f"for {height} in {times} of {found.samples:,} samples"
    else:
        worst = int(np.argmax(found.late_s))
        what = f"once for {format_duration(found.late_s[worst])} at {format_duration(found.at_s[worst])}"
    return f"the event loop is blocked: {what}{_beside(found)}"


def _beside(found: Blocks) -> str:
    """What else made it wait."""
    parts = [
        f"; in {found.machine} of the samples the machine made it wait" if found.machine else "",
        f"; in {found.harness} the harness collected garbage" if found.harness else "",
    ]
    if found.at_s and found.pattern == "sporadic":
        parts.insert(0, f"; {len(found.at_s)} above {format_duration(found.floor_s)}, without a pattern")
    return "".join(parts)


def _moment(record: Record, _result: Result) -> Moment | None:
    found = blocks(record)
    if found is None or not found.at_s:
        return None
    worst = int(np.argmax(found.late_s))
    return Moment(max(0.0, found.at_s[worst] - found.late_s[worst]), found.at_s[worst])


_REMEDY = (
    "find what runs so long without giving the loop a turn (a loop over many items, JSON of megabytes, "
    "synchronous files or crypto): a CPU profile shows it; split it, or move it to a worker thread"
)

CHECK = Check(
    name="event_loop",
    question="Does the event loop turn in time? Blocked for how long, how often, with which period.",
    facts=_Facts,
    rules=(_too_few, _stands_still, _too_short, _blocked, _hidden, _in_time),
    reads=(EVENT_LOOP_DELAY_MAX_NS,),
    explained_by=frozenset({"timing", "extremes"}),
    needs=("event_loop",),
    causes={
        "event_loop_blocked": "something runs long without giving the event loop a turn",
        "gc_pauses": "the runtime's collector holds the event loop up",
    },
    figure="latency",
    meaning="whatever waits for the event loop is late: answers, timers, packets",
    moment=_moment,
)
