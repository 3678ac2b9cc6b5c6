"""The final report of a campaign: several runs, what was wrong before them, and whether it is ready."""

from __future__ import annotations

from zcbench.render.campaign import checklist, findings, growth, pool, problem, runs
from zcbench.render.campaign.checklist import ANSWERS, OUTCOMES
from zcbench.render.campaign.figures import TITLES, draw
from zcbench.render.content import verdict
from zcbench.render.content.document import Link, Paragraph, Section, Strong
from zcbench.render.content.measured import measured
from zcbench.verdict.readiness import Campaign, Readiness

__all__ = ["ANSWERS", "OUTCOMES", "TITLES", "draw", "notices", "sections"]


def sections(campaign: Campaign, readiness: Readiness, *, has_reports: bool) -> list[Section]:
    """The report's sections in order; with links to each run's own report, where those lie beside it."""
    made = (
        checklist.summary(campaign, readiness),
        problem.section(campaign),
        runs.section(campaign, has_reports=has_reports),
        pool.section(campaign),
        growth.section(campaign),
        findings.section(campaign),
        checklist.section(readiness),
        checklist.next_steps(readiness),
        runs.environments(campaign),
    )
    sections = [section for section in made if section is not None]
    if any(run.record.can("worker") for run in (*campaign.before, *campaign.runs)):
        return sections
    return [kept for section in sections if (kept := measured(section)) is not None]


def notices(campaign: Campaign) -> list[Paragraph]:
    """What must be known of a run before its figures are read; links lead to what only its own report has."""
    return [
        Paragraph((Strong(run.name), ": ", *(s.text if isinstance(s, Link) else s for s in notice.spans)))
        for run in (*campaign.before, *campaign.runs)
        for notice in verdict.notices(run.record, run.result)
    ]
