"""Were the bytes those that were captured, on delivery and just before return?"""

from __future__ import annotations

from typing import NamedTuple

from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Outcome
from zcbench.verdict import moments
from zcbench.verdict.check import Check
from zcbench.verdict.not_written import missing


class _Fault(NamedTuple):
    counter: str
    cause: str
    what: str
    why: str


# More packets than any pool has slots (1,000,000), and than a stream of 1,000 packets/s makes in a month.
_NEVER_REPEATS = 2**32

# The most telling first: two readers of one slot explain changed bytes, a wrong size explains wrong ones.
_FAULTS = (
    _Fault("guard_violations", "overrun", "guard zones were overwritten",
           "somebody wrote past the end of a slot"),
    _Fault("aliased", "aliased", "packets were handed out in memory that a reader still held",
           "one slot has two owners: it was returned twice, or before its last reader let go"),
    _Fault("wrong_size", "wrong_size", "packets were not as large as the format says",
           "a block was cut or padded on its way"),
    _Fault("stale", "stale", "packets held the bytes of another packet",
           "a slot was handed out that had not been written anew"),
    _Fault("swapped_channels", "swapped_channels", "packets had their channels in another order",
           "channels are copied to the wrong places"),
    _Fault("corrupt_on_delivery", "corrupt_on_delivery", "packets had wrong bytes on delivery",
           "torn or overwritten in the queue, or not written to their end"),
    _Fault("corrupt_before_return", "changed_while_held", "packets changed while they were held",
           "a slot was reused under a reader"),
    _Fault("poison_violations", "written_after_return", "free slots were written to",
           "somebody wrote after the return"),
)  # fmt: skip


# So many in a row, and not one of them right: no damage of single packets does that.
_NEVER_RIGHT = 3


def _never_right(seen: dict[str, int]) -> bool:
    """Whether every packet's bytes were wrong on arrival, of the stream's size and in memory of their own."""
    others = ("guard_violations", "aliased", "wrong_size", "poison_violations")
    return (
        seen["checked"] >= _NEVER_RIGHT
        and seen["corrupt_on_delivery"] == seen["checked"]
        and not any(seen[name] for name in others)
    )


def check(record: Record, found: Totals) -> Finding:
    """Fail on one wrong packet, guard zone or poison; pass only if every packet was compared twice."""
    names = (
        "received", "checked", "rechecked", "aliased", "wrong_size",
        "corrupt_on_delivery", "corrupt_before_return", "stale", "swapped_channels",
    )  # fmt: skip
    seen = {name: count(found, f"consumer.{name}") or 0 for name in names}
    seen |= {name: count(found, f"pool.{name}") or 0 for name in ("guard_violations", "poison_violations")}
    evidence: dict[str, int | float | str | None] = dict(seen)
    faults_counted = ("consumer.corrupt_on_delivery", "consumer.corrupt_before_return")
    unknown = [name for name in faults_counted if found[name] is None]

    def finding(
        outcome: Outcome,
        sentence: str,
        *,
        cause: str | None = None,
        power: str | None = None,
        remedy: str | None = None,
    ) -> Finding:
        return Finding(
            check="integrity",
            outcome=outcome,
            sentence=sentence,
            cause=cause,
            evidence=evidence,
            power=power,
            remedy=remedy,
        )

    faults = _each_once(seen)
    wrong = [fault for fault in _FAULTS if faults[fault.counter]]
    if wrong and _never_right(faults):
        return finding(
            "fail",
            f"not one of {seen['checked']:,} packets had the source's bytes, from the first on: the engine "
            "does not replay the source that it was given",
            cause="corrupt_on_delivery",
            remedy="packet N is source.block(N, frames), and N counts dropped packets too: docs/your-engine.md",
        )
    if wrong:
        return finding(
            "fail",
            "; ".join(f"{faults[fault.counter]:,} {fault.what}{_age(fault, found)}" for fault in wrong),
            cause=wrong[0].cause,
            remedy="; ".join(fault.why for fault in wrong),
        )
    if not record.run.scenario.consumer.verify:
        return finding("skipped", "the scenario does not compare bytes (consumer.verify = false)")
    if unknown:
        return finding("inconclusive", f"the record has no reading of {', '.join(unknown)}")
    if not seen["received"]:
        return finding("inconclusive", "no packet was received, so none was compared")
    alive = record.end.ending in (Ending.FINISHED, Ending.INTERRUPTED)
    if seen["checked"] < seen["received"] or (alive and seen["rechecked"] < seen["received"]):
        return finding(
            "inconclusive",
            f"of {seen['received']:,} packets, {seen['checked']:,} were compared on delivery and "
            f"{seen['rechecked']:,} before return",
            remedy="packets that never came back cannot be compared: see recycling and in flight",
        )
    looked = not missing(record, "pool.guard_violations", "pool.poison_violations")
    debug = "; guard zones and poison intact" if record.run.scenario.pool.debug and looked else ""
    unseen = _unseen(record, found)
    return finding(
        "pass",
        f"{_compared(seen)}{debug}; " + (unseen or "one wrong byte would have been detected"),
        power="one wrong byte in one packet" + (f"; {unseen}" if unseen else ""),
    )


def _each_once(seen: dict[str, int]) -> dict[str, int]:
    """The faults, a packet in one count only: what is stale or swapped is wrong on delivery as well, and what
    was wrong then still is before its return."""
    unexplained = seen["corrupt_on_delivery"] - seen["stale"] - seen["swapped_channels"]
    changed = seen["corrupt_before_return"] - seen["corrupt_on_delivery"]
    return seen | {
        "corrupt_on_delivery": max(0, unexplained),
        "corrupt_before_return": max(0, changed),
    }


def _age(fault: _Fault, found: Totals) -> str:
    stale_by = count(found, "consumer.stale_by") or 0
    if fault.counter != "stale" or not stale_by:
        return ""
    return f", the last one that of {stale_by:,} packets before"


def _unseen(record: Record, found: Totals) -> str | None:
    """Which wrong bytes look right; None where the source's content never repeats."""
    if record.run.scenario.source.kind == "device":
        return (
            "the bytes were compared with a checksum that the engine took itself: what was wrong "
            "before that would not have been seen"
        )
    period = count(found, "consumer.content_period")
    if not period:
        return "where the content repeats is not known: bytes of another packet may have looked right"
    if period >= _NEVER_REPEATS:
        return None
    return (
        f"the content repeats after {period:,} packets: bytes older by a multiple of that "
        "would have looked right"
    )


def _compared(seen: dict[str, int]) -> str:
    if seen["checked"] == seen["rechecked"]:
        return f"all {seen['checked']:,} packets were correct on delivery and again before return"
    return (
        f"{seen['checked']:,} packets were correct on delivery, {seen['rechecked']:,} of them again "
        "before return"
    )


CHECK = Check(
    name="integrity",
    question=(
        "Were all bytes right on delivery, and still right just before return? Did two readers share a slot?"
    ),
    judge=(check,),
    causes={fault.cause: fault.why for fault in _FAULTS},
    meaning=("a buffer was written while somebody still read it: the audio is wrong, and nobody was told"),
    figure="rate",
    moment=moments.first_rise(
        "consumer_corrupt_on_delivery",
        "consumer_corrupt_before_return",
        "consumer_wrong_size",
        "consumer_aliased",
    ),
)
