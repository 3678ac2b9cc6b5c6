"""The figures over all runs of a campaign: pools against what was in flight, growth with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zcbench.analysis.delivery import delivery
from zcbench.analysis.growth import growths
from zcbench.analysis.pool import behaviour
from zcbench.render.content.cells import percent
from zcbench.render.figures import theme
from zcbench.render.figures.datasets import Row
from zcbench.render.figures.figure import Figure
from zcbench.render.paths import without_folders
from zcbench.verdict.readiness import Campaign, Judged

if TYPE_CHECKING:
    pass

POOL = "pool_sizes"
GROWTH = "growth"
TITLES = {
    POOL: "Slots of each pool, and the most that were in flight at once",
    GROWTH: "Growth of each memory counter, with its 95 % interval; dashed: the budget",
}
ROW_HEIGHT = 24
_MOST_LETTERS = 28  # of a run's name on an axis


def draw(campaign: Campaign) -> list[Figure]:
    """Those that have something to show, in the order of the report."""
    made = (_pool(campaign.runs), _growth(campaign.runs))
    return [figure for figure in made if figure is not None]


def _label(run: Judged) -> str:
    name = without_folders(run.name)
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"


def _labels(runs: Sequence[Judged]) -> list[str]:
    """One a run, in order; two that were cut to the same get a number."""
    cut = [_label(run) for run in runs]
    return [f"{at} {name}" if cut.count(name) > 1 else name for at, name in enumerate(cut, 1)]


def _pool(runs: Sequence[Judged]) -> Figure | None:
    """A bar for the slots, a mark for the high water, the hit rate beside them."""
    import altair as alt

    rows: list[Row] = []
    for run, label in zip(runs, _labels(runs), strict=True):
        found = run.result.totals
        seen = behaviour(run.record, found, delivery(run.record, found).streamed_s)
        if not seen.slots or not seen.high_water or seen.hit_rate is None:
            continue
        most = max(seen.slots, seen.high_water)
        said = f"{percent(seen.hit_rate)} hits"
        rows.append(
            {
                "run": label,
                "slots": seen.slots,
                "high": seen.high_water,
                "least": 1,
                "most": most,
                "said": said,
            }
        )
    if not rows:
        return None
    base = alt.Chart(alt.NamedData(name="pools")).encode(y=_run_axis([str(r["run"]) for r in rows]))
    top = max(float(row["most"] or 1) for row in rows)
    scale = alt.Scale(type="log", domain=[1, top * 3], nice=False)
    axis = alt.Axis(title="slots (bar), high water (mark)", format=",d", tickCount=5)
    chart = alt.layer(
        base.mark_bar(color=theme.SHADE, height=ROW_HEIGHT * 0.6).encode(
            x=alt.X("least:Q", scale=scale, axis=axis), x2="slots:Q"
        ),
        base.mark_tick(color=theme.ORANGE, thickness=3, size=ROW_HEIGHT * 0.8).encode(
            x=alt.X("high:Q", scale=scale)
        ),
        base.mark_text(align="left", dx=8, color=theme.INK).encode(
            x=alt.X("most:Q", scale=scale), text="said:N"
        ),
    ).properties(width=theme.WIDTH, height=ROW_HEIGHT * len(rows))
    return Figure(POOL, TITLES[POOL], chart, {"pools": rows}, timeline=False)


def _growth(runs: Sequence[Judged]) -> Figure | None:
    """A panel for each counter, a line for each run: from the lower bound of its growth to the upper."""
    import altair as alt

    panels: dict[str, list[Row]] = {}
    labels = _labels(runs)
    for run, label in zip(runs, labels, strict=True):
        for grown in growths(run.record):
            window = grown.trend.window
            if window is None:
                continue
            panels.setdefault(grown.counter.name, []).append(
                {
                    "run": label,
                    "slope": window.slope,
                    "low": 2 * window.slope - window.high,  # the other side of the same interval
                    "high": window.high,
                    "kind": grown.trend.outcome,
                }
            )
    if not panels:
        return None
    budget = float(runs[0].record.run.scenario.memory.budget)
    last = len(panels) - 1
    charts = [
        _panel(name, rows, labels, budget, is_last=at == last)
        for at, (name, rows) in enumerate(panels.items())
    ]
    datasets: dict[str, Sequence[Row]] = {
        f"growth of {name}": rows for name, rows in panels.items()
    }
    datasets["budget"] = [{"budget": budget, "said": "budget"}]
    chart = alt.vconcat(*charts).resolve_scale(x="shared")
    return Figure(GROWTH, TITLES[GROWTH], chart, datasets, timeline=False)


def _panel(
    name: str, rows: Sequence[Row], labels: Sequence[str], budget: float, *, is_last: bool
) -> Any:
    """One counter; the last panel has the axis of all."""
    import altair as alt

    shown = [label for label in labels if any(row["run"] == label for row in rows)]
    base = alt.Chart(alt.NamedData(name=f"growth of {name}")).encode(y=_run_axis(shown))
    scale = alt.Scale(type="symlog", constant=max(1.0, budget / 4))
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(
            domain=["pass", "inconclusive", "fail"], range=[theme.GREEN, theme.GREY, theme.RED]
        ),
        legend=None,
    )
    x = alt.X("low:Q", scale=scale, axis=_growth_axis(is_last))
    limit = alt.Chart(alt.NamedData(name="budget")).mark_rule(color=theme.RED, strokeDash=[4, 3])
    return alt.layer(
        limit.encode(x=alt.X("budget:Q", scale=scale)),
        base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q", color=colour),
        base.mark_point(filled=True, size=50, opacity=1).encode(
            x=alt.X("slope:Q", scale=scale), color=colour
        ),
    ).properties(
        width=theme.WIDTH,
        height=ROW_HEIGHT * len(shown),
        title=alt.TitleParams(name, fontSize=12, offset=2),
    )


def _growth_axis(is_last: bool) -> Any:
    import altair as alt

    title = "bytes/s" if is_last else None
    return alt.Axis(
        title=title,
        labels=is_last,
        ticks=is_last,
        domain=is_last,
        grid=True,
        tickCount=7,
        format="~s",
    )


def _run_axis(labels: Sequence[str]) -> Any:
    import altair as alt

    axis = alt.Axis(title=None, labelLimit=180, minExtent=150, maxExtent=190, ticks=False)
    return alt.Y("run:N", sort=list(labels), axis=axis)
