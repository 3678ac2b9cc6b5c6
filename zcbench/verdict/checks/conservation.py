"""Do the numbers add up?"""

from __future__ import annotations

from zcbench.analysis.laws import RECEIVED, Balance, balances, overflow
from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.verdict import moments
from zcbench.verdict.check import Check
from zcbench.verdict.not_written import sentence

_REMEDIES = {
    "counters_disagree": "a counter lies, or packets are lost between two stages; no other figure can be "
    "trusted",
    "returned_twice": "a lease has two owners that both return it: make the return idempotent, or the "
    "owner one",
    "overflow_never_freed": "free an overflow block when its lease returns: it does not go to the pool",
}


def check(record: Record, found: Totals) -> Finding:
    """Each law exactly at a regular end; within the packets on the move at every settled sample."""
    laws, unjudged = _written(record, balances(record, found))
    evidence: dict[str, int | float | str | None] = {}
    broken = []
    for balance in laws:
        evidence[balance.law.name] = balance.off
        if balance.holds is False:
            broken.append(_broken(balance))
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
    if unjudged and not laws:
        return Finding(
            check="conservation",
            outcome="skipped",
            sentence=f"{sentence(unjudged)}: there are no two numbers that must agree",
            evidence=evidence,
        )
    lacking = sorted({name for balance in laws for name in balance.lacking})
    whole = [balance for balance in laws if not balance.lacking]
    apart = any(b.lacking and b.left and b.right and b.left != b.right for b in laws)
    if not laws or (lacking and (record.run.ingested is None or apart or not whole)):
        gaps = [
            f"{balance.left:,} against {balance.right:,} in {balance.law.name}, "
            f"{abs(balance.left - balance.right):,} unaccounted for"
            for balance in laws
            if balance.left and balance.right and balance.left != balance.right
        ]
        return Finding(
            check="conservation",
            outcome="inconclusive",
            sentence="; ".join([*gaps, f"not measured: {', '.join(lacking)}"])
            if laws
            else "no two counters that must agree were both measured",
            evidence=evidence,
            remedy=f"measure {', '.join(lacking)}" if laws else None,
        )
    slack = max(balance.slack for balance in whole)
    exact = f"within {slack} packets" if slack else "exactly"
    samples = min(balance.samples for balance in whole)
    return Finding(
        check="conservation",
        outcome="pass",
        sentence=_all_hold(laws, whole, exact, samples)
        + (f"; {sentence(unjudged)}: the laws about it were not judged" if unjudged else ""),
        evidence=evidence,
        power=f"{f'{slack + 1} packets' if slack else 'one packet'} lost between two stages"
        + (", or one overflow block never freed" if live.at_end is not None else ""),
    )


def _broken(balance: Balance) -> str:
    known = f"{balance.left:,} against {balance.right:,}"
    if balance.lacking:
        where = f"{known}; {', '.join(balance.lacking)} not measured, and cannot explain it"
    elif abs(balance.off or 0) > balance.slack:
        where = f"{known} at the end"
    else:
        where = f"off by {balance.worst:,} during the run"
    return f"{balance.law.name} is broken ({where})"


def _all_hold(laws: list[Balance], whole: list[Balance], exact: str, samples: int) -> str:
    which = (
        f"all {len(laws)} laws hold"
        if len(whole) == len(laws)
        else f"what was measured adds up: {'; '.join(b.law.name for b in whole)}"
    )
    moving = max(balance.moving for balance in whole)
    return (
        f"{which} {exact} at the end, and at all {samples:,} samples, allowing for {moving} packets in transit"
    )


def _written(record: Record, laws: list[Balance]) -> tuple[list[Balance], frozenset[str]]:
    """The laws about words that the engine writes, and the words it does not write that others need."""
    undecided = [b for b in laws if b.holds is None and set(b.lacking) & record.unwritten]
    # What the worker counted in the engine's place agrees with itself.
    by_us = [b for b in laws if b.law == RECEIVED and "engine.delivered" in record.unwritten]
    words = record.unwritten & {name for balance in undecided for name in balance.lacking}
    return [b for b in laws if b not in undecided and b not in by_us], frozenset(words)


def _returned_too_often(found: Totals) -> int:
    """Returns beyond the leases that were handed out; 0 if there are none."""
    names = ("pool.returns", "engine.captured", "pool.refused")
    returns, captured, refused = (count(found, name) for name in names)
    if returns is None or captured is None:
        return 0
    return max(0, returns - (captured - (refused or 0)))


CHECK = Check(
    name="conservation",
    question=("acquires = hits + misses = delivered + drops + queued = returns + in flight, at every sample."),
    judge=(check,),
    causes={
        "counters_disagree": "two numbers that must agree do not",
        "returned_twice": "more leases were returned than handed out",
        "overflow_never_freed": "overflow blocks outlive their leases",
    },
    meaning="the engine's own counts contradict each other: none of them can be relied on",
    figure="pool",
    moment=moments.imbalance,
)
