"""Was every packet that was due delivered?"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from zcbench.analysis.delivery import Delivery, Window, Windows, delivery, windows
from zcbench.analysis.losses import (
    DROPPED,
    MADE_UP,
    MISCOUNTED,
    QUEUED,
    REFUSED,
    TWICE,
    UNCAPTURED,
    UNKNOWN,
    VANISHED,
    Share,
    of_missing,
    of_surplus,
)
from zcbench.analysis.stream import never_began
from zcbench.analysis.totals import Totals, count
from zcbench.quantities.names import ELAPSED_S, ENGINE_DELIVERED, ENGINE_DROPS, ENGINE_QUEUED, POOL_REFUSED
from zcbench.quantities.units import clock, format_duration
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.verdict import moments
from zcbench.verdict.check import Check, Evidence, Facts
from zcbench.verdict.not_written import missing, sentence

_WENT = {
    DROPPED: "the engine says that it dropped {:,}",
    REFUSED: "for {:,} the pool had no slot (refused)",
    UNCAPTURED: "{:,} were never captured",
    QUEUED: "{:,} were still in the queue",
    VANISHED: "{:,} were captured, and neither dropped nor delivered",
    UNKNOWN: "of {:,} no counter says where they went",
}
_MORE = {
    TWICE: "{:,} came twice",
    MISCOUNTED: "{:,} of them the engine counts, and nobody took: it counts packets more than once",
    MADE_UP: "{:,} were captured beyond those due",
}
_REMEDIES = {
    DROPPED: "the queue was full: the application read too late; a longer queue (pool.queue), or read faster",
    REFUSED: "the pool had no slot for them: more slots (pool.max of an adaptive one), or policy grow",
    UNCAPTURED: "the producer fell behind or its clock is slow: look at the rate and the sampling lateness",
    QUEUED: "the application stopped reading before the end: read until the stream says that it is over",
    VANISHED: "look between capture and read(): a packet that is taken out of the queue and not handed over",
    UNKNOWN: "count what is captured and what is dropped: then the stage that loses them shows",
    TWICE: "one packet was handed out twice (see gaps)",
    MISCOUNTED: "count a packet where it is handed over, once (see conservation)",
    MADE_UP: "packets were made up, or the stream's rate is not what it says",
}
_OF_OTHERS = {
    DROPPED: "the queue was full: the application read too late; a longer queue, or read faster",
    REFUSED: "the pool had no slot for them: more slots, or an allocation where there is none",
}


def _remedy(record: Record, stage: str) -> str:
    """What to do about a loss at ``stage``; the keys of a scenario are of engines that it sets up."""
    known = {} if record.can("pace") else _OF_OTHERS
    return known.get(stage, _REMEDIES[stage])


class _Facts(Facts):
    @cached_property
    def seen(self) -> Delivery:
        return delivery(self.record, self.totals)

    @cached_property
    def parts(self) -> Windows:
        return windows(self.record, self.totals)

    @property
    def evidence(self) -> Evidence:
        seen, parts = self.seen, self.parts
        return {
            "due": seen.due,
            "delivered": seen.delivered,
            "missing": seen.missing,
            "tolerance": seen.tolerance,
            "tolerance_why": seen.why,
            "drops": count(self.totals, ENGINE_DROPS),
            "refused": count(self.totals, POOL_REFUSED),
            "windows": len(parts.windows),
            "window_tolerance": parts.tolerance,
            "windows_losing": len(parts.losing),
            "windows_late": len(parts.late),
        }


def _loss(facts: _Facts) -> Finding | None:
    """Fail when more is missing than the tolerance explains, or the subject itself counts a loss; say where
    and when it went."""
    seen = facts.seen
    if not seen.lost or not (seen.counted or (seen.missing is not None and seen.due)):
        return None
    shares = of_missing(facts.totals, seen.due, seen.lost)
    return CHECK.failed(
        _lost(facts.record, seen, shares) + _when(facts.parts),
        facts.evidence,
        cause="dropped" if shares[0].stage in (DROPPED, REFUSED) else "lost",
        remedy=_remedy(facts.record, shares[0].stage),
    )


def _not_measured(facts: _Facts) -> Finding | None:
    if facts.seen.missing is not None and facts.seen.due:
        return None
    sentence, remedy = _not_known(facts.record, facts.totals, facts.seen)
    return CHECK.undecided(sentence, facts.evidence, remedy=remedy)


def _surplus(facts: _Facts) -> Finding | None:
    """Fail when more came than the tolerance explains."""
    seen = facts.seen
    surplus = -(seen.missing or 0)
    if surplus <= seen.tolerance:
        return None
    more = of_surplus(facts.totals, seen.due or 0, seen.delivered or 0)
    said = "; ".join(_MORE[share.stage].format(share.packets) for share in more)
    return CHECK.failed(
        f"{_of(seen)}: {surplus:,} more than were {seen.owed}; {said}",
        facts.evidence,
        cause="counters_disagree" if more[0].stage == MISCOUNTED else "surplus",
        remedy=_remedy(facts.record, more[0].stage),
    )


def _all_came(facts: _Facts) -> Finding:
    seen, parts = facts.seen, facts.parts
    limit = f"smallest detectable loss: {_packets(seen.tolerance + 1)} ({seen.why})"
    return CHECK.passed(
        f"{_of(seen)}; {limit}{_late(parts)}", facts.evidence, detection_limit=limit + _window_limit(parts)
    )


def _of(seen: Delivery) -> str:
    verb = seen.counter.partition(".")[2]
    return f"{seen.delivered:,} of {seen.due:,} packets {seen.owed} were {verb}"


def _lost(record: Record, seen: Delivery, shares: list[Share]) -> str:
    where = "; ".join(_WENT[share.stage].format(share.packets) for share in shares)
    if seen.missing is None or not seen.due:
        return f"{seen.lost:,} packets were lost{_first(record)}; {where}"
    again = ""
    if seen.lost > max(0, seen.missing):
        again = f" ({seen.lost - seen.missing:,} others came twice, or were made up)"
    return (
        f"{_of(seen)}: {seen.lost:,} {'are' if seen.lost > 1 else 'is'} missing{again}, "
        f"{seen.lost / seen.due:.3%}; {where}"
    )


def _first(record: Record) -> str:
    """When the first was counted; or how many the first reading had, since some begin to look late."""
    drops = record.samples[ENGINE_DROPS]
    known = np.isfinite(drops)
    counts, at_s = drops[known], record.samples[ELAPSED_S][known]
    if counts.size < 2 or not counts.any():
        return ""
    if counts[0]:
        return f", {int(counts[0]):,} of them by the first reading"
    return f", the first by {format_duration(round(float(at_s[np.argmax(counts > 0)]), 1))}"


def _not_known(record: Record, found: Totals, seen: Delivery) -> tuple[str, str]:
    """Sentence and remedy."""
    if record.can("worker"):
        if missing(record, ENGINE_QUEUED) and count(found, ENGINE_DELIVERED):
            return (
                f"{count(found, 'engine.delivered'):,} packets were delivered; how many lay in a "
                f"queue when the subject ended is not known: {sentence(['engine.queued'])}",
                "see the life check; an engine that counts its queue is judged up to its last moment",
            )
        why = (
            "the stream never began, so no packet was due"
            if never_began(record)
            else "how many packets were due or delivered was not measured"
        )
        return why, "see the life check: the stream may never have started"
    what = "were due" if seen.due is None else "came"
    if not seen.due and seen.due is not None:
        return "no packet was due", "record a stream"
    zero = "no drop was counted, but " if count(found, ENGINE_DROPS) == 0 else ""
    # A program that was watched is not imported: it has what it publishes.
    how = "" if record.can("ending") else "--rate, --total due=N or "
    return (
        f"{zero}how many packets {what} was not measured",
        f"say how many were due: {how}a column (--map due=COLUMN)",
    )


def _when(parts: Windows) -> str:
    """Where the loss lies; nothing if it is in every window, or in none by more than the tolerance."""
    losing = parts.losing
    if not losing or len(losing) == len(parts.windows):
        return "; it is spread over the whole run" if losing else ""
    shown = max(losing, key=lambda window: window.lost)
    more = f", and in {len(losing) - 1} more of {len(parts.windows)} windows" * (len(losing) > 1)
    return f"; {shown.lost:,} of them {_between(shown)}{more}"


def _late(parts: Windows) -> str:
    if not parts.late:
        return ""
    worst = max(parts.late, key=lambda window: window.behind)
    return f"; {_between(worst)} it was up to {worst.behind:,} packets behind, and made them good"


def _window_limit(parts: Windows) -> str:
    if not parts.windows:
        return "; too few samples to say when"
    return f"; in each of {len(parts.windows)} windows, one of {parts.tolerance + 1} would have been placed"


def _between(window: Window) -> str:
    return f"between {clock(window.from_s)} and {clock(window.to_s)}"


def _packets(number: int) -> str:
    return f"{number:,} packet{'' if number == 1 else 's'}"


CHECK = Check(
    name="delivery",
    question="Was every packet that was due delivered; if not, when did it go?",
    facts=_Facts,
    rules=(_loss, _not_measured, _surplus, _all_came),
    reads=(ENGINE_DELIVERED, "due"),
    explained_by=frozenset({"loss"}),
    needs=("packets",),
    of_the_run=True,
    causes={
        "lost": "packets are missing, and nobody dropped them",
        "dropped": "the engine dropped or refused them",
        "surplus": "more came than were due",
        "counters_disagree": "the engine counts packets that nobody took",
    },
    meaning="audio is lost: the recording is shorter than what was played",
    figure="rate",
    moment=moments.window_of_loss,
    item="Every packet due was delivered once and in order",
)
