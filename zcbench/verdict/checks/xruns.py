"""Did the device lose sound before the engine had it?"""

from __future__ import annotations

from functools import cached_property

from zcbench.analysis.totals import count
from zcbench.analysis.xruns import Xruns, xruns
from zcbench.quantities.names import CONSUMER_XRUNS, ENGINE_CAPTURED, ENGINE_DELIVERED, ENGINE_XRUNS
from zcbench.quantities.units import format_duration
from zcbench.record.schema import Finding
from zcbench.verdict import moments
from zcbench.verdict.check import Check, Evidence, Facts

# Whose count of none means that there was none. Of another engine nobody knows whether it looks.
_COUNTING = ("native", "reference", "copying")


class _Facts(Facts):
    @cached_property
    def seen(self) -> Xruns:
        return xruns(self.record, self.totals)

    @cached_property
    def packets(self) -> int | None:
        return count(self.totals, ENGINE_CAPTURED) or count(self.totals, ENGINE_DELIVERED)

    @property
    def evidence(self) -> Evidence:
        seen = self.seen
        return {
            ENGINE_XRUNS: seen.counted,
            CONSUMER_XRUNS: seen.marked,
            "first_s": seen.first_s,
            "last_s": seen.last_s,
            "samples": seen.samples,
            "missing_s": seen.missing_s,
            "tolerance_s": seen.tolerance_s,
        }


def _lost(facts: _Facts) -> Finding | None:
    """Any over- or underrun fails, whoever counted it; what is known of how much it cost is said."""
    seen = facts.seen
    if not seen.number:
        return None
    times = "once" if seen.number == 1 else f"{seen.number:,} times"
    return CHECK.failed(
        f"the device ran over or under {times}{_when(seen)}{_by_whom(seen)}: sound was lost "
        f"before it was captured; {_how_much(seen)}",
        facts.evidence,
        cause="lost_sound",
        remedy="give the callback time: a larger buffer of the device, a real-time thread "
        "(source.priority), less beside it; or find what holds it up (see timing)",
    )


def _no_device(facts: _Facts) -> Finding | None:
    run = facts.record.run
    if not facts.record.can("pace") or run.scenario.source.kind == "device":
        return None
    return CHECK.skipped("a replay has no device that could lose sound", facts.evidence)


def _not_counted(facts: _Facts) -> Finding | None:
    run = facts.record.run
    counts = not facts.record.can("worker") or run.scenario.engine in _COUNTING
    if facts.seen.number is not None and facts.packets and counts:
        return None
    return CHECK.undecided(
        _unknown(facts.seen, facts.packets),
        facts.evidence,
        remedy="count over- and underruns as the device reports them (engine.xruns), none as well",
    )


def _none(facts: _Facts) -> Finding:
    return CHECK.passed(
        f"no over- or underrun in {facts.packets:,} packets; one would have been detected",
        facts.evidence,
        detection_limit="one that the device reports",
    )


def _when(seen: Xruns) -> str:
    if seen.first_s is None or seen.last_s is None or seen.of_samples == 1:
        return ""  # one row of totals has no time
    first = format_duration(round(seen.first_s, 1))
    if seen.samples == 1:
        return f", by {first}"
    last = format_duration(round(seen.last_s, 1))
    return f", between {first} and {last}, in {seen.samples:,} of {seen.of_samples:,} samples"


def _by_whom(seen: Xruns) -> str:
    """Where the two counts differ."""
    if seen.counted is None or seen.marked is None or seen.counted == seen.marked:
        return ""
    return f" ({seen.counted:,} counted by the engine, {seen.marked:,} marked on packets)"


def _how_much(seen: Xruns) -> str:
    if seen.missing_s is None or seen.tolerance_s is None:
        return "how much is not known: nothing says how many packets were due"
    tolerance = format_duration(seen.tolerance_s)
    if seen.missing_s <= seen.tolerance_s:
        return f"less than {tolerance} in all, as far as the clock can tell"
    return f"{format_duration(seen.missing_s)} in all against the clock, ± {tolerance}"


def _unknown(seen: Xruns, packets: int | None) -> str:
    if seen.number is None:
        return "over- and underruns of the device were not counted"
    if not packets:
        return "no packet was captured, so nothing can be said about over- and underruns"
    return "the engine counted no over- or underrun; whether it counts any is not known"


CHECK = Check(
    name="xruns",
    question=(
        "Did the device run over or under, and so lose sound before it was captured? How often, when, how much?"
    ),
    facts=_Facts,
    rules=(_lost, _no_device, _not_counted, _none),
    reads=(ENGINE_XRUNS, (ENGINE_CAPTURED, ENGINE_DELIVERED)),
    needs=("device",),
    of_the_run=True,
    causes={
        "lost_sound": "the device ran over or under",
    },
    meaning=("sound is lost before anybody has it: the recording has holes that no packet number shows"),
    figure="rate",
    moment=moments.first_rise(ENGINE_XRUNS, CONSUMER_XRUNS),
    required=False,
    item="No sound was lost on its way from the device",
)
