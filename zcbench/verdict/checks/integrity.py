"""Were the bytes those that were captured, on delivery and just before return?"""

from __future__ import annotations

from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Outcome


def check(record: Record, found: Totals) -> Finding:
    """Fail on one wrong packet, guard zone or poison; pass only if every packet was compared twice."""
    names = ("received", "checked", "rechecked", "corrupt_on_delivery", "corrupt_before_return")
    seen = {name: count(found, f"consumer.{name}") or 0 for name in names}
    seen |= {
        name: count(found, f"pool.{name}") or 0
        for name in ("guard_violations", "poison_violations")
    }
    evidence: dict[str, int | float | str | None] = dict(seen)
    faults_counted = ("consumer.corrupt_on_delivery", "consumer.corrupt_before_return")
    unknown = [name for name in faults_counted if found[name] is None]

    def finding(outcome: Outcome, sentence: str, remedy: str | None = None) -> Finding:
        return Finding(
            check="integrity", outcome=outcome, sentence=sentence, evidence=evidence, remedy=remedy
        )

    faults = (
        ("corrupt_on_delivery", "packets had wrong bytes on delivery", "torn or overwritten in the queue"),
        ("corrupt_before_return", "packets changed while they were held", "a slot was reused under a reader"),
        ("guard_violations", "guard zones were overwritten", "somebody wrote past the end of a slot"),
        ("poison_violations", "free slots were written to", "somebody wrote after the return"),
    )  # fmt: skip
    wrong = [(f"{seen[name]:,} {what}", why) for name, what, why in faults if seen[name]]
    if wrong:
        return finding(
            "fail", "; ".join(what for what, _ in wrong), "; ".join(why for _, why in wrong)
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
            "packets that never came back cannot be compared: see recycling and in flight",
        )
    debug = "; guard zones and poison intact" if record.run.scenario.pool.debug else ""
    return finding(
        "pass",
        f"every byte of {seen['checked']:,} packets was right on delivery, and of "
        f"{seen['rechecked']:,} just before return{debug}; one wrong byte would have been seen",
    )
