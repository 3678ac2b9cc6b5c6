"""Did every packet arrive once, in order?"""

from __future__ import annotations

from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import Finding

_COUNTED = ("gaps", "missing", "duplicates", "reordered")


def check(_record: Record, found: Totals) -> Finding:
    """Fail on any hole, duplicate or packet out of order in the sequence numbers."""
    seen = {name: count(found, f"consumer.{name}") for name in _COUNTED}
    received = count(found, "consumer.received")
    evidence: dict[str, int | float | str | None] = {**seen, "received": received}
    if not received or None in seen.values():
        return Finding(
            check="gaps",
            outcome="inconclusive",
            sentence="the order of the packets was not measured"
            if received is None
            else "no packet was received, so nothing can be said about their order",
            evidence=evidence,
            remedy="see the life check",
        )
    wrong = [f"{number:,} {name}" for name, number in seen.items() if number]
    if wrong:
        return Finding(
            check="gaps",
            outcome="fail",
            sentence=f"the sequence of {received:,} packets has faults: {', '.join(wrong)}",
            cause=_cause({name: number or 0 for name, number in seen.items()}),
            evidence=evidence,
            remedy="drops explain gaps (see delivery); duplicates and disorder are the engine's fault",
        )
    return Finding(
        check="gaps",
        outcome="pass",
        sentence=f"{received:,} packets arrived once each and in order; one gap would have been seen",
        evidence=evidence,
        power="one gap, duplicate or packet out of order would have been seen",
    )


def _cause(seen: dict[str, int]) -> str:
    """What there is most of. A late packet leaves a hole first: only what nothing filled is a gap."""
    faults = {
        "gaps": seen["missing"] - seen["reordered"],
        "duplicates": seen["duplicates"],
        "reordered": seen["reordered"],
    }
    return max(faults, key=lambda name: faults[name])
