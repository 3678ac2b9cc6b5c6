"""One run of the selftest: a planted fault, or a clean control; and whether its verdict was right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zcbench.faults.fault import Fault
from zcbench.record.schema import Finding, Result


@dataclass(frozen=True)
class Trial:
    """A run and what must be said of it: that ``check`` fails for ``cause``; both None where nothing may fail.

    ``fault`` is the one planted in an engine; None: a control, of which a check can only be asked the reason,
    or a ``program`` (zcbench.faults.programs).
    """

    name: str
    meaning: str
    settings: Mapping[str, str]
    check: str | None = None
    cause: str | None = None
    fault: str | None = None
    slow: bool = False
    program: tuple[str, ...] = ()  # arguments of the program in C; empty: an engine

    @property
    def is_planted(self) -> bool:
        """Whether there is a bug in it that must be called by its name."""
        return self.fault is not None or (bool(self.program) and self.check is not None)

    @property
    def expected(self) -> str:
        """As the table shows it."""
        if self.check is None:
            return "no failure"
        return f"{self.check}{':' if self.is_planted else ' pass,'} {self.cause}"


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
    return Trial(fault.name, fault.meaning, fault.settings, fault.check, fault.cause, fault.name, fault.slow)


def assess(trial: Trial, result: Result) -> Outcome:
    """Hold the findings of a run against what they must be.

    A fault must be called by its name: its check fails with its cause, whatever else fails beside it. A
    control must live to its end, and no check may fail (a benign fault likewise); inconclusive is allowed,
    since a few seconds cannot settle every question. A control that names a check must get its cause there,
    as the reason of what is no failure.
    """
    failed = [finding for finding in result.findings if finding.outcome == "fail"]
    life = _find(result, "life")
    sound = not failed and life is not None and life.outcome == "pass"
    if trial.check is None:
        got = ", ".join(map(_named, failed)) or "no failure"
        return Outcome(trial, sound, got, (), result.verdict, result.end.received)
    asked = _find(result, trial.check)
    caused = asked is not None and asked.cause == trial.cause
    fails = asked is not None and asked.outcome == "fail"
    return Outcome(
        trial,
        right=caused and (fails if trial.is_planted else sound),
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
