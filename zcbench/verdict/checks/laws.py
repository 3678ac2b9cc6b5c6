"""Do the program's numbers keep the laws that it, or its user, states?"""

from __future__ import annotations

from functools import cached_property

from zcbench.analysis.stated import SUSTAINED, Stated, laws_of, stated
from zcbench.quantities.units import clock
from zcbench.record.schema import Finding
from zcbench.verdict import moments
from zcbench.verdict.check import Check, Evidence, Facts

_SHOWN = 3  # of the broken ones, in the sentence


class _Facts(Facts):
    @cached_property
    def laws(self) -> list[Stated]:
        return stated(self.record, self.totals)

    @cached_property
    def unread(self) -> list[str]:
        """What is wrong with laws that cannot be read."""
        return laws_of(self.record)[1]

    @property
    def evidence(self) -> Evidence:
        return {law.law.text: law.off for law in self.laws}


def _none_stated(facts: _Facts) -> Finding | None:
    return None if facts.laws or facts.unread else CHECK.not_asked("laws")


def _broken(facts: _Facts) -> Finding | None:
    broken = [law for law in facts.laws if law.holds is False]
    if not broken:
        return None
    more = f"; and {len(broken) - _SHOWN} more" if len(broken) > _SHOWN else ""
    return CHECK.failed(
        "; ".join(map(_how, broken[:_SHOWN])) + more,
        facts.evidence,
        cause="law_broken",
        remedy="one of its counters lies, or something is lost or counted twice between them: look where the "
        "sides part",
    )


def _how(law: Stated) -> str:
    said = f"the law {law.law.text} is broken"
    if law.is_broken_at_end:
        said += f": {_number(law.left)} against {_number(law.right)} at the end, off by {_number(law.off)}"
    if law.longest >= SUSTAINED:
        when = f"from {clock(law.from_s)} to {clock(law.to_s)}"
        said += f"{'; ' if law.is_broken_at_end else ': '}at {law.longest:,} samples running, {when}, by up to "
        said += f"{_number(law.worst)}"
    return said


def _not_judged(facts: _Facts) -> Finding | None:
    """A law of which not everything was measured is not kept."""
    lacking = [law for law in facts.laws if law.unknown]
    few = [law for law in facts.laws if law.holds is None and not law.unknown]
    if not lacking and not few and not facts.unread:
        return None
    names = sorted({name for law in lacking for name in law.unknown})
    said = [
        *facts.unread,
        *(f"the law {law.law.text}: {', '.join(law.unknown)} was not measured" for law in lacking),
    ]
    said += [f"the law {law.law.text}: read at {law.samples} samples, {SUSTAINED} or more tell" for law in few]
    publish = f"publish {', '.join(names)}, or leave the law out" if names else None
    remedy = publish or ("run longer, or sample more often" if few else "write it as docs/page.md has laws")
    return CHECK.undecided("; ".join(said), facts.evidence, remedy=remedy)


def _kept(facts: _Facts) -> Finding:
    exact = all(law.is_exact for law in facts.laws)
    samples = min(law.samples for law in facts.laws)
    slack = max(law.slack for law in facts.laws)
    noun = "law holds" if len(facts.laws) == 1 else "laws hold"
    end = "exactly at the end" if exact else "at the end (it did not say that it was done, so not exactly)"
    off = sum(law.broken for law in facts.laws)
    mid = f"; in mid-step at {off:,} of them" if off else ""
    return CHECK.passed(
        f"{len(facts.laws)} {noun} {end}, and at {samples:,} samples, allowing for what moves in a reading "
        f"(up to {_number(slack)}){mid}",
        facts.evidence,
        detection_limit="a difference of 1 at the end" if exact else f"a difference above {_number(slack)}",
    )


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}" if value == int(value) else f"{value:,.6g}"


CHECK = Check(
    name="laws",
    question="Do its numbers keep the laws that the program states on its page, or its user with --law?",
    facts=_Facts,
    rules=(_none_stated, _broken, _not_judged, _kept),
    causes={"law_broken": "the two sides of a stated law do not agree"},
    meaning="what the program says of itself contradicts itself: something is lost, or counted twice",
    figure="pool",
    moment=moments.broken_law,
    item="The program's numbers keep the laws that it states",
)
