"""Were the bytes those that were captured, on delivery and just before return?"""

from __future__ import annotations

from typing import NamedTuple

from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Outcome


class _Fault(NamedTuple):
    counter: str
    cause: str
    what: str
    why: str


# The most telling first: two readers of one slot explain changed bytes, a wrong size explains wrong ones.
_FAULTS = (
    _Fault("guard_violations", "overrun", "guard zones were overwritten",
           "somebody wrote past the end of a slot"),
    _Fault("aliased", "aliased", "packets were handed out in memory that a reader still held",
           "one slot has two owners: it was returned twice, or before its last reader let go"),
    _Fault("wrong_size", "wrong_size", "packets were not as large as the format says",
           "a block was cut or padded on its way"),
    _Fault("corrupt_on_delivery", "corrupt_on_delivery", "packets had wrong bytes on delivery",
           "torn or overwritten in the queue"),
    _Fault("corrupt_before_return", "changed_while_held", "packets changed while they were held",
           "a slot was reused under a reader"),
    _Fault("poison_violations", "written_after_return", "free slots were written to",
           "somebody wrote after the return"),
)  # fmt: skip


def check(record: Record, found: Totals) -> Finding:
    """Fail on one wrong packet, guard zone or poison; pass only if every packet was compared twice."""
    names = (
        "received", "checked", "rechecked", "aliased", "wrong_size",
        "corrupt_on_delivery", "corrupt_before_return",
    )  # fmt: skip
    seen = {name: count(found, f"consumer.{name}") or 0 for name in names}
    seen |= {
        name: count(found, f"pool.{name}") or 0
        for name in ("guard_violations", "poison_violations")
    }
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

    wrong = [fault for fault in _FAULTS if seen[fault.counter]]
    if wrong:
        return finding(
            "fail",
            "; ".join(f"{seen[fault.counter]:,} {fault.what}" for fault in wrong),
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
    debug = "; guard zones and poison intact" if record.run.scenario.pool.debug else ""
    return finding(
        "pass",
        f"every byte of {seen['checked']:,} packets was right on delivery, and of "
        f"{seen['rechecked']:,} just before return{debug}; one wrong byte would have been seen",
        power="one wrong byte in one packet",
    )
