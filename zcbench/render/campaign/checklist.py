"""Whether it is ready, and what to do next: the first section of a campaign's report, and the last."""

from __future__ import annotations

from zcbench.quantities.units import format_count, format_duration
from zcbench.render.campaign.runs import totals
from zcbench.render.content.cells import size, text
from zcbench.render.content.document import (
    Block,
    Cell,
    Section,
    Strong,
    Table,
    columns,
    paragraph,
    with_code,
)
from zcbench.render.content.verdict import headline
from zcbench.verdict.checks import MEMORY
from zcbench.verdict.readiness import Answer, Campaign, Readiness
from zcbench.verdict.readiness.campaign import named

ANSWERS: dict[Answer, str] = {"yes": "READY", "no": "NOT READY", "not shown": "NOT SHOWN"}
OUTCOMES: dict[Answer, str] = {"yes": "pass", "no": "fail", "not shown": "inconclusive"}


def summary(campaign: Campaign, readiness: Readiness) -> Section:
    """What a person reads who reads nothing else."""
    delivered, due, octets, length_s = totals(campaign.runs)
    of_due = "" if due is None else f" of {format_count(due)} due"
    verdicts = [run.result.verdict for run in campaign.runs]
    counted = ", ".join(
        f"{verdicts.count(outcome)} {said}"
        for outcome, said in (
            ("pass", "passed"),
            ("fail", "failed"),
            ("inconclusive", "inconclusive"),
        )
        if outcome in verdicts
    )
    runs = f"{len(verdicts)} runs" if len(verdicts) > 1 else "1 run"
    packets = f" {format_count(delivered)} packets{of_due} were delivered, {size(octets).text} of audio."
    if not any(run.record.can("pace") for run in campaign.runs):
        packets = f" {format_count(delivered)} packets{of_due} were delivered." if delivered else ""
    blocks: list[Block] = [paragraph(f"{runs}, {format_duration(length_s)} in all: {counted}.{packets}")]
    blocks += [paragraph("Before: ", Strong(run.name), f": {headline(run.result)}.") for run in campaign.before]
    if campaign.passing:
        longest = campaign.passing[0]
        memory = next((f for f in longest.result.findings if f.check == MEMORY.name), None)
        said = f", {format_duration(longest.length_s)}."
        said += f" Memory: {memory.sentence}." if memory is not None else ""
        blocks.append(paragraph("The longest that passed: ", Strong(longest.name), said))
    planted = [run for run in campaign.runs if run.is_planted]
    if planted:
        blocks.append(
            paragraph(f"{named(planted)}: a fault was planted; no evidence for or against the engine.")
        )
    blocks.append(paragraph(Strong(f"{ANSWERS[readiness.answer]}."), f" {readiness.sentence}."))
    return Section("Executive summary", tuple(blocks))


def section(readiness: Readiness) -> Section:
    """The checklist."""
    table = Table(
        "Readiness checklist",
        columns("<Item", "<Shown", "<By", "<What would show it"),
        tuple(
            (
                text(item.title + ("" if item.required else " (not required)")),
                Cell(item.answer, list(OUTCOMES).index(item.answer), outcome=OUTCOMES[item.answer]),
                text(item.why),
                text((item.step or "").replace("`", "")),
            )
            for item in readiness.items
        ),
    )
    said = paragraph(
        "Every line is computed from the findings: yes, a run shows it; no, a run shows the opposite; not "
        "shown, no run can tell. Runs with a planted fault count only as what failed before, and for the "
        "last line."
    )
    return Section("Readiness checklist", (said, table))


def next_steps(readiness: Readiness) -> Section:
    """What follows from what is refuted or not shown, the most pressing first."""
    steps = (paragraph(f"({at}) ", *with_code(step)) for at, step in enumerate(readiness.steps, 1))
    return Section("Next steps", tuple(steps))
