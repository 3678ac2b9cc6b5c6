"""What was wrong before, and what differs since: the section "Problem history"."""

from __future__ import annotations

from zcbench.comparing.comparability import differences
from zcbench.render.campaign.runs import comparison
from zcbench.render.content.cells import text
from zcbench.render.content.document import (
    Block,
    Quoted,
    Section,
    Strong,
    Table,
    columns,
    paragraph,
)
from zcbench.render.content.verdict import headline
from zcbench.verdict.readiness import Campaign, Judged
from zcbench.verdict.readiness.campaign import is_failure

MOST_LINES = 20  # of a traceback; the run's own report has all of it


def section(campaign: Campaign) -> Section | None:
    """None if no run is named as one from before."""
    if not campaign.before:
        return None
    blocks: list[Block] = []
    for run in campaign.before:
        blocks += _story(run)
    for run in campaign.before:
        after = _counterpart(run, campaign)
        if after is not None:
            blocks += _since(run, after)
    return Section("Problem history", tuple(blocks))


def _story(run: Judged) -> list[Block]:
    fault = run.record.run.scenario.fault
    planted = f" The fault was planted on purpose: {fault}." if fault else ""
    blocks: list[Block] = [paragraph(Strong(run.name), f": {headline(run.result)}.{planted}")]
    failed = [f for f in run.result.findings if is_failure(f)]
    if failed:
        blocks.append(
            Table(
                f"What failed in {run.name}",
                columns("<Check", "<What was found", "<Remedy"),
                tuple((text(f.check), text(f.sentence), text(f.remedy or "")) for f in failed),
            )
        )
    if run.result.end.traceback:
        lines = run.result.end.traceback.splitlines()
        left_out = [f"... {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
        blocks.append(Quoted("\n".join([*lines[:MOST_LINES], *left_out])))
    return blocks


def _counterpart(before: Judged, campaign: Campaign) -> Judged | None:
    """The run to hold it against: of the same scenario if there is one, else the longest that passed."""
    runs = campaign.passing
    name = before.record.run.scenario.name
    alike = [run for run in runs if run.record.run.scenario.name == name]
    return next(iter(alike or runs), None)


def _since(before: Judged, after: Judged) -> list[Block]:
    changed = differences(before.record.run, after.record.run)
    blocks: list[Block] = [
        paragraph("Before and after: ", Strong(before.name), " against ", Strong(after.name), "."),
        comparison([before, after]),
    ]
    if not changed:
        return [*blocks, paragraph("Nothing else differs: same scenario, same software.")]
    table = Table(
        f"What differs between {before.name} and {after.name}",
        columns("<What differs", "<Before", "<After"),
        tuple((text(d.key), text(d.base), text(d.new)) for d in changed),
    )
    return [*blocks, table]
