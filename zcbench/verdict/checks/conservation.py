"""Do the numbers add up?"""

from __future__ import annotations

from zcbench.analysis.laws import MOVING_PACKETS, balances, overflow
from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import Finding

_REMEDIES = {
    "counters_disagree": "a counter lies, or packets are lost between two stages; no other figure can be "
    "trusted",
    "returned_twice": "a lease has two owners that both return it: make the return idempotent, or the "
    "owner one",
    "overflow_never_freed": "free an overflow block when its lease returns: it does not go to the pool",
}


def check(record: Record, found: Totals) -> Finding:
    """Each law exactly at a regular end; within the packets on the move at every settled sample."""
    laws = balances(record, found)
    evidence: dict[str, int | float | str | None] = {}
    broken = []
    for balance in laws:
        evidence[balance.law.name] = balance.off
        if balance.holds is False:
            at_end = f"{balance.left:,} against {balance.right:,} at the end"
            where = (
                at_end
                if abs(balance.off or 0) > balance.slack
                else f"off by {balance.worst:,} during the run"
            )
            broken.append(f"{balance.law.name} is broken ({where})")
    live = overflow(record, found)
    evidence["overflow_live_bytes"] = live.at_end
    evidence["overflow_unexplained_bytes"] = live.unexplained
    if live.unexplained:
        broken.append(
            f"{live.unexplained:,} overflow bytes were never freed, more than the leases in flight explain"
        )
    if broken:
        twice = _returned_too_often(found)
        cause = "counters_disagree"
        if twice:
            cause = "returned_twice"
            broken.append(f"{twice:,} more leases were returned than were ever handed out")
        elif live.unexplained:
            cause = "overflow_never_freed"
        return Finding(
            check="conservation",
            outcome="fail",
            cause=cause,
            sentence="; ".join(broken),
            evidence=evidence,
            remedy=_REMEDIES[cause],
        )
    lacking = sorted({name for balance in laws for name in balance.lacking})
    if lacking:
        gaps = [
            f"{balance.left:,} against {balance.right:,} in {balance.law.name}, "
            f"{abs(balance.left - balance.right):,} unaccounted for"
            for balance in laws
            if balance.left and balance.right and balance.left != balance.right
        ]
        return Finding(
            check="conservation",
            outcome="inconclusive",
            sentence="; ".join([*gaps, f"not measured: {', '.join(lacking)}"]),
            evidence=evidence,
            remedy=f"measure {', '.join(lacking)}",
        )
    exact = "exactly" if not laws[0].slack else f"within {laws[0].slack} packets"
    samples = min(balance.samples for balance in laws)
    return Finding(
        check="conservation",
        outcome="pass",
        sentence=f"all {len(laws)} laws hold {exact} at the end, and within the {MOVING_PACKETS} packets "
        f"that may be on the move at {samples:,} samples",
        evidence=evidence,
        power=f"{'one packet' if not laws[0].slack else f'{laws[0].slack + 1} packets'} lost between two "
        "stages, or one overflow block never freed",
    )


def _returned_too_often(found: Totals) -> int:
    """Returns beyond the leases that were handed out; 0 if there are none."""
    names = ("pool.returns", "engine.captured", "pool.refused")
    returns, captured, refused = (count(found, name) for name in names)
    if returns is None or captured is None:
        return 0
    return max(0, returns - (captured - (refused or 0)))
