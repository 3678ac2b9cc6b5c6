"""Does the pool get its slots back?"""

from __future__ import annotations

from functools import cached_property

from zcbench.analysis import heaps
from zcbench.analysis.garbage import collected_in_vain, starved_s
from zcbench.analysis.laws import MOVING_PACKETS
from zcbench.analysis.pool import (
    LOST_SHARE,
    PoolBehaviour,
    behaviour,
    can_see_lost_slots,
    counts_slots,
    lost_slots,
    standstill,
)
from zcbench.analysis.stream import at_rest
from zcbench.analysis.totals import Totals, count
from zcbench.analysis.trend import FEWEST_BLOCKS
from zcbench.quantities.names import (
    CONSUMER_HELD,
    ENGINE_QUEUED,
    POOL_HIGH_WATER,
    POOL_HITS,
    POOL_IN_FLIGHT,
    POOL_MISSES,
    POOL_OVERFLOW_ALLOCATIONS,
    POOL_REFUSED,
    POOL_RETURNS,
    POOL_SLOTS,
)
from zcbench.quantities.units import clock, format_duration
from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Phase
from zcbench.verdict import moments
from zcbench.verdict.check import Check, Evidence, Facts
from zcbench.verdict.not_written import missing, sentence

_WHO_KEEPS = "find who keeps the leases: a return that does nothing, or a reference that never dies"

# Runtimes whose finalizers give memory back that is not theirs.
_FINALIZING = (heaps.V8, heaps.JAVA, heaps.GO, heaps.DOTNET)

_LEFT = "look for references in caches, tracebacks and cycles (gc.garbage); see the oldest lease"
_LEFT_BY_OTHERS = "find who holds a lease when the program says that it is done: a cache, a list, a callback"


class _Facts(Facts):
    @cached_property
    def pool(self) -> PoolBehaviour:
        return behaviour(self.record, self.totals)

    @property
    def evidence(self) -> Evidence:
        pool = self.pool
        return {
            "slots": pool.slots,
            "hits": pool.hits,
            "misses": pool.misses,
            "returns": pool.returns,
            "in_flight": pool.in_flight,
        }

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Slots, hits, misses and returns, once a rule has answered for a record that lacks one."""
        pool = self.pool
        return pool.slots or 0, pool.hits or 0, pool.misses or 0, pool.returns or 0

    @property
    def ever(self) -> int:
        """Of an adaptive pool, more slots than there were at a time: each may have served one hit."""
        return self.counts[0] if self.pool.sizes is None else self.pool.sizes.ever

    @property
    def spent(self) -> str:
        _, hits, misses, _ = self.counts
        of = "=" if hits == self.ever else "of"
        return f"{hits:,} hits {of} {self.ever:,} slots, {misses:,} misses"


def _never_reused_by_hits(facts: _Facts) -> Finding | None:
    """Where returns were not measured, they need not be: a slot that comes back serves a second hit."""
    slots, hits, misses, _ = facts.counts
    if facts.pool.returns is not None or not slots or hits != slots or not misses:
        return None
    return CHECK.failed(
        f"the pool never recycled: {hits:,} hits = {slots:,} slots, {misses:,} misses "
        "(returns were not measured)",
        facts.evidence,
        cause="never_recycled",
        remedy=_WHO_KEEPS,
    )


def _stands_still(facts: _Facts) -> Finding | None:
    """Nor need slots be, where hits stand still and acquires go on."""
    if facts.pool.returns is not None or (still := standstill(facts.record)) is None:
        return None
    return CHECK.failed(
        f"no slot came back after {clock(still.from_s)}: {still.hits:,} hits until then, and "
        f"{still.in_vain:,} acquires in vain since (returns were not measured)",
        facts.evidence,
        cause="never_recycled",
        remedy=_WHO_KEEPS,
    )


def _not_written(facts: _Facts) -> Finding | None:
    words = missing(facts.record, POOL_SLOTS, POOL_HITS, POOL_MISSES, POOL_RETURNS)
    if not words:
        return None
    return CHECK.skipped(
        f"{sentence(words)}: whether slots come back and go round again was not judged",
        facts.evidence,
    )


def _not_measured(facts: _Facts) -> Finding | None:
    pool = facts.pool
    if not pool.acquires:
        return CHECK.undecided("the pool was never asked for a slot, or not measured", facts.evidence)
    if None in (pool.slots, pool.returns):
        return CHECK.undecided(
            f"whether slots come back was not measured: {pool.hits:,} hits, {pool.misses:,} misses",
            facts.evidence,
        )
    return None


def _still_held(facts: _Facts) -> Finding | None:
    _, hits, misses, returns = facts.counts
    if returns or not _may_still_be_held(facts.record, facts.totals, hits + misses):
        return None
    return CHECK.undecided(f"the run ended before any of {hits + misses:,} leases was due back", facts.evidence)


def _starved(facts: _Facts) -> Finding | None:
    """Where finalizers give leases back, an event loop that stands still keeps them all."""
    _, hits, misses, returns = facts.counts
    standing_s = starved_s(facts.record)
    if returns or not standing_s or hits + misses <= facts.counts[0]:
        return None
    return CHECK.failed(
        f"the pool never got a slot back: {facts.spent}, 0 returns; the event loop stood still for the last "
        f"{format_duration(standing_s)}, and no finalizer runs before it turns",
        facts.evidence,
        cause="finalizers_starved",
        remedy="give the event loop a turn (await a timer, setImmediate) between packets, or release them "
        "explicitly",
    )


def _never_collected(facts: _Facts) -> Finding | None:
    """A slot that a runtime's collector gives back cannot come back before there was a collection."""
    slots, hits, _, returns = facts.counts
    runtime = heaps.runtime_of(facts.record)
    came_back = returns or hits > slots or facts.in_worker or not facts.pool.acquires
    if came_back or runtime not in _FINALIZING or collected_in_vain(facts.record):
        return None
    return CHECK.undecided(
        f"no slot came back ({facts.spent}), and {runtime} collected no garbage in that time: a lease that "
        "waits for the collector could not",
        facts.evidence,
        remedy="run longer, or let zcbench collect (gc.every = auto): what never comes back then is lost",
    )


