"""Does the pool get its slots back?"""

from __future__ import annotations

from zcbench.analysis.delivery import delivery
from zcbench.analysis.laws import MOVING_PACKETS
from zcbench.analysis.pool import LOST_SHARE, behaviour, can_see_lost_slots, lost_slots
from zcbench.analysis.stream import DONE
from zcbench.analysis.totals import Totals, count
from zcbench.analysis.trend import FEWEST_BLOCKS
from zcbench.quantities.units import format_duration
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Outcome
from zcbench.verdict import moments
from zcbench.verdict.check import Check
from zcbench.verdict.not_written import missing, sentence


def check(record: Record, found: Totals) -> Finding:
    """Fail when slots are taken and never come back, or leases are left over after the drain."""
    pool = behaviour(record, found, delivery(record, found).streamed_s)
    evidence: dict[str, int | float | str | None] = {
        "slots": pool.slots,
        "hits": pool.hits,
        "misses": pool.misses,
        "returns": pool.returns,
        "in_flight": pool.in_flight,
    }

    def finding(
        outcome: Outcome,
        sentence: str,
        remedy: str | None = None,
        *,
        cause: str | None = None,
        power: str | None = None,
    ) -> Finding:
        return Finding(
            check="pool.recycling",
            outcome=outcome,
            sentence=sentence,
            cause=cause,
            evidence=evidence,
            power=power,
            remedy=remedy,
        )

    slots, hits, misses, returns, left = (
        pool.slots,
        pool.hits,
        pool.misses,
        pool.returns,
        pool.in_flight,
    )
    if returns is None and slots and hits == slots and misses and hits + misses > slots:
        # Returns were not measured, and need not be: a slot that comes back serves a second hit.
        return finding(
            "fail",
            f"the pool never recycled: {hits:,} hits = {slots:,} slots, {misses:,} misses "
            "(returns were not measured)",
            "find who keeps the leases: a return that does nothing, or a reference that never dies",
            cause="never_recycled",
        )
    if words := missing(record, "pool.slots", "pool.hits", "pool.misses", "pool.returns"):
        return finding(
            "skipped",
            f"{sentence(words)}: whether slots come back and go round again was not judged",
        )
    if slots is None or hits is None or misses is None or returns is None or not hits + misses:
        return finding("inconclusive", "the pool was never asked for a slot, or not measured")
    # Of an adaptive pool, more slots than there were at a time: each may have served one hit.
    ever, start = (slots, slots) if pool.sizes is None else (pool.sizes.ever, pool.sizes.start)
    of = "=" if hits == ever else "of"
    spent = f"{hits:,} hits {of} {ever:,} slots, {misses:,} misses"
    if returns == 0 and _may_still_be_held(record, found, hits + misses):
        return finding("inconclusive", f"the run ended before any of {hits + misses:,} leases was due back")
    if returns == 0 and hits + misses > start:
        return finding(
            "fail",
            f"the pool never got a slot back: {spent}, 0 returns",
            "find who keeps the leases: a return that does nothing, or a reference that never dies",
            cause="never_recycled",
        )
    if left is None:
        return finding("inconclusive", f"{spent}, {returns:,} returns; not measured: pool.in_flight")
    lost = lost_slots(record, found)
    if lost is not None:
        return finding(
            "fail",
            f"slots in circulation fell from {lost.first:,} to {lost.last:,} or fewer: one slot lost every "
            f"{lost.lost_every:,} packets or so, although {returns:,} leases were returned",
            f"a return that is counted must reach the free list: look at what happens every "
            f"{lost.lost_every:,} packets; more slots only put it off",
            cause="slots_lost",
        )
    if left and record.end.ending is Ending.FINISHED:
        return finding(
            "fail",
            f"{left:,} leases never came back, although the consumer let go of everything",
            "look for references in caches, tracebacks and cycles (gc.garbage); see the oldest lease",
            cause="leases_left",
        )
    # Under block a miss may get a slot after all, which is a reuse that no hit counts.
    waited = misses - (count(found, "pool.overflow_allocations") or 0) - (count(found, "pool.refused") or 0)
    held_s, in_use = pool.mean_hold_s, pool.mean_in_flight
    if hits == ever and misses and waited <= 0 and in_use is not None and round(in_use) < ever:
        return finding(
            "fail",
            f"the pool never reused a slot: {spent}, although {returns:,} leases came back after "
            f"{format_duration(held_s or 0.0)} on average",
            "a returned slot must reach the free list",
            cause="never_reused",
        )
    if hits <= ever and misses:
        return finding(
            "inconclusive",
            f"no slot was used twice ({spent}), though {returns:,} leases did come back",
            "the application holds packets for about as long as the run: run longer, or with more slots",
        )
    if hits <= ever:
        return finding(
            "inconclusive",
            f"{hits:,} acquires never needed a slot twice ({ever:,} slots)",
            f"run for more than {ever:,} packets",
        )
    uses = hits / ever
    return finding(
        "pass",
        f"each slot was used {uses:,.0f} times on average; {returns:,} returns for {hits + misses:,} acquires, "
        f"{left:,} still out",
        power="one lease that never came back" + _slots_power(record, found, hits, slots),
    )


def _slots_power(record: Record, found: Totals, hits: int, slots: int) -> str:
    """The rarest loss of slots that this run would have shown: a fall in most of the fewest blocks."""
    if not can_see_lost_slots(record, found):
        return "; slots lost one by one would not have been seen before the pool ran out of them"
    every = hits / FEWEST_BLOCKS / max(1.0, LOST_SHARE * slots)
    return f", or a slot lost every {max(1, int(every)):,} packets"


def _may_still_be_held(record: Record, found: Totals, acquires: int) -> bool:
    """Whether a subject that ended without a drain may rightly have had every lease in its hands."""
    if count(found, "phase") == DONE:
        return False
    if record.run.application.needs_gc:
        return True  # the collector had not run yet
    known = (count(found, "consumer.held") or 0) + (count(found, "engine.queued") or 0)
    return acquires <= known + MOVING_PACKETS


CHECK = Check(
    name="pool.recycling",
    question="Does the pool get its slots back, all of them, all the time?",
    judge=(check,),
    causes={
        "never_recycled": "not one lease was returned",
        "never_reused": "leases come back, their slots are not used again",
        "slots_lost": "slots get lost one by one on their way back",
        "leases_left": "leases are left over after the drain",
    },
    meaning=("buffers do not come back: the pool is a heap with another name, and memory will run out"),
    figure="pool",
    moment=moments.shortage,
    about=("pool.",),
)
