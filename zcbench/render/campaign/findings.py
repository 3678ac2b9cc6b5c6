"""What the checks found in all runs, and what that means: the section "Findings"."""

from __future__ import annotations

from zcbench.quantities.units import MISSING
from zcbench.record.schema import Finding
from zcbench.render.content.cells import text
from zcbench.render.content.document import (
    Block,
    Cell,
    Column,
    Section,
    Table,
    columns,
    paragraph,
)
from zcbench.render.content.verdict import kind, outcome_cell
from zcbench.render.placing import EXPECTATION
from zcbench.verdict.readiness import Campaign, Judged
from zcbench.verdict.readiness.campaign import named
from zcbench.verdict.theirs import find

_EXPECTED = "the scenario asks for it"
_THEIRS = "a check of your own asks for it"


def section(campaign: Campaign) -> Section:
    """A table of checks by runs; below it, what did not pass, and what that means."""
    runs = campaign.runs
    checks = list(dict.fromkeys(f.check for run in runs for f in run.result.asked))
    table = Table(
        "Findings of all runs",
        (Column("Check", "left"), *(Column(run.name, "left") for run in runs)),
        tuple((text(check), *(_outcome(run, check) for run in runs)) for check in checks),
    )
    return Section("Findings and what they mean", (table, *_not_passed(campaign)))


def _outcome(run: Judged, check: str) -> Cell:
    found = _finding(run, check)
    return Cell(MISSING) if found is None else outcome_cell(kind(found))


def _finding(run: Judged, check: str) -> Finding | None:
    return next((f for f in run.result.findings if f.check == check), None)


def _not_passed(campaign: Campaign) -> list[Block]:
    """What failed, warned or could not be judged: once for each check and cause, with the runs it was in."""
    seen: dict[tuple[str, str, str | None], list[tuple[Judged, Finding]]] = {}
    for run in campaign.runs:
        for finding in run.result.findings:
            if kind(finding) in ("fail", "warn", "inconclusive"):
                key = (finding.check, kind(finding), finding.cause)
                seen.setdefault(key, []).append((run, finding))
    if not seen:
        answered = any(f.outcome == "pass" for run in campaign.runs for f in run.result.findings)
        said = "Every check that had an answer passed." if answered else "No check had an answer."
        return [paragraph(said)]
    order = ("fail", "warn", "inconclusive")
    rows = []
    for (check, outcome, _), found in sorted(seen.items(), key=lambda item: order.index(item[0][1])):
        run, finding = found[0]
        rows.append(
            (
                text(check),
                outcome_cell(outcome),
                text(named([run for run, _ in found])),
                text(f"{run.name}: {finding.sentence}"),
                text(_meaning(check) if outcome != "inconclusive" else "nothing yet"),
                text(finding.remedy or ""),
            )
        )
    return [
        Table(
            "What did not pass",
            columns("<Check", "<Outcome", "<Runs", "<What was found", "<What it means", "<Remedy"),
            tuple(rows),
        )
    ]


def _meaning(check: str) -> str:
    """What it means for those who use the engine when ``check`` fails."""
    if check.startswith(EXPECTATION):
        return _EXPECTED
    known = find(check)
    return known.meaning if known is not None else _THEIRS