def _never_returned(facts: _Facts) -> Finding | None:
    slots, hits, misses, returns = facts.counts
    start = slots if facts.pool.sizes is None else facts.pool.sizes.start
    if returns or hits + misses <= start:
        return None
    made = 0 if facts.in_worker else collected_in_vain(facts.record)
    runtime = heaps.runtime_of(facts.record)
    vain = f", though {runtime} collected garbage {made:,} times" if made and runtime else ""
    return CHECK.failed(
        f"the pool never got a slot back: {facts.spent}, 0 returns{vain}",
        facts.evidence,
        cause="never_recycled",
        remedy=_WHO_KEEPS,
    )


def _in_flight_not_measured(facts: _Facts) -> Finding | None:
    if facts.pool.in_flight is not None:
        return None
    return CHECK.undecided(
        f"{facts.spent}, {facts.counts[3]:,} returns; not measured: pool.in_flight", facts.evidence
    )


def _slots_lost(facts: _Facts) -> Finding | None:
    lost = lost_slots(facts.record, facts.totals)
    if lost is None:
        return None
    return CHECK.failed(
        f"slots in circulation fell from {lost.first:,} to {lost.last:,} or fewer: one slot lost every "
        f"{lost.lost_every:,} packets or so, although {facts.counts[3]:,} leases were returned",
        facts.evidence,
        cause="slots_lost",
        remedy=f"a return that is counted must reach the free list: look at what happens every "
        f"{lost.lost_every:,} packets; more slots only put it off",
    )


def _below_zero(facts: _Facts) -> Finding | None:
    if facts.pool.in_flight is None or facts.pool.in_flight >= 0 or not at_rest(facts.record):
        return None
    return CHECK.undecided(
        f"{facts.pool.in_flight:,} leases in flight: leases came back more than once (conservation)",
        facts.evidence,
    )


def _leases_left(facts: _Facts) -> Finding | None:
    if not facts.pool.in_flight or not at_rest(facts.record):
        return None
    return CHECK.failed(
        f"{facts.pool.in_flight:,} leases never came back, although the consumer let go of everything",
        facts.evidence,
        cause="leases_left",
        remedy=_LEFT if facts.record.can("worker") else _LEFT_BY_OTHERS,
    )


