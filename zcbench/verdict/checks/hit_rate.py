"""Was the pool large enough, and if not, why?"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import msgspec

from zcbench.analysis import heaps
from zcbench.analysis.garbage import Held, by_collector, by_event_loop
from zcbench.analysis.laws import overflow
from zcbench.analysis.pool import (
    ENOUGH_HITS,
    LAP_SHARE,
    PoolBehaviour,
    behaviour,
    lost_slots,
    standstill,
)
from zcbench.analysis.slots import Slots
from zcbench.quantities.names import (
    POOL_HIGH_WATER,
    POOL_HITS,
    POOL_IN_FLIGHT,
    POOL_MISSES,
    POOL_RETURNS,
    POOL_SLOTS,
    RATE_PER_S,
)
from zcbench.quantities.units import SHARE, format_bytes, format_duration
from zcbench.record.schema import Finding
from zcbench.verdict import moments
from zcbench.verdict.check import Check, Evidence, Facts
from zcbench.verdict.garbage_remedies import garbage_remedy
from zcbench.verdict.not_written import missing, sentence

_FAULTS = ("never_recycled", "slots_lost", "overflow_never_freed")


class _Reason(NamedTuple):
    cause: str | None
    why: str
    remedy: str | None = None


class _Facts(Facts):
    @cached_property
    def pool(self) -> PoolBehaviour:
        return behaviour(self.record, self.totals)

    @property
    def evidence(self) -> Evidence:
        pool = self.pool
        return {
            "hit_rate": pool.hit_rate,
            "slots": pool.slots,
            "high_water": pool.high_water,
            RATE_PER_S: pool.rate_per_s,
            "mean_hold_s": pool.mean_hold_s,
            "mean_in_flight": pool.mean_in_flight,
            "slots_needed": pool.slots_needed,
        }

    @property
    def high(self) -> int:
        return self.pool.high_water or 0

    @property
    def slots(self) -> int:
        return self.pool.slots or 0

    @property
    def unmeasured(self) -> str:
        """What is not known of how large the pool was and had to be, in words; empty if all is."""
        lacking = {
            "how many were in flight at once": self.pool.high_water,
            "how many slots there are": self.pool.slots,
        }
        return "; ".join(f"{what} was not measured" for what, value in lacking.items() if value is None)

    @property
    def misses(self) -> int:
        return self.pool.misses or 0

    @property
    def policy(self) -> str | None:
        """What the pool does at a miss; None of a pool that is not ours."""
        return self.record.run.scenario.pool.policy if self.record.can("pace") else None

    @property
    def enough(self) -> str:
        """The pool that would do, as it is asked for."""
        needed = self.pool.slots_needed
        return f"--pool {needed}" if self.policy else f"a pool of {needed} slots"

    def slots_for(self, held: Held) -> int | None:
        """Slots that would do where leases come back in bursts; None where nobody knows the rate."""
        rate = self.pool.rate_per_s
        return None if rate is None else max(held.slots_needed(rate), self.pool.slots_needed or 0)

    def needed(self, held: Held) -> str:
        """What is taken between two bursts, against the slots, in words."""
        rate = self.pool.rate_per_s
        if rate is None:
            return ""
        taken = f"{rate:,.1f}/s × {format_duration(held.longest_s)} = {rate * held.longest_s:,.0f} slots"
        return f": {taken}, and there are {self.slots:,}" if self.slots else f": {taken}"

    @property
    def little(self) -> str:
        """Little's law in words, where all three of its numbers are known."""
        pool = self.pool
        if pool.mean_in_flight is None or pool.rate_per_s is None or pool.mean_hold_s is None:
            return ""
        return (
            f"; Little's law: {pool.rate_per_s:,.1f}/s × {format_duration(pool.mean_hold_s)} held "
            f"= {pool.mean_in_flight:,.0f} in flight on average"
        )


def _not_written(facts: _Facts) -> Finding | None:
    words = missing(facts.record, POOL_HITS, POOL_MISSES)
    if not words:
        return None
    return CHECK.skipped(f"{sentence(words)}: how often a slot was free was not judged", facts.evidence)


def _not_measured(facts: _Facts) -> Finding | None:
    if facts.pool.hit_rate is not None:
        return None
    return CHECK.undecided("the pool was never asked for a slot, or not measured", facts.evidence)


