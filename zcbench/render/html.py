"""The HTML report: one page that holds everything it needs, and asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from zcbench.record.reader import Record
from zcbench.record.schema import Finding, Result
from zcbench.render import figures
from zcbench.render.content import sections
from zcbench.render.content.document import Code
from zcbench.render.content.verdict import WORDS, by_severity, decided, kind, lead, notices
from zcbench.render.figures import Figure, theme
from zcbench.render.figures.layers import Curve
from zcbench.render.figures.timeline import end_of, shown_s
from zcbench.render.moments import moment_of, said
from zcbench.render.paths import public
from zcbench.render.pictures import pictures, tell_lost
from zcbench.render.placing import figure_of

if TYPE_CHECKING:
    from zcbench.verdict.readiness import Campaign, Readiness

DIGITS = 6  # of a value under the pointer: of 100 MiB, 100 B


def render(record: Record, result: Result) -> str:
    """The report of one run. Its security policy lets run and look only what is in it, by digest."""
    drawn = figures.draw(record, result)
    names = {figure.name for figure in drawn}
    return _page(
        drawn,
        round(shown_s(record) * 1000),
        title=record.run.scenario.name,
        badge=WORDS[result.verdict],
        outcome=result.verdict,
        headline=decided(record, result),
        lead=lead(record, result),
        description=record.run.scenario.description,
        notices=notices(record, result),
        findings=[_finding(finding, record, result, names) for finding in by_severity(result)],
        traceback=result.end.traceback,
        sections=sections(record, result),
        made_by=f"zcbench {record.run.environment.zcbench}, run {record.run.id}",
    )


def render_campaign(title: str, campaign: Campaign, readiness: Readiness, *, has_reports: bool = False) -> str:
    """The final report of several runs; with ``has_reports`` each run's own lies beside it."""
    from zcbench.render import campaign as content

    return _page(
        content.draw(campaign),
        0,
        title=title,
        badge=content.ANSWERS[readiness.answer],
        outcome=content.OUTCOMES[readiness.answer],
        headline=readiness.sentence,
        lead=[],
        description=None,
        notices=content.notices(campaign),
        findings=[],
        traceback=None,
        sections=content.sections(campaign, readiness, has_reports=has_reports),
        made_by=f"zcbench {campaign.runs[0].record.run.environment.zcbench}, {len(campaign.runs)} runs",
    )


def _page(drawn: list[Figure], end_ms: int, **said: Any) -> str:
    """A page with these figures; ``said`` is what the template says, ``end_ms`` the end of their time."""
    style = _resource("page.css") + _inks()
    shown, lost = pictures(drawn, on_page=True)
    tell_lost(lost)
    drawn = [figure for figure in drawn if figure.name in shown]
    script = _resource("page.js")
    return _template().render(
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        told=Markup(_json(_told(drawn, end_ms))),
        figures={f.name: {"title": f.title, "drawing": Markup(shown[f.name])} for f in drawn},
        **said,
    )


def _finding(finding: Finding, record: Record, result: Result, names: set[str]) -> dict[str, Any]:
    """A finding, with the figure that shows it and the stretch of time to look at."""
    figure = figure_of(finding.check)
    moment = moment_of(finding, record, result)
    shown = None
    if moment is not None:
        from_s, to_s = moment.around(end_of(record))
        shown = {"from_ms": round(from_s * 1000), "to_ms": round(to_s * 1000), "said": said(moment)}
    return {
        "check": finding.check,
        "kind": kind(finding),
        "said": WORDS[kind(finding)],
        "sentence": finding.sentence,
        "remedy": finding.remedy,
        "figure": figure if figure in names else None,
        "moment": shown,
    }


def _told(drawn: list[Figure], end_ms: int) -> dict[str, Any]:
    """What the page's script says: of each figure over time, the values of its lines."""
    told = [
        {"name": figure.name, "lines": [_columns(curve) for curve in figure.curves]}
        for figure in drawn
        if figure.timeline
    ]
    return {"figures": told, "end_ms": end_ms}


def _columns(curve: Curve) -> dict[str, Any]:
    """A line's times, ms, and its values; null where it is broken."""
    return {
        "name": curve.name,
        "unit": curve.unit,
        "t": [round(1000 * time_s) for time_s in curve.x.tolist()],
        "v": [None if v != v else float(f"{v:.{DIGITS}g}") for v in curve.y.tolist()],
    }


@cache
def _inks() -> str:
    """Rules of style: each ink of a figure and its counterpart on dark paper."""
    return "".join(
        f'.drawing [{part}="{light}"] {{ {part}: light-dark({light}, {dark}); }}\n'
        for light, dark in theme.DARK.items()
        for part in ("fill", "stroke")
    )


def _json(value: object) -> str:
    """JSON that cannot end the script element it stands in, nor begin a comment there."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _resource(name: str) -> str:
    return resources.files("zcbench.render").joinpath("page", name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("zcbench.render"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    environment.filters["public"] = lambda text: public(str(text))
    environment.filters["is_code"] = lambda span: isinstance(span, Code)
    environment.filters["quoted"] = quote
    return environment.get_template("report.html.j2")
