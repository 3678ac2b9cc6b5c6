"""The Markdown report: what a maintainer would attach to a release."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import jinja2

from zcbench.record.reader import Record
from zcbench.record.schema import FIGURES_FOLDER, Result
from zcbench.render.content import sections
from zcbench.render.content.document import (
    Beside,
    Cell,
    Code,
    Link,
    Paragraph,
    Quoted,
    Span,
    Strong,
    Table,
)
from zcbench.render.content.verdict import SIGNS, VERDICTS, decided, findings, lead, notices
from zcbench.render.paths import public
from zcbench.render.placing import TITLES

if TYPE_CHECKING:
    from zcbench.verdict.readiness import Campaign, Readiness


def render(
    record: Record,
    result: Result,
    figures: Sequence[str] = (),
    lost: Mapping[str, str] | None = None,
) -> str:
    """The report of one run; ``figures`` are the names of those that lie beside it, as ``figures/NAME.svg``.

    ``lost`` says why there is none of others.
    """
    return _template("report.md.j2").render(
        record=record,
        scenario=record.run.scenario,
        verdict=VERDICTS[result.verdict],
        decision=decided(record, result),
        lead=lead(record, result),
        notices=notices(record, result),
        findings=findings(result),
        traceback=result.end.traceback,
        sections=sections(record, result),
        figures=[name for name in TITLES if name in figures],
        lost=lost or {},
        titles=TITLES,
        folder=FIGURES_FOLDER,
    )


def render_campaign(
    title: str,
    campaign: Campaign,
    readiness: Readiness,
    figures: Sequence[str] = (),
    *,
    has_reports: bool = False,
) -> str:
    """The final report of several runs; ``figures`` lie beside it, and with ``has_reports`` each run's own."""
    from zcbench.render import campaign as content

    return _template("campaign.md.j2").render(
        title=title,
        answer=SIGNS[content.OUTCOMES[readiness.answer]] + " " + content.ANSWERS[readiness.answer],
        headline=readiness.sentence,
        notices=content.notices(campaign),
        sections=content.sections(campaign, readiness, has_reports=has_reports),
        figures=figures,
        titles=content.TITLES,
        folder=FIGURES_FOLDER,
    )


# -- how the content is written down


def _table(table: Table) -> str:
    titles = [cell(column.title) for column in table.columns]
    rule = [":--" if column.align == "left" else "--:" for column in table.columns]
    written = [_row(titles), *(_row([_cell(found) for found in row]) for row in table.rows)]
    written.insert(1, f"|{'|'.join(rule)}|")
    return "\n".join(written)


def _cell(found: Cell) -> str:
    if found.outcome is not None:
        return f"{SIGNS[found.outcome]} {cell(found.text)}"
    return f"**{cell(found.text)}**" if found.is_strong else cell(found.text)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _paragraph(said: Paragraph) -> str:
    return "".join(_span(span) for span in said.spans)


def _span(span: Span) -> str:
    match span:
        case Code(text):
            return f"`{' '.join(public(text).replace('`', '').split())}`"
        case Strong(text):
            return f"**{_escaped(text)}**"
        case Link(text, anchor):
            return f"[{_escaped(text)}](#{anchor})"
        case Beside(text, stem):
            return f"[{_escaped(text)}]({quote(stem)}.md)"
        case _:
            return _escaped(span)


def _block(block: Table | Paragraph | Quoted) -> str:
    match block:
        case Table():
            return _table(block)
        case Quoted(text, language):
            return fenced(text, language)
        case Paragraph():
            return _paragraph(block)


def cell(text: object) -> str:
    """Text from the record, safe inside a Markdown table: no cell ends early, no HTML, no line breaks."""
    return " ".join(_escaped(str(text)).split())


def _escaped(text: str) -> str:
    flat = re.sub(r"\s+", " ", public(text))
    return re.sub(r"([\\|`*_\[\]<>&#~$])", r"\\\1", flat)


def fenced(text: str, language: str = "text") -> str:
    """Text from the record in a code fence that it cannot close."""
    text = public(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("zcbench.render"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown: `cell`, `fenced` and `block` escape what comes from the record
    )
    environment.filters |= {"cell": cell, "fenced": fenced, "block": _block}
    return environment.get_template(name)