def _explained(facts: _Facts) -> Finding:
    """It explains; how high the rate must be, an expectation says."""
    reason = next(found for rule in _REASONS if (found := rule(facts)) is not None)
    said = f"hit rate {SHARE.beside(facts.pool.hit_rate or 0.0, ENOUGH_HITS)}: {reason.why}"
    if reason.cause == "too_late" and _slots_were_free(facts.pool):
        return CHECK.failed(said, facts.evidence, cause=reason.cause, remedy=reason.remedy, level="warn")
    # Low for a fault that another check fails: what is left to explain is nothing.
    answer = CHECK.skipped if reason.cause in _FAULTS else CHECK.passed
    finding = answer(said, facts.evidence)
    return msgspec.structs.replace(finding, cause=reason.cause, remedy=reason.remedy)


def _slots_were_free(pool: PoolBehaviour) -> bool:
    """Whether more slots were free at every miss than a thread that is just returning one explains."""
    high, slots = pool.high_water, pool.slots
    return high is not None and slots is not None and high <= min(LAP_SHARE * slots, slots - 2)


# -- the reasons, of which the first that holds is told


def _no_miss(facts: _Facts) -> _Reason | None:
    if facts.misses:
        return None
    sizes = facts.pool.sizes
    if facts.unmeasured:
        return _Reason(None, f"each acquire found a free slot; {facts.unmeasured}")
    came = "" if sizes is None or not sizes.grown else f"; it grew {_range(sizes)}"
    return _Reason(None, f"at most {facts.high:,} of {facts.slots:,} slots were in flight at once{came}")


def _never_recycled(facts: _Facts) -> _Reason | None:
    pool = facts.pool
    never = pool.returns == 0 or (pool.returns is None and (pool.hits or 0) <= facts.slots)
    stands = pool.returns is None and standstill(facts.record) is not None
    if not stands and (not never or not facts.slots):
        return None
    return _Reason("never_recycled", "the pool never got a slot back (see pool.recycling)")


def _overflow_never_freed(facts: _Facts) -> _Reason | None:
    unexplained = overflow(facts.record, facts.totals).unexplained
    if not unexplained:
        return None
    return _Reason(
        "overflow_never_freed",
        f"{facts.misses:,} misses, whose overflow blocks are not all freed "
        f"({format_bytes(unexplained)} too much)",
        "free an overflow block when its lease returns (see conservation)",
    )


def _slots_lost(facts: _Facts) -> _Reason | None:
    if lost_slots(facts.record, facts.totals) is None:
        return None
    return _Reason("slots_lost", "slots got lost on their way back (see pool.recycling)")


def _did_not_grow(facts: _Facts) -> _Reason | None:
    """Misses of an adaptive pool below its maximum."""
    sizes = facts.pool.sizes
    if facts.policy != "adaptive" or sizes is None or sizes.misses_at_most:
        return None
    if sizes.failures:
        return _Reason(
            "could_not_grow",
            f"{facts.misses:,} misses with {sizes.highest:,} slots: {sizes.failures:,} times there was no "
            f"memory for more{facts.little}",
            "free memory, or raise the limit on locked memory (ulimit -l) where pool.lock is set",
        )
    return _Reason(
        "grew_too_late",
        f"{facts.misses:,} misses before the pool had grown: it went {_range(sizes)}{facts.little}",
        f"begin with more: {facts.enough}",
    )


def _finalizers_starved(facts: _Facts) -> _Reason | None:
    held = by_event_loop(facts.record)
    if held is None:
        return None
    return _Reason(
        "finalizers_starved",
        f"leases come back only when the event loop turns, which stood still for up to "
        f"{format_duration(held.longest_s)}: {held.before:,} in flight before it turned at "
        f"{format_duration(held.at_s)}, {held.after:,} after{facts.needed(held)}",
        "give the loop a turn (await a timer, setImmediate) between packets: finalisers run only then; or "
        "release packets explicitly",
    )


def _held_by_garbage(facts: _Facts) -> _Reason | None:
    held = by_collector(facts.record)
    if not facts.record.run.application.needs_gc and held is None:
        return None
    if not facts.in_worker and held is not None:
        return _held_by_runtime(facts, held)
    rate = facts.pool.rate_per_s
    collect = "gc.collect()" if facts.in_worker else "a collection"
    often = f"{collect} every {format_duration(facts.slots / rate)} or so, " if rate and facts.slots else ""
    enough = f"--pool-max {facts.pool.slots_needed}" if facts.policy == "adaptive" else facts.enough
    return _Reason(
        "held_by_garbage",
        f"leases come back when the garbage collector runs, up to {facts.high:,} at once{facts.little}",
        f"{often}{enough}, or packets released by hand instead of by gc",
    )


