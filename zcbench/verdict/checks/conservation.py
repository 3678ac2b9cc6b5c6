"""Do the numbers add up?"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from zcbench.analysis.laws import MOVING_PACKETS, RECEIVED, Balance, Overflow, balances, overflow
from zcbench.analysis.stream import at_rest
from zcbench.analysis.totals import Totals, count
from zcbench.quantities.names import (
    CONSUMER_RECEIVED,
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
    ENGINE_DROPS,
    ENGINE_QUEUED,
    OVERFLOW_LIVE_BYTES,
    POOL_HITS,
    POOL_IN_FLIGHT,
    POOL_MISSES,
    POOL_OVERFLOW_ALLOCATIONS,
    POOL_OVERFLOW_BYTES,
    POOL_OVERFLOW_FREED_BYTES,
    POOL_REFUSED,
    POOL_RETURNS,
    POOL_SLOTS,
)
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.verdict import moments
from zcbench.verdict.check import Check, Evidence, Facts
from zcbench.verdict.not_written import sentence

_REMEDIES = {
    "counters_disagree": "a counter lies, or packets are lost between two stages; no other figure can be "
    "trusted",
    "returned_twice": "a lease has two owners that both return it: make the return idempotent, or the "
    "owner one",
    "overflow_never_freed": "free an overflow block when its lease returns: it does not go to the pool",
}

_COUNTERS = (
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
    ENGINE_DROPS,
    ENGINE_QUEUED,
    CONSUMER_RECEIVED,
    POOL_HITS,
    POOL_MISSES,
    POOL_REFUSED,
    POOL_RETURNS,
    POOL_IN_FLIGHT,
    POOL_OVERFLOW_ALLOCATIONS,
    POOL_OVERFLOW_BYTES,
    POOL_OVERFLOW_FREED_BYTES,
)


class _Facts(Facts):
    @cached_property
    def _parted(self) -> tuple[list[Balance], frozenset[str]]:
        return _written(self.record, balances(self.record, self.totals))

    @property
    def laws(self) -> list[Balance]:
        """Each holds exactly at a regular end, within the packets on the move at every settled sample."""
        return self._parted[0]

    @property
    def unjudged(self) -> frozenset[str]:
        return self._parted[1]

    @cached_property
    def live(self) -> Overflow:
        return overflow(self.record, self.totals)

    @property
    def whole(self) -> list[Balance]:
        """The laws of which every term was counted."""
        return [balance for balance in self.laws if not balance.lacking]

    @property
    def evidence(self) -> Evidence:
        return {
            **{balance.law.name: balance.off for balance in self.laws},
            OVERFLOW_LIVE_BYTES: self.live.at_end,
            "overflow_unexplained_bytes": self.live.unexplained,
        }


def _disagree(facts: _Facts) -> Finding | None:
    broken = [_broken(balance) for balance in facts.laws if balance.holds is False]
    unexplained = facts.live.unexplained
    cause = "counters_disagree"
    if unexplained:
        cause = "overflow_never_freed"
        broken.append(
            f"{unexplained:,} overflow bytes were never freed, more than the leases in flight explain"
        )
    if not broken:
        return None
    if twice := _returned_too_often(facts.totals):
        cause = "returned_twice"
        broken.append(f"{twice:,} more leases were returned than were ever handed out")
    return CHECK.failed("; ".join(broken), facts.evidence, cause=cause, remedy=_REMEDIES[cause])


def _below_zero(facts: _Facts) -> Finding | None:
    """Counters that agree, of a pool that got more leases back than it gave: a law alone would not show it."""
    in_flight = count(facts.totals, POOL_IN_FLIGHT)
    # While leases move a return may be seen before the acquire that it belongs to.
    least = 0 if at_rest(facts.record) else -MOVING_PACKETS
    if in_flight is None or in_flight >= least:
        return None
    return CHECK.failed(
        f"{in_flight:,} leases in flight: {-in_flight:,} more were returned than were ever handed out",
        facts.evidence,
        cause="returned_twice",
        remedy=_REMEDIES["returned_twice"],
    )


def _more_than_the_pool_has(facts: _Facts) -> Finding | None:
    """Of a command that counted from its start: a lease is of a slot, or of an acquire that found none."""
    names = (POOL_IN_FLIGHT, POOL_SLOTS, POOL_MISSES)
    in_flight, slots, misses = (count(facts.totals, name) for name in names)
    if facts.record.run.subject.kind != "command" or in_flight is None or not slots or misses is None:
        return None
    held = max(slots, int(np.nanmax(facts.record.samples[POOL_SLOTS], initial=0)))
    moving = max((balance.moving for balance in facts.laws), default=MOVING_PACKETS)
    if in_flight <= held + misses + moving:
        return None
    return CHECK.failed(
        f"{in_flight:,} leases in flight, of {held:,} slots and {misses:,} misses: more than there can be",
        facts.evidence,
        cause="counters_disagree",
        remedy=_REMEDIES["counters_disagree"],
    )


def _not_written(facts: _Facts) -> Finding | None:
    if not facts.unjudged or facts.laws:
        return None
    return CHECK.skipped(
        f"{sentence(facts.unjudged)}: there are no two numbers that must agree", facts.evidence
    )


def _nothing_to_compare(facts: _Facts) -> Finding | None:
    if facts.laws:
        return None
    return CHECK.undecided("no two counters that must agree were both measured", facts.evidence)


def _not_measured(facts: _Facts) -> Finding | None:
    lacking = sorted({name for balance in facts.laws for name in balance.lacking})
    apart = [b for b in facts.laws if b.left and b.right and b.left != b.right]
    ours = facts.record.can("worker")
    if not lacking or not (ours or any(b.lacking for b in apart) or not facts.whole):
        return None
    gaps = [
        f"{b.left:,} against {b.right:,} in {b.law.name}, {abs(b.left - b.right):,} unaccounted for"
        for b in apart
        if b.left and b.right
    ]
    return CHECK.undecided(
        "; ".join([*gaps, f"not measured: {', '.join(lacking)}"]),
        facts.evidence,
        remedy=f"measure {', '.join(lacking)}",
    )


def _nothing_counted(facts: _Facts) -> Finding | None:
    """Of a subject that did nothing every law holds: 0 = 0."""
    if any(count(facts.totals, name) for name in _COUNTERS):
        return None
    return CHECK.undecided("nothing was counted: all that must agree is 0", facts.evidence)


def _add_up(facts: _Facts) -> Finding:
    slack = max(balance.slack for balance in facts.whole)
    exact = f"within {slack} packets" if slack else "exactly"
    samples = min(balance.samples for balance in facts.whole)
    unjudged = facts.unjudged
    return CHECK.passed(
        _all_hold(facts.laws, facts.whole, exact, samples)
        + (f"; {sentence(unjudged)}: the laws about it were not judged" if unjudged else ""),
        facts.evidence,
        detection_limit=f"{f'{slack + 1} packets' if slack else 'one packet'} lost between two stages"
        + (", or one overflow block never freed" if facts.live.at_end is not None else ""),
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
    by_us = [b for b in laws if b.law == RECEIVED and ENGINE_DELIVERED in record.unwritten]
    words = record.unwritten & {name for balance in undecided for name in balance.lacking}
    return [b for b in laws if b not in undecided and b not in by_us], frozenset(words)


def _returned_too_often(found: Totals) -> int:
    """Returns beyond the leases that were handed out; 0 if there are none."""
    names = (POOL_RETURNS, ENGINE_CAPTURED, POOL_REFUSED)
    returns, captured, refused = (count(found, name) for name in names)
    if returns is None or captured is None:
        return 0
    return max(0, returns - (captured - (refused or 0)))


CHECK = Check(
    name="conservation",
    question=("acquires = hits + misses = delivered + drops + queued = returns + in flight, at every sample."),
    facts=_Facts,
    rules=(
        _disagree,
        _below_zero,
        _more_than_the_pool_has,
        _not_written,
        _nothing_to_compare,
        _not_measured,
        _nothing_counted,
        _add_up,
    ),
    reads=_COUNTERS,
    needs=("packets", "pool"),
    causes={
        "counters_disagree": "two numbers that must agree do not",
        "returned_twice": "more leases were returned than handed out",
        "overflow_never_freed": "overflow blocks outlive their leases",
    },
    meaning="the engine's own counts contradict each other: none of them can be relied on",
    figure="pool",
    moment=moments.imbalance,
    item="Every buffer came back, and its slot was used again",
)
