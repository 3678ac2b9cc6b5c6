"""What an ingested record lacks: the section "Not measured"."""

from __future__ import annotations

from zcbench.quantities.quantity import Quantity
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.content.cells import text
from zcbench.render.content.document import Code, Section, Table, columns, paragraph
from zcbench.verdict.wanting import unmeasured

TITLE = "Not measured"


def wanted(record: Record, result: Result) -> dict[str, tuple[Quantity, ...]]:
    """What each undecided check of an ingested record asked for in vain."""
    if record.run.subject.kind != "imported":
        return {}
    return unmeasured(record, result.totals, result.findings)


def section(record: Record, result: Result) -> Section | None:
    """What to measure next; None if nothing is wanting, or the run is our own."""
    asked = wanted(record, result)
    if not asked:
        return None
    rows = tuple(
        (
            text(check if metric is metrics[0] else ""),
            text(metric.name),
            text(metric.unit.name),
            text(metric.title),
        )
        for check, metrics in asked.items()
        for metric in metrics
    )
    return Section(
        TITLE,
        (
            paragraph(
                "These checks looked for readings that ",
                Code(record.run.subject.called),
                " does not hold. What to measure next:",
            ),
            Table(TITLE, columns("<Check", "<Metric", "<Unit", "<What it is"), rows),
            paragraph(
                "A column is given by ",
                Code("--map"),
                ", a closing total by ",
                Code("--total"),
                ", the packets that were due by ",
                Code("--rate"),
                ", the end by ",
                Code("--ended"),
                ".",
            ),
        ),
    )
