"""The verdict in words: its mark, its reason in a sentence, what to be warned of, and each finding."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from zcbench.analysis import laws
from zcbench.quantities.units import format_bytes
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Environment, Finding, Result
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
    with_code,
)
from zcbench.verdict.checks import MEMORY
from zcbench.verdict.decision import decision
from zcbench.verdict.next_step import next_step

SIGNS = {"pass": "✅", "note": "ℹ️", "warn": "⚠️", "fail": "❌", "inconclusive": "❔", "skipped": "–"}
WORDS = {name: name if name in ("note", "skipped") else name.upper() for name in SIGNS}
VERDICTS = {name: f"{SIGNS[name]} {WORDS[name]}" for name in SIGNS}
_WORST_FIRST = ("fail", "warn", "inconclusive", "note", "pass", "skipped")
_WARNING = "⚠️ "


def headline(result: Result) -> str:
    """The verdict's reason in one sentence: the worst finding's, or what was asked and found sound."""
    for outcome in ("fail", "inconclusive"):
        for finding in result.findings:
            decides = finding.level == "fail" if outcome == "fail" else finding.required
            if finding.outcome == outcome and decides:
                return finding.sentence
    return f"{counted(result)}{_not_judged(result)}"


def counted(result: Result, noun: str = " checks") -> str:
    """How many checks came to what: "12 of 15 checks passed, 1 failed, 2 skipped"."""
    counts = Counter(kind(finding) for finding in result.asked)
    told = (
        ("fail", "failed"),
        ("warn", "warned"),
        ("note", "note"),
        ("inconclusive", "inconclusive"),
        ("skipped", "skipped"),
    )
    rest = [f"{counts[outcome]} {word}" for outcome, word in told if counts[outcome]]
    none = [] if counts["fail"] or counts["warn"] else ["none failed"]
    return ", ".join([f"{counts['pass']} of {len(result.asked)}{noun} passed", *none, *rest])


def _not_judged(result: Result) -> str:
    """That a pass says nothing of memory, where it does not: that is what most people run it for."""
    memory = next((f for f in result.findings if f.check == MEMORY.name), None)
    judged = memory is not None and memory.outcome in ("pass", "fail")
    return "" if judged else "; memory was not judged (--require memory insists on it)"


def kind(finding: Finding) -> str:
    """Its outcome; of a failure that only warns "warn", of a pass with a cause, which only explains, "note"."""
    if finding.outcome == "fail" and finding.level == "warn":
        return "warn"
    return "note" if finding.outcome == "pass" and finding.cause is not None else finding.outcome


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


def decided(record: Record, result: Result) -> str:
    """The decision, as a sentence without its full stop."""
    return _capitalised(decision(record, result))


def lead(record: Record, result: Result) -> list[Paragraph]:
    """What follows the decision: its reason, the next thing to do, and what was tested, when and where."""
    said = [paragraph(f"{_capitalised(headline(result))}.")]
    step = next_step(record, result)
    if step not in decision(record, result):
        said.append(paragraph(Strong("Next:"), " ", *with_code(step), "."))
    return [*said, _made(record)]


def _made(record: Record) -> Paragraph:
    run, where = record.run, record.run.environment
    called = f"engine {run.scenario.engine}" if run.subject.kind == "engine" else run.subject.called
    # Of somebody else's neither commit nor machine are known: these only read their file.
    if run.subject.kind == "imported":
        return paragraph(Code(called), f" · read {when(record)} by zcbench {where.zcbench}")
    version = [] if (tested := commit(where)) is None else [f"commit {tested}"]
    cores = [] if where.cores is None else [f"{where.cores} cores"]
    memory = [] if where.memory_bytes is None else [format_bytes(where.memory_bytes)]
    machine = (f"{where.system} {where.machine}", where.processor, *cores, *memory)
    said = (*version, f"zcbench {where.zcbench}", when(record), ", ".join(part for part in machine if part))
    return paragraph(Code(called), f" · {' · '.join(said)}")


def commit(where: Environment) -> str | None:
    """The commit of the directory that the run was started in, shortened; None outside a repository."""
    if where.git_commit is None:
        return None
    return f"{where.git_commit[:12]}{' (with changes)' if where.git_dirty else ''}"


def when(record: Record) -> str:
    """When the run was started, or a log was read: "2026-01-01 00:00 UTC"."""
    text = record.run.started_at
    try:
        started = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{started.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if started.tzinfo else text


def _capitalised(said: str) -> str:
    return said[:1].upper() + said[1:]


def notices(record: Record, result: Result) -> list[Paragraph]:
    """What must be known before any figure of the report is read."""
    said = [_ingested(record, result)] if record.run.subject.kind == "imported" else []
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
        Code(record.run.subject.called),
        " as it was given to ",
        Code("zcbench ingest"),
        ". What it does not hold is inconclusive or skipped",
    )
    if not unmeasured.wanted(record, result):
        return paragraph(*spans, ".")
    anchor = Section(unmeasured.TITLE, ()).anchor
    return paragraph(*spans, "; ", Link("what to measure next", anchor), " is listed below.")
