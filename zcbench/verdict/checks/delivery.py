"""Was every packet that was due delivered?"""

from __future__ import annotations

from zcbench.analysis.delivery import delivery
from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import Finding


def check(record: Record, found: Totals) -> Finding:
    """Fail when more is missing, or more came, than the tolerance explains."""
    seen = delivery(record, found)
    evidence: dict[str, int | float | str | None] = {
        "due": seen.due,
        "delivered": seen.delivered,
        "missing": seen.missing,
        "tolerance": seen.tolerance,
        "tolerance_why": seen.why,
        "drops": count(found, "engine.drops"),
        "refused": count(found, "pool.refused"),
    }
    if seen.missing is None or not seen.due:
        return Finding(
            check="delivery",
            outcome="inconclusive",
            sentence="how many packets were due or delivered was not measured",
            evidence=evidence,
            remedy="see the life check: the stream may never have started",
        )
    of = f"{seen.delivered:,} of {seen.due:,} packets due were delivered"
    if abs(seen.missing) <= seen.tolerance:
        power = f"a loss of {seen.tolerance + 1} or more would have been seen ({seen.why})"
        return Finding(
            check="delivery", outcome="pass", sentence=f"{of}; {power}", evidence=evidence
        )
    if seen.missing < 0:
        return Finding(
            check="delivery",
            outcome="fail",
            sentence=f"{of}: {-seen.missing:,} more than were due",
            evidence=evidence,
            remedy="packets were made up or delivered twice, or the stream's rate is not what it says",
        )
    return Finding(
        check="delivery",
        outcome="fail",
        sentence=f"{of}: {seen.missing:,} are missing, {seen.missing / seen.due:.3%}"
        f"{_where(found, seen.missing)}",
        evidence=evidence,
        remedy=_remedy(found),
    )


def _where(found: Totals, missing: int) -> str:
    drops = count(found, "engine.drops") or 0
    if drops >= missing:
        return f"; the engine says that it dropped {drops:,}"
    if drops:
        return f"; the engine admits to {drops:,} drops, the rest were never captured"
    return "; the engine counted no drop: they were never captured"


def _remedy(found: Totals) -> str:
    if count(found, "pool.refused"):
        return "the pool had no slot for them: more slots, or policy grow"
    if count(found, "engine.drops"):
        return "the queue was full: the application read too late; raise pool.queue or read faster"
    return (
        "the producer fell behind or its clock is slow: look at the rate and the sampling lateness"
    )
