"""One run of the selftest: a planted fault, or a clean control; and whether its verdict was right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zcbench.faults.fault import Fault
from zcbench.record.schema import Finding, Result


@dataclass(frozen=True)
class Trial:
    """A run and what must be said of it. ``check`` and ``cause`` are None where nothing may fail."""

    name: str
    meaning: str
    settings: Mapping[str, str]
    check: str | None = None
    cause: str | None = None
    fault: str | None = None
    slow: bool = False

    @property
    def expected(self) -> str:
        """As the table shows it."""
        return "no failure" if self.check is None else f"{self.check}: {self.cause}"


@dataclass(frozen=True)
class Outcome:
    """What was said of a trial: ``got`` is the finding that was asked for, ``also`` what else failed.

    ``packets`` is how many the application had received when the run ended.
    """

    trial: Trial
    right: bool
    got: str
    also: tuple[str, ...]
    verdict: str
    packets: int | None


def trial_of(fault: Fault) -> Trial:
    """The run that shows ``fault``."""
    return Trial(
        fault.name, fault.meaning, fault.settings, fault.check, fault.cause, fault.name, fault.slow
    )


def assess(trial: Trial, result: Result) -> Outcome:
    """Hold the findings of a run against what they must be.

    A fault must be called by its name: its check fails (a low hit rate may also just be explained) with its
    cause. A benign one, or a control, must live to its end, and no check may fail; inconclusive is allowed,
    since a few seconds cannot settle every question.
    """
    failed = [finding for finding in result.findings if finding.outcome == "fail"]
    if trial.check is None:
        life = _find(result, "life")
        return Outcome(
            trial,
            right=not failed and life is not None and life.outcome == "pass",
            got="no failure" if not failed else ", ".join(map(_named, failed)),
            also=(),
            verdict=result.verdict,
            packets=result.end.received,
        )
    asked = _find(result, trial.check)
    explained = trial.check == "pool.hit_rate" and asked is not None and asked.outcome == "pass"
    return Outcome(
        trial,
        right=asked is not None
        and (asked.outcome == "fail" or explained)
        and asked.cause == trial.cause,
        got=f"no check {trial.check}" if asked is None else _named(asked),
        also=tuple(_named(finding) for finding in failed if finding is not asked),
        verdict=result.verdict,
        packets=result.end.received,
    )


def _find(result: Result, check: str) -> Finding | None:
    return next((finding for finding in result.findings if finding.check == check), None)


def _named(finding: Finding) -> str:
    if finding.outcome == "fail":
        return f"{finding.check}: {finding.cause or 'no cause given'}"
    cause = f", {finding.cause}" if finding.cause else ""
    return f"{finding.check} {finding.outcome}{cause}"
