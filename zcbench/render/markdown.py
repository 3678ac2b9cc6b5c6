"""The Markdown report: what a maintainer would attach to a release."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import jinja2

from zcbench.analysis import memory
from zcbench.analysis.delivery import delivery
from zcbench.record.reader import Record
from zcbench.record.schema import FIGURES_FOLDER, Result
from zcbench.render.content import sections
from zcbench.render.content.cells import MISSING, clock, percent, signed_bytes
from zcbench.render.content.document import Cell, Code, Link, Paragraph, Quoted, Span, Strong, Table
from zcbench.render.content.verdict import VERDICTS, findings, headline, mark, notices
from zcbench.render.paths import without_folders
from zcbench.render.placing import TITLES
from zcbench.units import format_bytes, format_count, format_duration

__all__ = [
    "MISSING",
    "VERDICTS",
    "cell",
    "clock",
    "fenced",
    "headline",
    "mark",
    "percent",
    "render",
    "render_many",
    "signed_bytes",
]

Pair = tuple[Record, Result]


def render(record: Record, result: Result, figures: Sequence[str] = ()) -> str:
    """The report of one run; ``figures`` are the names of those that lie beside it, as ``figures/NAME.svg``."""
    return _template("report.md.j2").render(
        record=record,
        scenario=record.run.scenario,
        verdict=VERDICTS[result.verdict],
        headline=headline(result),
        notices=notices(record, result),
        findings=findings(result),
        traceback=result.end.traceback,
        sections=sections(record, result),
        figures=[name for name in TITLES if name in figures],
        titles=TITLES,
        folder=FIGURES_FOLDER,
    )


def render_many(pairs: Sequence[Pair]) -> str:
    """One report over several runs: a comparison table, then each run's own report."""
    rows = [
        [label, *(value(record, result) for record, result in pairs)] for label, value in COMPARED
    ]
    return _template("comparison.md.j2").render(
        names=[record.path.name for record, _ in pairs],
        rows=rows,
        reports=[render(record, result) for record, result in pairs],
    )


# -- the comparison's rows

Value = Callable[[Record, Result], str]


def _total(name: str, show: Callable[[float], str]) -> Value:
    return lambda _record, result: _show(result.totals[name], show)


def _heap_delta(record: Record, _result: Result) -> str:
    gauge = memory.gauge(record, memory.heap_column(record))
    return MISSING if gauge is None else signed_bytes(gauge.delta)


def _due(record: Record, result: Result) -> str:
    """What was due by the end; of a run that died, only what was due at its last sample is known."""
    seen = delivery(record, result.totals)
    whole = seen.delivered == result.totals["engine.delivered"]
    return _show(seen.due if whole else None, format_count)


def _hit_rate(_record: Record, result: Result) -> str:
    hits, misses = result.totals["pool.hits"] or 0, result.totals["pool.misses"] or 0
    return percent(hits / (hits + misses)) if hits + misses else MISSING


COMPARED: tuple[tuple[str, Value], ...] = (
    ("Verdict", lambda _, result: VERDICTS[result.verdict]),
    ("Because", lambda _, result: cell(headline(result))),
    ("Scenario", lambda record, _: cell(record.run.scenario.name)),
    ("Fault planted", lambda record, _: cell(record.run.scenario.fault or MISSING)),
    ("Engine", lambda record, _: cell(record.run.scenario.engine)),
    ("Ended", lambda _, result: result.end.ending.value),
    ("Duration", lambda _, result: _show(result.end.elapsed_s, format_duration)),
    ("Packets delivered", _total("engine.delivered", format_count)),
    ("Packets due", lambda record, result: _due(record, result)),
    ("Drops", _total("engine.drops", format_count)),
    ("Gaps", _total("consumer.gaps", format_count)),
    ("Pool slots", _total("pool.slots", format_count)),
    ("Pool hits", _total("pool.hits", format_count)),
    ("Pool misses", _total("pool.misses", format_count)),
    ("Hit rate", _hit_rate),
    ("Returns", _total("pool.returns", format_count)),
    ("High water", _total("pool.high_water", format_count)),
    ("Heap delta", _heap_delta),
    ("RSS at the end", _total("rss_bytes", format_bytes)),
)


def _show(value: float | None, show: Callable[[float], str]) -> str:
    return MISSING if value is None else show(value)


# -- how the content is written down


def _table(table: Table) -> str:
    titles = [cell(column.title) for column in table.columns]
    rule = [":--" if column.align == "left" else "--:" for column in table.columns]
    written = [_row(titles), *(_row([_cell(found) for found in row]) for row in table.rows)]
    written.insert(1, f"|{'|'.join(rule)}|")
    return "\n".join(written)


def _cell(found: Cell) -> str:
    if found.outcome is not None:
        return VERDICTS[found.outcome]
    return f"**{cell(found.text)}**" if found.is_strong else cell(found.text)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _paragraph(said: Paragraph) -> str:
    return "".join(_span(span) for span in said.spans)


def _span(span: Span) -> str:
    match span:
        case Code(text):
            return f"`{' '.join(without_folders(text).replace('`', '').split())}`"
        case Strong(text):
            return f"**{_escaped(text)}**"
        case Link(text, anchor):
            return f"[{_escaped(text)}](#{anchor})"
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
    flat = re.sub(r"\s+", " ", without_folders(text))
    return re.sub(r"([\\|`*_\[\]<>&#~])", r"\\\1", flat)


def fenced(text: str, language: str = "text") -> str:
    """Text from the record in a code fence that it cannot close."""
    text = without_folders(text)
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
