"""A check: one question asked of a record, and all that is known of it.

A check of a user's own is an object like those in ``zcbench/verdict/checks/``, named in the entry-point group
``zcbench.checks``::

    from zcbench.verdict.check import Check

    def drops(facts):
        if facts.totals["engine.drops"]:
            return CHECK.failed("packets were dropped", cause="dropped", remedy="read faster")

    def none(facts):
        return CHECK.passed("no packet was dropped")

    CHECK = Check("no-drop", "Was no packet dropped?", (drops, none), {"dropped": "the queue was full"})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, Literal, TypeVar

import msgspec

from zcbench.analysis.since import since_attached
from zcbench.analysis.totals import Totals
from zcbench.analysis.totals import totals as last_words
from zcbench.comparing.comparability import Aspect
from zcbench.record.capabilities import LACKING, Capability
from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Outcome
from zcbench.verdict.lengths import longer
from zcbench.verdict.moments import Find

Evidence = Mapping[str, int | float | str | None]


@dataclass(frozen=True)
class Facts:
    """What the rules of a check are asked about; a check's own adds what several of its rules read."""

    record: Record
    # By the names that `zcbench metrics` lists; None for what was not counted.
    totals: Totals

    @property
    def in_worker(self) -> bool:
        """Whether the subject is Python in a worker of zcbench's; no other is told of Python's tools."""
        return self.record.can("worker")


F = TypeVar("F", bound=Facts)
Rule = Callable[[F], Finding | None]


@dataclass(frozen=True)
class Check(Generic[F]):
    """One question asked of a record; whatever shows, explains or lists a check reads it here."""

    name: str
    question: str
    # Asked in order; the first that answers decides.
    rules: tuple[Rule[F], ...]
    # What each cause that it names means.
    causes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    # What its rules are asked about.
    facts: Callable[[Record, Totals], F] = Facts  # type: ignore[assignment]  # no default fits every F
    # What it means for those who use the subject when it fails.
    meaning: str = "what this check asks for did not hold"
    # The figure that shows what it is about: a key of render.placing.TITLES.
    figure: str | None = None
    # The stretch of a run that shows what it found.
    moment: Find | None = None
    # The item of a campaign's checklist that it answers, with every other check that names the same.
    item: str | None = None
    # The quantities that its answer rests on; of those in a tuple one will do. It may ask for more, to tell
    # causes apart.
    reads: tuple[str | tuple[str, ...], ...] = ()
    # It is asked of a subject that has one of these capabilities; of every subject if there is none.
    needs: tuple[Capability, ...] = ()
    # What of a changed setting or machine may explain that its answer changed; of most checks nothing may:
    # they are right or wrong anywhere.
    explained_by: frozenset[Aspect] = frozenset()
    # It is about what came while the subject was watched, not about what an attached process counted before.
    of_the_run: bool = False
    # Whether a run is inconclusive where it has no answer.
    required: bool = True

    def ask(self, record: Record, totals: Totals) -> Finding:
        """The first answer of its rules; undecided if none of them has one."""
        if self.of_the_run and (seen := since_attached(record)) is not record:
            record, totals = seen, last_words(seen)
        facts = self.facts(record, totals)
        answers = (rule(facts) for rule in self.rules)
        finding = next((answer for answer in answers if answer is not None), None)
        finding = finding or self.undecided("no rule of this check has an answer")
        # A fault that was counted fails, whatever else is not known.
        if self.needs and finding.outcome != "fail" and not record.can(*self.needs):
            return self.not_asked(self.needs[0])
        return finding

    def lacks(self, is_known: Callable[[str], bool]) -> list[str]:
        """Those of the quantities it reads that are not known; of several that will do each by itself, the
        first."""
        choices = [(one,) if isinstance(one, str) else one for one in self.reads]
        return [names[0] for names in choices if not any(map(is_known, names))]

    def passed(
        self, sentence: str, evidence: Evidence | None = None, *, detection_limit: str | None = None
    ) -> Finding:
        """A pass; ``detection_limit`` is the smallest fault that this run would have seen."""
        finding = self._finding("pass", sentence, evidence)
        return msgspec.structs.replace(finding, detection_limit=detection_limit)

    def failed(
        self,
        sentence: str,
        evidence: Evidence | None = None,
        *,
        cause: str,
        remedy: str | None = None,
        level: Literal["fail", "warn"] = "fail",
    ) -> Finding:
        """A fail; of ``level`` "warn" it fails no run."""
        finding = self._finding("fail", sentence, evidence)
        return msgspec.structs.replace(finding, cause=cause, remedy=remedy, level=level)

    def undecided(
        self,
        sentence: str,
        evidence: Evidence | None = None,
        *,
        remedy: str | None = None,
        detection_limit: str | None = None,
        required: bool | None = None,
        lasting_s: float | None = None,
    ) -> Finding:
        """No answer; ``required`` where this record decides otherwise than the check's own rule.

        A run that lasts ``lasting_s`` has an answer, if a longer run is all that is missing: the remedy then.
        """
        finding = self._finding("inconclusive", sentence, evidence)
        if lasting_s is not None:
            remedy = longer(lasting_s)
        demanded = self.required if required is None else required
        return msgspec.structs.replace(
            finding, remedy=remedy, detection_limit=detection_limit, required=demanded, lasting_s=lasting_s
        )

    def skipped(self, sentence: str, evidence: Evidence | None = None) -> Finding:
        """The question does not arise, and ``sentence`` says why."""
        return self._finding("skipped", sentence, evidence)

    def not_asked(self, lacks: Capability) -> Finding:
        """The question does not arise of a subject that lacks this; nobody is shown it."""
        finding = self._finding("skipped", f"not asked: {LACKING[lacks]}", None)
        return msgspec.structs.replace(finding, required=False, lacks=lacks)

    def _finding(self, outcome: Outcome, sentence: str, evidence: Evidence | None) -> Finding:
        return Finding(
            check=self.name,
            outcome=outcome,
            sentence=sentence,
            evidence=dict(evidence or {}),
            required=self.required,
        )
