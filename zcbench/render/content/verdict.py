"""The verdict in words: its mark, its reason in a sentence, what to be warned of, and each finding."""

from __future__ import annotations

from collections import Counter

from zcbench.analysis import laws
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding, Result
from zcbench.render.content import unmeasured
from zcbench.render.content.cells import text
from zcbench.render.content.document import (
    Cell,
    Code,
    Link,
    Paragraph,
    Section,
    Strong,
    Table,
    columns,
    paragraph,
)
from zcbench.verdict.checks import MEMORY

SIGNS = {"pass": "✅", "warn": "⚠️", "fail": "❌", "inconclusive": "❔", "skipped": "–"}
WORDS = {name: name if name == "skipped" else name.upper() for name in SIGNS}
VERDICTS = {name: f"{SIGNS[name]} {WORDS[name]}" for name in SIGNS}
_WORST_FIRST = ("fail", "warn", "inconclusive", "pass", "skipped")
_WARNING = "⚠️ "


def headline(result: Result) -> str:
    """The verdict's reason in one sentence: the worst finding's, or what was asked and found sound."""
    for outcome in ("fail", "inconclusive"):
        for finding in result.findings:
            decides = finding.level == "fail" if outcome == "fail" else finding.required
            if finding.outcome == outcome and decides:
                return finding.sentence
    counts = Counter(finding.outcome for finding in result.asked)
    rest = "".join(
        f", {counts[outcome]} {outcome}" for outcome in ("inconclusive", "skipped") if counts[outcome]
    )
    passed = f"{counts['pass']} of {len(result.asked)} checks passed{_warned(result)}"
    return f"{passed}{rest}{_not_judged(result)}"


def _warned(result: Result) -> str:
    """The failures that only warn."""
    warned = sum(kind(finding) == "warn" for finding in result.findings)
    return f", {warned} warned" if warned else ", none failed"


def _not_judged(result: Result) -> str:
    """That a pass says nothing of memory, where it does not: that is what most people run it for."""
    memory = next((f for f in result.findings if f.check == MEMORY.name), None)
    judged = memory is not None and memory.outcome in ("pass", "fail")
    return "" if judged else "; memory was not judged (--require memory insists on it)"


def kind(finding: Finding) -> str:
    """Its outcome; of a failure that only warns, "warn"."""
    return "warn" if finding.outcome == "fail" and finding.level == "warn" else finding.outcome


def mark(finding: Finding) -> str:
    """The outcome as a report shows it; a failure that only warns is no FAIL."""
    return VERDICTS[kind(finding)]


def outcome_cell(outcome: str) -> Cell:
    """An outcome in a table; sorted by how bad it is."""
    return Cell(WORDS[outcome], number=_WORST_FIRST.index(outcome), outcome=outcome)


def by_severity(result: Result) -> list[Finding]:
    """The findings, the worst first."""
    return sorted(result.asked, key=lambda finding: _WORST_FIRST.index(kind(finding)))


def findings(result: Result) -> Table:
    """The findings as a table."""
    return Table(
        "Findings",
        columns("<Finding", "<Outcome", "<What was found", "<Remedy"),
        tuple(
            (text(f.check), outcome_cell(kind(f)), text(f.sentence), text(f.remedy or ""))
            for f in by_severity(result)
        ),
    )


def notices(record: Record, result: Result) -> list[Paragraph]:
    """What must be known before any figure of the report is read."""
    said = [_ingested(record, result)] if record.run.ingested else []
    if result.end.ending is Ending.PARTIAL:
        said.append(paragraph(_WARNING, Strong("This report is partial."), f" {result.end.message}."))
    said += [paragraph(f"{_WARNING}{problem}.") for problem in record.problems]
    if any(balance.holds is False for balance in laws.balances(record, result.totals)):
        said.append(
            paragraph(
                _WARNING,
                Strong("The tables of this report do not reconcile"),
                ": a conservation law is broken. Do not rely on its figures.",
            )
        )
    return said


def _ingested(record: Record, result: Result) -> Paragraph:
    spans = (
        "Measured elsewhere, and judged from ",
        Code(str(record.run.ingested)),
        " as it was given to ",
        Code("zcbench ingest"),
        ". What it does not hold is inconclusive or skipped",
    )
    if not unmeasured.wanted(record, result):
        return paragraph(*spans, ".")
    anchor = Section(unmeasured.TITLE, ()).anchor
    return paragraph(*spans, "; ", Link("what to measure next", anchor), " is listed below.")
