"""Was the subject under load for as long as it was watched?"""

from __future__ import annotations

from functools import cached_property

from zcbench.analysis.growth import calls
from zcbench.quantities.units import format_duration, percent
from zcbench.record.schema import Event, EventKind, Finding
from zcbench.verdict.check import Check, Evidence, Facts

# Of the time from its start to the subject's stop: what a generator that is told to last as long as the run
# loses by starting a moment before it is noticed, and by ending a moment early.
LEAST_SHARE = 0.95
MOST_CALLS_LATE = 2.0  # one under way at each end


class _Facts(Facts):
    @cached_property
    def events(self) -> list[Event]:
        return [event for event in self.record.events if event.kind == EventKind.LOAD]

    @cached_property
    def last(self) -> Event | None:
        return self.events[-1] if self.events else None

    @property
    def state(self) -> str | None:
        return None if self.last is None else str(self.last.data.get("state"))

    @property
    def lasted_s(self) -> float:
        lasted_s = None if self.last is None else self.last.data.get("lasted_s")
        return float(lasted_s) if isinstance(lasted_s, int | float) else 0.0

    @property
    def evidence(self) -> Evidence:
        code = None if self.last is None else self.last.data.get("exit_code")
        return {"state": self.state, "exit_code": code, "lasted_s": self.lasted_s}


def _called_too_seldom(facts: _Facts) -> Finding | None:
    """Warn of a function that could not be called as often as was asked: it was never under that load."""
    asked, called = facts.record.run.scenario.subject.rate, calls(facts.record)
    if asked is None or called is None:
        return None
    made, took_s = called
    if asked * took_s - made <= max(MOST_CALLS_LATE, (1 - LEAST_SHARE) * asked * took_s):
        return CHECK.passed(f"it was called {made / took_s:,.4g} times a second, as was asked")
    return CHECK.failed(
        f"it was called {made / took_s:,.4g} times a second, where {asked:,g}/s were asked for: "
        f"{made:,.0f} of {asked * took_s:,.0f} calls in {format_duration(took_s)}",
        {"calls_per_s": made / took_s, "asked_per_s": asked},
        cause="rate_not_reached",
        remedy="ask for no more than it can, or make it faster: a call begins when the one before has returned",
        level="warn",
    )


def _without(facts: _Facts) -> Finding | None:
    return None if facts.record.run.scenario.subject.load else CHECK.not_asked("load")


def _never_began(facts: _Facts) -> Finding | None:
    if facts.events:
        return None
    said = "the load generator was not started: the subject was never ready"
    return CHECK.undecided(said, facts.evidence, remedy="see the life check")


def _failed(facts: _Facts) -> Finding | None:
    if facts.last is None or facts.state != "failed":
        return None
    return CHECK.failed(
        f"{facts.last.message}: what came after was measured without load",
        facts.evidence,
        cause="load_failed",
        remedy="what it printed is in load.log",
    )


def _ended_early(facts: _Facts) -> Finding | None:
    if facts.last is None or facts.state != "ended":
        return None
    planned_s = facts.record.run.scenario.duration
    if facts.lasted_s >= LEAST_SHARE * planned_s:
        return None
    return CHECK.undecided(
        f"the load generator ended by itself after {format_duration(facts.lasted_s)} of "
        f"{format_duration(planned_s)}: {percent(1 - facts.lasted_s / planned_s)} of the run was without load",
        facts.evidence,
        remedy="tell it to last as long as the run, or longer: it is stopped with the subject",
    )


def _not_seen_to_end(facts: _Facts) -> Finding | None:
    if facts.state != "runs":
        return None
    return CHECK.undecided("the load generator's end was not recorded", facts.evidence)


def _loaded(facts: _Facts) -> Finding:
    return CHECK.passed(f"the load generator ran for {format_duration(facts.lasted_s)}", facts.evidence)


CHECK = Check(
    name="load",
    question="Was it under load for as long as it was watched?",
    facts=_Facts,
    rules=(_called_too_seldom, _without, _never_began, _failed, _ended_early, _not_seen_to_end, _loaded),
    causes={
        "load_failed": "the load generator failed: the subject was watched at rest",
        "rate_not_reached": "a function takes too long to be called as often as was asked",
    },
    meaning="what was measured says nothing of the subject at work",
    figure="cost",
    item="Every run ended normally",
)
