"""Was the pool large enough, and if not, why?"""

from __future__ import annotations

from zcbench.analysis.delivery import delivery
from zcbench.analysis.laws import overflow
from zcbench.analysis.pool import (
    ENOUGH_HITS,
    LAP_SHARE,
    PoolBehaviour,
    behaviour,
    held_by_garbage,
    lost_slots,
)
from zcbench.analysis.slots import Slots
from zcbench.analysis.totals import Totals
from zcbench.quantities.units import format_bytes, format_duration
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.verdict import moments
from zcbench.verdict.check import Check
from zcbench.verdict.not_written import missing, sentence

_FAULTS = ("never_recycled", "slots_lost", "overflow_never_freed")


def check(record: Record, found: Totals) -> Finding:
    """Explain it; how high it must be, an expectation says. The reason comes from Little's law."""
    pool = behaviour(record, found, delivery(record, found).streamed_s)
    evidence: dict[str, int | float | str | None] = {
        "hit_rate": pool.hit_rate,
        "slots": pool.slots,
        "high_water": pool.high_water,
        "rate_per_s": pool.rate_per_s,
        "mean_hold_s": pool.mean_hold_s,
        "mean_in_flight": pool.mean_in_flight,
        "slots_needed": pool.slots_needed,
    }
    if words := missing(record, "pool.hits", "pool.misses"):
        return Finding(
            check="pool.hit_rate",
            outcome="skipped",
            sentence=f"{sentence(words)}: how often a slot was free was not judged",
            evidence=evidence,
        )
    if pool.hit_rate is None:
        return Finding(
            check="pool.hit_rate",
            outcome="inconclusive",
            sentence="the pool was never asked for a slot, or not measured",
            evidence=evidence,
        )
    percent = pool.hit_rate * 100
    cause, reason, remedy = _reason(record, found, pool)
    if cause == "too_late" and _slots_were_free(pool):
        return Finding(
            check="pool.hit_rate",
            outcome="fail",
            level="warn",
            cause=cause,
            sentence=f"hit rate {percent:.2f} %: {reason}",
            evidence=evidence,
            remedy=remedy,
        )
    return Finding(
        check="pool.hit_rate",
        # Low for a fault that another check fails: what is left to explain is nothing.
        outcome="skipped" if cause in _FAULTS else "pass",
        cause=cause,
        sentence=f"hit rate {percent:.2f} %: {reason}",
        evidence=evidence,
        remedy=remedy,
    )


def _slots_were_free(pool: PoolBehaviour) -> bool:
    """Whether more slots were free at every miss than a thread that is just returning one explains."""
    high, slots = pool.high_water, pool.slots
    return high is not None and slots is not None and high <= min(LAP_SHARE * slots, slots - 2)


