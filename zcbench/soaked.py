"""What ``zcbench.soak`` and the pytest fixture give back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zcbench.record.schema import REPORT_FILE, Finding, Result
from zcbench.verdict.checks import MEMORY


class UnstableError(AssertionError):
    """A soak that did not pass; ``soaked`` is the run."""

    def __init__(self, soaked: Soaked) -> None:
        super().__init__(soaked.sentence)
        self.soaked = soaked


@dataclass(frozen=True)
class Soaked:
    """A run that was made: its directory and what was found. It is true if the verdict is a pass."""

    directory: Path
    result: Result

    @property
    def report(self) -> Path:
        """The report, in Markdown."""
        return self.directory / REPORT_FILE

    @property
    def sentence(self) -> str:
        """What failed, else what is not known, else what of memory was seen; with what to do."""
        findings = self.result.findings
        failed = [one for one in findings if one.outcome == "fail" and one.level == "fail"]
        unknown = [one for one in findings if one.outcome == "inconclusive" and one.required]
        told = failed or unknown or [one for one in findings if one.check == MEMORY.name]
        lines = [line for one in told for line in _lines(one)]
        return "\n".join([*lines, f"report: {self.report}"])

    def check(self) -> Soaked:
        """Raise UnstableError, an AssertionError, unless the verdict is a pass."""
        __tracebackhide__ = True
        if not self:
            raise UnstableError(self)
        return self

    def __bool__(self) -> bool:
        return self.result.verdict == "pass"


def _lines(finding: Finding) -> list[str]:
    remedy = [f"  {finding.remedy}"] if finding.remedy and finding.outcome != "pass" else []
    return [f"{finding.check}: {finding.sentence}", *remedy]