def _never_reused(facts: _Facts) -> Finding | None:
    _, hits, misses, returns = facts.counts
    # Under block a miss may get a slot after all, which is a reuse that no hit counts.
    others = (POOL_OVERFLOW_ALLOCATIONS, POOL_REFUSED)
    waited = misses - sum(count(facts.totals, name) or 0 for name in others)
    in_use = facts.pool.mean_in_flight
    if hits != facts.ever or not misses or waited > 0:
        return None
    if in_use is None or round(in_use) >= facts.ever:
        return None
    return CHECK.failed(
        f"the pool never reused a slot: {facts.spent}, although {returns:,} leases came back after "
        f"{format_duration(facts.pool.mean_hold_s or 0.0)} on average",
        facts.evidence,
        cause="never_reused",
        remedy="a returned slot must reach the free list",
    )


def _each_used_once(facts: _Facts) -> Finding | None:
    _, hits, misses, returns = facts.counts
    if hits > facts.ever:
        return None
    if misses:
        return CHECK.undecided(
            f"no slot was used twice ({facts.spent}), though {returns:,} leases did come back",
            facts.evidence,
            remedy="the application holds packets for about as long as the run: run longer, or with more slots",
        )
    return CHECK.undecided(
        f"{hits:,} acquires never needed a slot twice ({facts.ever:,} slots)",
        facts.evidence,
        remedy=f"run for more than {facts.ever:,} packets",
    )


def _go_round(facts: _Facts) -> Finding:
    slots, hits, misses, returns = facts.counts
    return CHECK.passed(
        f"each slot was used {hits / facts.ever:,.0f} times on average; {returns:,} returns for "
        f"{hits + misses:,} acquires, {facts.pool.in_flight:,} still out",
        facts.evidence,
        detection_limit="one lease that never came back"
        + _slots_limit(facts.record, facts.totals, hits, slots),
    )


def _slots_limit(record: Record, found: Totals, hits: int, slots: int) -> str:
    """The rarest loss of slots that this run would have shown: a fall in most of the fewest blocks."""
    if counts_slots(record):
        return ", or one slot that is neither free nor in use"
    if not can_see_lost_slots(record, found):
        return "; slots lost one by one would not have been seen before the pool ran out of them"
    every = hits / FEWEST_BLOCKS / max(1.0, LOST_SHARE * slots)
    return f", or a slot lost every {max(1, int(every)):,} packets"


def _may_still_be_held(record: Record, found: Totals, acquires: int) -> bool:
    """Whether a subject that ended without a drain may rightly have had every lease in its hands."""
    if count(found, "phase") == Phase.DONE:
        return False
    if record.run.application.needs_gc:
        return True  # the collector had not run yet
    known = (count(found, CONSUMER_HELD) or 0) + (count(found, ENGINE_QUEUED) or 0)
    return acquires <= known + MOVING_PACKETS


CHECK = Check(
    name="pool.recycling",
    question="Does the pool get its slots back, all of them, all the time?",
    facts=_Facts,
    rules=(
        _starved,
        _never_collected,
        _never_reused_by_hits,
        _stands_still,
        _not_written,
        _not_measured,
        _still_held,
        _never_returned,
        _in_flight_not_measured,
        _slots_lost,
        _below_zero,
        _leases_left,
        _never_reused,
        _each_used_once,
        _go_round,
    ),
    reads=(
        POOL_SLOTS,
        POOL_HITS,
        POOL_MISSES,
        POOL_RETURNS,
        POOL_IN_FLIGHT,
        POOL_REFUSED,
        POOL_HIGH_WATER,
    ),
    needs=("pool",),
    causes={
        "never_recycled": "not one lease was returned",
        "finalizers_starved": "the event loop never turned, so that no finalizer ran",
        "never_reused": "leases come back, their slots are not used again",
        "slots_lost": "slots get lost one by one on their way back",
        "leases_left": "leases are left over after the drain",
    },
    meaning=("buffers do not come back: the pool is a heap with another name, and memory will run out"),
    figure="pool",
    moment=moments.shortage,
    item="Every buffer came back, and its slot was used again",
)
