"""Did every packet arrive once, in order?"""

from __future__ import annotations

from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.verdict import moments
from zcbench.verdict.check import Check

_COUNTED = ("gaps", "missing", "duplicates", "reordered")


def check(record: Record, found: Totals) -> Finding:
    """Fail on any hole, duplicate or packet out of order in the sequence numbers: each by itself."""
    seen = {name: count(found, f"consumer.{name}") for name in _COUNTED}
    # Who looked at their order: our consumer counts what it took, somebody else's log what it has.
    names = ("consumer.received", "engine.delivered", "engine.captured")
    looked = names if record.run.ingested is not None else names[:1]
    received = next((n for name in looked if (n := count(found, name)) is not None), None)
    evidence: dict[str, int | float | str | None] = {**seen, "received": received}
    wrong = [f"{number:,} {name}" for name, number in seen.items() if number]
    if wrong:
        of = f"of {received:,} packets " if received else ""
        return Finding(
            check="gaps",
            outcome="fail",
            sentence=f"the sequence {of}has faults: {', '.join(wrong)}",
            cause=_cause({name: number or 0 for name, number in seen.items()}),
            evidence=evidence,
            remedy="drops explain gaps (see delivery); duplicates and disorder are the engine's fault",
        )
    unknown = [name for name, number in seen.items() if number is None]
    # Holes are what is asked for first; a log that counts them has looked.
    holes = seen["gaps"] is not None or seen["missing"] is not None
    partly = record.run.ingested is not None and holes
    if not received or (unknown and not partly):
        return Finding(
            check="gaps",
            outcome="inconclusive",
            sentence=_not_known(received, unknown),
            evidence=evidence,
            remedy="see the life check",
        )
    if unknown:
        known = " or ".join(name for name in seen if name not in unknown)
        return Finding(
            check="gaps",
            outcome="pass",
            sentence=f"no {known} in {received:,} packets; {', '.join(unknown)} not counted",
            evidence=evidence,
            power=f"one of {known}",
        )
    return Finding(
        check="gaps",
        outcome="pass",
        sentence=f"all {received:,} packets arrived once, in order; one gap would have been detected",
        evidence=evidence,
        power="one gap, duplicate or packet out of order",
    )


def _not_known(received: int | None, unknown: list[str]) -> str:
    if received == 0:
        return "no packet was received, so nothing can be said about their order"
    if len(unknown) == len(_COUNTED):
        return "the order of the packets was not measured"
    if unknown:
        return f"{', '.join(unknown)} not counted, so the order of the packets is not known"
    return "no fault in the order was counted, but neither how many packets came"


def _cause(seen: dict[str, int]) -> str:
    """What there is most of. A late packet leaves a hole first: only what nothing filled is a gap."""
    faults = {
        "gaps": seen["missing"] - seen["reordered"],
        "duplicates": seen["duplicates"],
        "reordered": seen["reordered"],
    }
    return max(faults, key=lambda name: faults[name])


CHECK = Check(
    name="gaps",
    question="Did every packet arrive once, in order?",
    judge=(check,),
    causes={
        "gaps": "holes in the sequence numbers",
        "duplicates": "packets came twice",
        "reordered": "packets came in the wrong order",
    },
    meaning=("packets come twice, in the wrong order or not at all: the recording has holes or repeats"),
    figure="rate",
    moment=moments.first_rise("consumer_gaps", "consumer_duplicates", "consumer_reordered"),
    about=("consumer.",),
)
