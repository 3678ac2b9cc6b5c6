"""Do the numbers add up?"""

from __future__ import annotations

from zcbench.analysis.laws import MOVING_PACKETS, balances
from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import Finding


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
    live = _live_overflow(found)
    evidence["overflow_live_bytes"] = live
    if live and count(found, "pool.in_flight") == 0:
        broken.append(f"{live:,} overflow bytes were never freed though nothing is in flight")
    if broken:
        return Finding(
            check="conservation",
            outcome="fail",
            sentence="; ".join(broken),
            evidence=evidence,
            remedy="a counter lies, or packets are lost between two stages; no other figure can be trusted",
        )
    if any(balance.holds is None for balance in laws):
        return Finding(
            check="conservation",
            outcome="inconclusive",
            sentence="not every counter of the laws was measured",
            evidence=evidence,
        )
    exact = "exactly" if not laws[0].slack else f"within {laws[0].slack} packets"
    samples = min(balance.samples for balance in laws)
    return Finding(
        check="conservation",
        outcome="pass",
        sentence=f"all {len(laws)} laws hold {exact} at the end, and within the {MOVING_PACKETS} packets "
        f"that may be on the move at {samples:,} samples",
        evidence=evidence,
    )


def _live_overflow(found: Totals) -> int | None:
    allocated = count(found, "pool.overflow_bytes")
    freed = count(found, "pool.overflow_freed_bytes")
    return None if allocated is None or freed is None else allocated - freed