def _reason(record: Record, found: Totals, pool: PoolBehaviour) -> tuple[str | None, str, str | None]:
    """Cause, sentence and remedy."""
    sizes = pool.sizes
    high, slots, misses = pool.high_water or 0, pool.slots or 0, pool.misses or 0
    if not misses:
        came = "" if sizes is None or not sizes.grown else f"; it grew {_range(sizes)}"
        return None, f"at most {high:,} of {slots:,} slots were in flight at once{came}", None
    never = pool.returns == 0 or (pool.returns is None and (pool.hits or 0) <= slots)
    if never and slots:
        return "never_recycled", "the pool never got a slot back (see pool.recycling)", None
    if unexplained := overflow(record, found).unexplained:
        return (
            "overflow_never_freed",
            f"{misses:,} misses, whose overflow blocks are not all freed "
            f"({format_bytes(unexplained)} too much)",
            "free an overflow block when its lease returns (see conservation)",
        )
    if lost_slots(record, found) is not None:
        return "slots_lost", "slots got lost on their way back (see pool.recycling)", None
    little = ""
    if pool.mean_in_flight is not None and pool.rate_per_s is not None and pool.mean_hold_s is not None:
        little = (
            f"; Little's law: {pool.rate_per_s:,.1f}/s × {format_duration(pool.mean_hold_s)} held "
            f"= {pool.mean_in_flight:,.0f} in flight on average"
        )
    needed = pool.slots_needed
    adaptive = record.run.scenario.pool.policy == "adaptive"
    if adaptive and sizes is not None and not sizes.misses_at_most:
        return _did_not_grow(sizes, misses, needed, little)
    flag = "--pool-max" if adaptive else "--pool"
    if record.run.application.needs_gc or held_by_garbage(record):
        often = (
            f"gc.collect() every {format_duration(slots / pool.rate_per_s)} or so, " if pool.rate_per_s else ""
        )
        return (
            "held_by_garbage",
            f"leases come back when the garbage collector runs, up to {high:,} at once{little}",
            f"{often}{flag} {needed}, or packets released by hand instead of by gc",
        )
    if adaptive and sizes is not None:
        return (
            "too_small",
            f"pool too small: {sizes.misses_at_most:,} acquires found all {sizes.highest:,} slots of "
            f"pool.max in flight{little}",
            "raise pool.max (--pool-max); how many were wanted at once shows under pool.policy = grow",
        )
    if pool.high_water is None:
        return None, f"{misses:,} misses; how many were in flight at once was not measured", None
    if high >= slots and _a_moment(pool):
        return (
            "burst",
            f"{misses:,} misses in a moment in which up to {high:,} of {slots:,} slots were wanted at once"
            f"{little}",
            f"the pool is large enough but for that moment: see timing for what held packets up, or --pool "
            f"{needed}",
        )
    if high >= slots and record.run.scenario.pool.policy != "grow":
        return (
            "too_small",
            f"pool too small: {misses:,} acquires found all {slots:,} slots in flight{little}",
            f"--pool {needed} at least; how many were wanted at once shows under pool.policy = grow",
        )
    if high > slots:
        return (
            "too_small",
            f"pool too small: {high:,} in flight at the high-water mark, {slots:,} slots{little}",
            f"--pool {needed} would have served every acquire of this run, with a quarter to spare",
        )
    return (
        "too_late",
        f"{misses:,} misses though at most {high:,} of {slots:,} slots were in flight{little}",
        "a slot that returned was not seen free: look at the returning threads, and at a free list that "
        "forgets or replaces slots",
    )


def _a_moment(pool: PoolBehaviour) -> bool:
    """Whether nearly every acquire was served, and the pool is twice what is in use on average."""
    in_use, slots = pool.mean_in_flight, pool.slots or 0
    served = pool.hit_rate is not None and pool.hit_rate >= ENOUGH_HITS
    return served and (in_use is None or in_use <= slots / 2)


def _did_not_grow(sizes: Slots, misses: int, needed: int | None, little: str) -> tuple[str, str, str]:
    """Misses of an adaptive pool below its maximum."""
    if sizes.failures:
        return (
            "could_not_grow",
            f"{misses:,} misses with {sizes.highest:,} slots: {sizes.failures:,} times there was no memory for "
            f"more{little}",
            "free memory, or raise the limit on locked memory (ulimit -l) where pool.lock is set",
        )
    return (
        "grew_too_late",
        f"{misses:,} misses before the pool had grown: it went {_range(sizes)}{little}",
        f"begin with more: --pool {needed}",
    )


def _range(sizes: Slots) -> str:
    return f"from {sizes.start:,} to {sizes.highest:,} slots"


CHECK = Check(
    name="pool.hit_rate",
    question=("Why is it what it is: too small (with the number that would do), held by garbage, slots lost."),
    judge=(check,),
    causes={
        "too_small": "more were in flight than there are slots",
        "held_by_garbage": "leases wait for the garbage collector",
        "burst": "a moment's burst",
        "slots_lost": "slots get lost on their way back (see pool.recycling)",
        "overflow_never_freed": "overflow blocks stay (see conservation)",
        "never_recycled": "the pool never got a slot back (see pool.recycling)",
        "could_not_grow": "there was no memory for more slots",
        "grew_too_late": "the misses came before an adaptive pool had grown",
        "too_late": "slots were free, and not seen free",
    },
    meaning="the pool does not do what it is for: packets are allocated while audio waits",
    figure="pool",
    moment=moments.shortage,
    about=("pool.",),
)