def _held_by_runtime(facts: _Facts, held: Held) -> _Reason:
    """The number of slots that would do, and what else would."""
    runtime = heaps.runtime_of(facts.record)
    who = f"{runtime} collects garbage" if runtime else "garbage is collected"
    often = "the harness's own collections" if held.by_harness else f"{held.bursts:,} times"
    alone = "; how it does without them, gc.every = natural tells" if held.by_harness else ""
    return _Reason(
        "held_by_garbage",
        f"leases come back when {who} ({often}), up to {format_duration(held.longest_s)} apart"
        f"{facts.needed(held)}; around {format_duration(held.at_s)} {held.before:,} were in flight before and "
        f"{held.after:,} after{alone}",
        f"{_a_pool(facts, held)}{garbage_remedy(runtime, facts.slots)}",
    )


def _a_pool(facts: _Facts, held: Held) -> str:
    needed = facts.slots_for(held)
    return f"a pool of {needed:,} slots; or " if needed else ""


def _largest_too_small(facts: _Facts) -> _Reason | None:
    sizes = facts.pool.sizes
    if facts.policy != "adaptive" or sizes is None:
        return None
    return _Reason(
        "too_small",
        f"pool too small: {sizes.misses_at_most:,} acquires found all {sizes.highest:,} slots of "
        f"pool.max in flight{facts.little}",
        "raise pool.max (--pool-max); how many were wanted at once shows under pool.policy = grow",
    )


def _size_not_measured(facts: _Facts) -> _Reason | None:
    if not facts.unmeasured:
        return None
    return _Reason(None, f"{facts.misses:,} misses; {facts.unmeasured}")


def _burst(facts: _Facts) -> _Reason | None:
    if facts.high < facts.slots or not _a_moment(facts.pool):
        return None
    return _Reason(
        "burst",
        f"{facts.misses:,} misses in a moment in which up to {facts.high:,} of {facts.slots:,} slots were "
        f"wanted at once{facts.little}",
        f"the pool is large enough but for that moment: see timing for what held packets up, or {facts.enough}",
    )


def _too_small_to_tell(facts: _Facts) -> _Reason | None:
    """Where a pool gives out no more than its slots, how many were wanted is not known."""
    more_shows = facts.policy == "grow" or (facts.policy is None and facts.high > facts.slots)
    if facts.high < facts.slots or more_shows:
        return None
    wanted = "shows under pool.policy = grow" if facts.policy else "is not known"
    return _Reason(
        "too_small",
        f"pool too small: {facts.misses:,} acquires found all {facts.slots:,} slots in flight{facts.little}",
        f"{facts.enough} at least; how many were wanted at once {wanted}",
    )


def _too_small(facts: _Facts) -> _Reason | None:
    if facts.high <= facts.slots:
        return None
    return _Reason(
        "too_small",
        f"pool too small: {facts.high:,} in flight at the high-water mark, {facts.slots:,} slots{facts.little}",
        f"{facts.enough} would have served every acquire of this run, with a quarter to spare",
    )


def _too_late(facts: _Facts) -> _Reason:
    return _Reason(
        "too_late",
        f"{facts.misses:,} misses though at most {facts.high:,} of {facts.slots:,} slots were in flight"
        f"{facts.little}",
        "a slot that returned was not seen free: look at the returning threads, and at a free list that "
        "forgets or replaces slots",
    )


_REASONS: tuple[Callable[[_Facts], _Reason | None], ...] = (
    _no_miss,
    _never_recycled,
    _overflow_never_freed,
    _slots_lost,
    _did_not_grow,
    _finalizers_starved,
    _held_by_garbage,
    _largest_too_small,
    _size_not_measured,
    _burst,
    _too_small_to_tell,
    _too_small,
    _too_late,
)


def _a_moment(pool: PoolBehaviour) -> bool:
    """Whether nearly every acquire was served, and the pool is twice what is in use on average."""
    in_use, slots = pool.mean_in_flight, pool.slots or 0
    served = pool.hit_rate is not None and pool.hit_rate >= ENOUGH_HITS
    return served and (in_use is None or in_use <= slots / 2)


def _range(sizes: Slots) -> str:
    return f"from {sizes.start:,} to {sizes.highest:,} slots"


CHECK = Check(
    name="pool.hit_rate",
    question=("Why is it what it is: too small (with the number that would do), held by garbage, slots lost."),
    facts=_Facts,
    rules=(_not_written, _not_measured, _explained),
    reads=(
        POOL_SLOTS,
        POOL_HITS,
        POOL_MISSES,
        POOL_RETURNS,
        POOL_IN_FLIGHT,
        POOL_HIGH_WATER,
    ),
    explained_by=frozenset({"pool"}),
    needs=("pool",),
    causes={
        "too_small": "more were in flight than there are slots",
        "held_by_garbage": "leases wait for the garbage collector",
        "finalizers_starved": "leases wait for a turn of the event loop",
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
)
