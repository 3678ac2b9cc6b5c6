"""A metric over many runs: a panel for each, a colour for each scenario, changes of level marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zcbench.render.figures import theme
from zcbench.render.figures.datasets import Row
from zcbench.render.figures.figure import Figure
from zcbench.render.history import Story

if TYPE_CHECKING:
    import altair as alt

HEIGHT = 110
_SHOWN = {"ns": (1e-6, "ms"), "bytes": (2.0**-20, "MiB"), "ratio": (100.0, "%")}  # on the axis
_COLOURS = (theme.BLUE, theme.ORANGE, theme.GREEN, theme.PURPLE, theme.GREY)


def draw(told: Sequence[Story]) -> Figure | None:
    """Every metric that any run has a value of, over the runs in time order; None if there is none."""
    import altair as alt

    panels: list[alt.LayerChart | alt.FacetChart] = []
    rows: dict[str, Sequence[Row]] = {}
    for at, metric in enumerate(series.metric for series in told[0].series):
        data, changed = _points(told, at), _changes(told, at)
        if data:
            rows |= {f"values {at}": data, f"changes {at}": changed}
            panels.append(
                _panel(
                    at,
                    f"{metric.name}, {_SHOWN.get(metric.unit, (1.0, metric.unit))[1]}",
                    [one.scenario for one in told],
                )
            )
    if not panels:
        return None
    # A panel of one scenario or of many has its own scale of values, and all have one time.
    chart = alt.vconcat(*panels).resolve_scale(x="shared", y="independent")
    return Figure("history", "Runs over time", chart, rows, timeline=False)


def _points(told: Sequence[Story], at: int) -> list[Row]:
    factor, _ = _SHOWN.get(told[0].series[at].metric.unit, (1.0, ""))
    return [
        {"when": row.started_at, "value": value * factor, "scenario": story.scenario}
        for story in told
        for row, value in zip(story.rows, story.series[at].values, strict=True)
        if value is not None
    ]


def _changes(told: Sequence[Story], at: int) -> list[Row]:
    return [
        {"when": story.rows[change.at].started_at, "commit": story.rows[change.at].commit or "?"}
        for story in told
        for change in story.series[at].changed
    ]


def _panel(at: int, title: str, scenarios: Sequence[str]) -> alt.LayerChart | alt.FacetChart:
    import altair as alt

    colours = [_COLOURS[i % len(_COLOURS)] for i in range(len(scenarios))]
    axis = alt.Axis(labelOverlap="greedy", labelSeparation=16)
    x = alt.X("when:T", title=None, scale=alt.Scale(type="utc"), axis=axis)
    values = alt.Chart(alt.NamedData(f"values {at}")).encode(
        x=x,
        y=alt.Y(
            "value:Q",
            title=None,
            scale=alt.Scale(zero=False),
            axis=alt.Axis(tickCount=4, minExtent=64),
        ),
        color=alt.Color(
            "scenario:N",
            title=None,
            scale=alt.Scale(domain=list(scenarios), range=colours),
            legend=alt.Legend(orient="top") if len(scenarios) > 1 else None,
        ),
    )
    moments = alt.Chart(alt.NamedData(f"changes {at}")).encode(x=x)
    label = moments.mark_text(align="left", dx=3, dy=-HEIGHT / 2 + 6, color=theme.RED)
    return alt.layer(
        moments.mark_rule(color=theme.RED, strokeDash=[4, 3]),
        values.mark_line(strokeWidth=1.2, opacity=0.6),
        values.mark_point(filled=True, size=18, opacity=1),
        label.encode(text="commit:N"),
    ).properties(width=theme.WIDTH, height=HEIGHT, title=alt.TitleParams(title, fontSize=12))
