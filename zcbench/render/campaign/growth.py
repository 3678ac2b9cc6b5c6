"""Whether memory grew, over all runs: the section "Memory behaviour"."""

from __future__ import annotations

from zcbench.analysis.growth import growths, packets_per_s
from zcbench.render.campaign import figures
from zcbench.render.content import cells
from zcbench.render.content.cells import seconds, signed_size, size, text
from zcbench.render.content.document import Cell, Section, Table, columns, paragraph
from zcbench.render.content.verdict import outcome_cell
from zcbench.verdict.readiness import Campaign, Judged


def section(campaign: Campaign) -> Section:
    """The trend of every counter of every run, with what it could have seen."""
    rows = tuple(row for run in campaign.runs for row in _rows(run))
    said = (
        "The trend is that of a line through the readings, or through the last half of them where memory "
        "warmed up, with a one-sided interval of 95 %. A run can only show the absence of a leak larger than "
        "the last column: the longer it ran, the smaller that is. RSS and USS can "
        "show a leak, never its absence."
    )
    table = Table(
        "Memory over all runs",
        columns(
            "<Run",
            "Duration",
            "<Counter",
            "<Trend",
            "Growth",
            "At most",
            "Per packet",
            "In 24 h",
            "Smallest detectable leak",
        ),
        rows,
    )
    return Section("Memory behaviour", (paragraph(said), table), figures=(figures.GROWTH,))


def _rows(run: Judged) -> list[tuple[Cell, ...]]:
    per_s = packets_per_s(run.record, run.result.totals)
    rows: list[tuple[Cell, ...]] = []
    for grown in growths(run.record):
        window, slope = grown.trend.window, grown.slope
        if window is None or slope is None:
            continue
        rows.append(
            (
                text(run.name),
                seconds(run.result.end.elapsed_s),
                text(grown.counter.name),
                outcome_cell(grown.trend.outcome),
                cells.growth(slope),
                cells.growth(window.high),
                size(slope / per_s if per_s else None),
                signed_size(slope * 86_400),
                cells.growth(window.smallest_seen),
            )
        )
    return rows
