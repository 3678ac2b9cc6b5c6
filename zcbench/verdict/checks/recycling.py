"""Does the pool get its slots back?"""

from __future__ import annotations

from zcbench.analysis.delivery import delivery
from zcbench.analysis.pool import behaviour
from zcbench.analysis.totals import Totals
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Outcome


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

    def finding(outcome: Outcome, sentence: str, remedy: str | None = None) -> Finding:
        return Finding(
            check="pool.recycling",
            outcome=outcome,
            sentence=sentence,
            evidence=evidence,
            remedy=remedy,
        )

    slots, hits, misses, returns, left = (
        pool.slots,
        pool.hits,
        pool.misses,
        pool.returns,
        pool.in_flight,
    )
    if (
        slots is None
        or hits is None
        or misses is None
        or returns is None
        or left is None
        or not hits + misses
    ):
        return finding("inconclusive", "the pool was never asked for a slot, or not measured")
    spent = f"{hits:,} hits = {slots:,} slots, {misses:,} misses"
    if returns == 0 and hits + misses > slots:
        return finding(
            "fail",
            f"the pool never got a slot back: {spent}, 0 returns",
            "find who keeps the leases: a return that does nothing, or a reference that never dies",
        )
    if left and record.end.ending is Ending.FINISHED:
        return finding(
            "fail",
            f"{left:,} leases never came back, although the consumer let go of everything",
            "look for references in caches, tracebacks and cycles (gc.garbage); see the oldest lease",
        )
    if hits <= slots and misses:
        return finding(
            "inconclusive",
            f"no slot was used twice ({spent}), though {returns:,} leases did come back",
            "the application holds packets for about as long as the run: run longer, or with more slots",
        )
    if hits <= slots:
        return finding(
            "inconclusive",
            f"{hits:,} acquires never needed a slot twice ({slots:,} slots)",
            f"run for more than {slots:,} packets",
        )
    uses = hits / slots
    return finding(
        "pass",
        f"each slot was used {uses:,.0f} times on average; {returns:,} returns for {hits + misses:,} acquires, "
        f"{left:,} still out",
    )
