"""What the checks found in all runs, and what that means: the section "Findings"."""

from __future__ import annotations

from collections.abc import Mapping

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
from zcbench.verdict.readiness import Campaign, Judged
from zcbench.verdict.readiness.campaign import named

# What it means for those who use the engine when a check fails.
MEANINGS: Mapping[str, str] = {
    "life": "the process that captures dies, and the recording with it",
    "delivery": "audio is lost: the recording is shorter than what was played",
    "rate": "the clock of the source is off, or its packets are: audio and wall time drift apart",
    "gaps": "packets come twice, in the wrong order or not at all: the recording has holes or repeats",
    "xruns": "sound is lost before anybody has it: the recording has holes that no packet number shows",
    "integrity": "a buffer was written while somebody still read it: the audio is wrong, and nobody was told",
    "conservation": "the engine's own counts contradict each other: none of them can be relied on",
    "pool.recycling": "buffers do not come back: the pool is a heap with another name, and memory will run out",
    "pool.hit_rate": "the pool does not do what it is for: packets are allocated while audio waits",
    "memory": "a long recording ends when memory does",
    "resources": "a long recording ends when descriptors or threads do",
    "disk": "a long recording ends when the disk is full",
    "timing": "packets come too late for what is played at once",
    "cost": "the longer it runs, the more it costs, until it is too slow",
}
_EXPECTED = "the scenario asks for it"


def section(campaign: Campaign) -> Section:
    """A table of checks by runs; below it, what did not pass, and what that means."""
    runs = campaign.runs
    checks = list(dict.fromkeys(f.check for run in runs for f in run.result.findings))
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
        return [paragraph("Every check of every run passed.")]
    order = ("fail", "warn", "inconclusive")
    rows = []
    for (check, outcome, _), found in sorted(
        seen.items(), key=lambda item: order.index(item[0][1])
    ):
        run, finding = found[0]
        rows.append(
            (
                text(check),
                outcome_cell(outcome),
                text(named([run for run, _ in found])),
                text(f"{run.name}: {finding.sentence}"),
                text(
                    MEANINGS.get(check, _EXPECTED) if outcome != "inconclusive" else "nothing yet"
                ),
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
