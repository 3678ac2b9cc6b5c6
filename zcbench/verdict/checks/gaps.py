"""Did every packet arrive once, in order?"""

from __future__ import annotations

from functools import cached_property

from zcbench.analysis.totals import count
from zcbench.quantities.names import (
    CONSUMER_DUPLICATES,
    CONSUMER_GAPS,
    CONSUMER_MISSING,
    CONSUMER_RECEIVED,
    CONSUMER_REORDERED,
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
)
from zcbench.record.schema import Finding
from zcbench.verdict import moments
from zcbench.verdict.check import Check, Evidence, Facts

_COUNTED = ("gaps", "missing", "duplicates", "reordered")


class _Facts(Facts):
    @cached_property
    def seen(self) -> dict[str, int | None]:
        return {name: count(self.totals, f"consumer.{name}") for name in _COUNTED}

    @cached_property
    def received(self) -> int | None:
        """Packets whose order was looked at: those that our consumer took, or that somebody else's log has."""
        names = (CONSUMER_RECEIVED, ENGINE_DELIVERED, ENGINE_CAPTURED)
        looked = names if not self.record.can("worker") else names[:1]
        return next((n for name in looked if (n := count(self.totals, name)) is not None), None)

    @cached_property
    def unknown(self) -> list[str]:
        return [name for name, number in self.seen.items() if number is None]

    @property
    def evidence(self) -> Evidence:
        return {**self.seen, "received": self.received}


def _faults(facts: _Facts) -> Finding | None:
    """Any hole, duplicate or packet out of order in the sequence numbers fails by itself."""
    wrong = [f"{number:,} {name}" for name, number in facts.seen.items() if number]
    if not wrong:
        return None
    of = f"of {facts.received:,} packets " if facts.received else ""
    return CHECK.failed(
        f"the sequence {of}has faults: {', '.join(wrong)}",
        facts.evidence,
        cause=_cause({name: number or 0 for name, number in facts.seen.items()}),
        remedy="drops explain gaps (see delivery); duplicates and disorder are the engine's fault",
    )


def _not_measured(facts: _Facts) -> Finding | None:
    # Holes are what is asked for first; a log that counts them has looked.
    holes = facts.seen["gaps"] is not None or facts.seen["missing"] is not None
    partly = not facts.record.can("worker") and holes
    if facts.received and (partly or not facts.unknown):
        return None
    if len(facts.unknown) == len(_COUNTED) and facts.record.can("ending") and not facts.record.can("order"):
        return CHECK.not_asked("order")
    return CHECK.undecided(
        _not_known(facts.received, facts.unknown), facts.evidence, remedy="see the life check"
    )


def _in_order(facts: _Facts) -> Finding:
    if facts.unknown:
        known = " or ".join(name for name in facts.seen if name not in facts.unknown)
        return CHECK.passed(
            f"no {known} in {facts.received:,} packets; {', '.join(facts.unknown)} not counted",
            facts.evidence,
            detection_limit=f"one of {known}",
        )
    return CHECK.passed(
        f"all {facts.received:,} packets arrived once, in order; one gap would have been detected",
        facts.evidence,
        detection_limit="one gap, duplicate or packet out of order",
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
    facts=_Facts,
    rules=(_faults, _not_measured, _in_order),
    reads=(
        CONSUMER_GAPS,
        CONSUMER_MISSING,
        CONSUMER_DUPLICATES,
        CONSUMER_REORDERED,
        CONSUMER_RECEIVED,
    ),
    needs=("packets",),
    of_the_run=True,
    causes={
        "gaps": "holes in the sequence numbers",
        "duplicates": "packets came twice",
        "reordered": "packets came in the wrong order",
    },
    meaning=("packets come twice, in the wrong order or not at all: the recording has holes or repeats"),
    figure="rate",
    moment=moments.first_rise(CONSUMER_GAPS, CONSUMER_DUPLICATES, CONSUMER_REORDERED),
    item="Every packet due was delivered once and in order",
)
