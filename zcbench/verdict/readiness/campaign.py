"""The runs of a campaign, and an item of its checklist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Result
from zcbench.verdict.next_step import again

Answer = Literal["yes", "no", "not shown"]


@dataclass(frozen=True)
class Judged:
    """One run as it was judged, under a ``name`` that no other of its campaign has."""

    name: str
    record: Record
    result: Result

    @property
    def length_s(self) -> float:
        """How long it went on, s; 0 if nobody knows."""
        return self.result.end.elapsed_s or 0.0

    @property
    def is_planted(self) -> bool:
        """Whether a fault was planted on purpose: what it shows is the harness, not the engine."""
        return self.record.run.scenario.fault is not None

    @property
    def is_paced(self) -> bool:
        """Whether packets came at the pace of real audio; a program that is watched runs in real time."""
        if not self.record.can("pace"):
            return self.record.can("ending")
        source = self.record.run.scenario.source
        return not source.unpaced and source.speed == 1


@dataclass(frozen=True)
class Campaign:
    """``runs`` are to show that something is ready; those of ``before`` show what was wrong with it."""

    runs: tuple[Judged, ...]
    before: tuple[Judged, ...] = ()

    @cached_property
    def sound(self) -> tuple[Judged, ...]:
        """The runs that count as evidence: those without a planted fault, the longest first."""
        kept = [run for run in self.runs if not run.is_planted]
        return tuple(sorted(kept, key=lambda run: -run.length_s))

    @cached_property
    def passing(self) -> tuple[Judged, ...]:
        """Those of :attr:`sound` that passed."""
        return tuple(run for run in self.sound if run.result.verdict == "pass")

    @cached_property
    def planted(self) -> tuple[Judged, ...]:
        """The runs with a planted fault, wherever they were named."""
        return tuple(run for run in (*self.before, *self.runs) if run.is_planted)


@dataclass(frozen=True)
class Item:
    """One line of the checklist: what should be so, whether it is, from what that follows, and what to do.

    Readiness hangs on an item that is ``required``; of another only a "no" counts.
    """

    title: str
    answer: Answer
    why: str
    step: str | None = None
    required: bool = True


def findings(runs: Sequence[Judged], *checks: str) -> Iterator[tuple[Judged, Finding]]:
    """The findings of these checks, by run and in the order of the runs."""
    for run in runs:
        for finding in run.result.findings:
            if finding.check in checks:
                yield run, finding


def is_failure(finding: Finding) -> bool:
    """Whether it fails its run."""
    return finding.outcome == "fail" and finding.level == "fail"


def longer(campaign: Campaign, step: str | None, duration: str = "5m") -> str | None:
    """``step``, a run of our own engine; of other subjects, their own command for ``duration``."""
    other = next((run for run in campaign.sound if run.record.run.subject.kind != "engine"), None)
    return step if other is None else again(other.record, "--duration", duration)


def named(runs: Sequence[Judged]) -> str:
    """ "a, b and c"; of many, three and how many more."""
    names = list(dict.fromkeys(run.name for run in runs))
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "none"
