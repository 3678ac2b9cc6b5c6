"""The figures over all runs of a campaign: pools against what was in flight, growth with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from zcbench.analysis.growth import growths
from zcbench.analysis.pool import behaviour
from zcbench.analysis.trend import Window
from zcbench.quantities.units import percent
from zcbench.render.figures import theme
from zcbench.render.figures.figure import Axis, Figure, Panel
from zcbench.render.figures.layers import Layer, Marks, Moments, Name, Segments
from zcbench.render.figures.scales import Range, Series, Tick
from zcbench.render.paths import public
from zcbench.verdict.readiness import Campaign, Judged

POOL = "pool_sizes"
GROWTH = "growth"
TITLES = {
    POOL: "Slots of each pool, and the most that were in flight at once",
    GROWTH: "Growth of each memory counter, with its 95 % interval; dashed: the budget",
}
ROW_HEIGHT = 24
LEFT = 196  # px, for the names of runs
_MOST_LETTERS = 28  # of a run's name on an axis
_OUTCOMES = {"pass": theme.GREEN, "inconclusive": theme.GREY, "fail": theme.RED}
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


@dataclass(frozen=True)
class _Pool:
    """A run's bar: its slots, the most in flight at once, what is said beside them."""

    label: str
    slots: int
    high: int
    said: str


@dataclass(frozen=True)
class _Growth:
    """A run's line: where the growth of a counter may lie, and what follows from it."""

    label: str
    window: Window
    outcome: str


def draw(campaign: Campaign) -> list[Figure]:
    """Those that have something to show, in the order of the report."""
    made = (_pool(campaign.runs), _growth(campaign.runs))
    return [figure for figure in made if figure is not None]


def _label(run: Judged) -> str:
    name = public(run.name)
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"


def _labels(runs: Sequence[Judged]) -> list[str]:
    """One a run, in order; two that were cut to the same get a number."""
    cut = [_label(run) for run in runs]
    return [f"{at} {name}" if cut.count(name) > 1 else name for at, name in enumerate(cut, 1)]


def _pool(runs: Sequence[Judged]) -> Figure | None:
    """A bar for the slots, a mark for the high water, the hit rate beside them."""
    pools: list[_Pool] = []
    for run, label in zip(runs, _labels(runs), strict=True):
        found = run.result.totals
        seen = behaviour(run.record, found)
        if seen.slots and seen.high_water and seen.hit_rate is not None:
            said = f"{percent(seen.hit_rate)} hits"
            pools.append(_Pool(label, int(seen.slots), int(seen.high_water), said))
    if not pools:
        return None
    most = [max(pool.slots, pool.high) for pool in pools]
    axis = Axis(
        Range(1.0, 3.0 * max(most), "log"),
        _powers(3.0 * max(most)),
        "slots (bar), high water (mark)",
    )
    rows = _rows(len(pools))
    slots = np.array([float(pool.slots) for pool in pools])
    high = np.array([float(pool.high) for pool in pools])
    layers: list[Layer] = [
        Segments(np.ones(rows.size), rows, slots, rows, theme.SHADE, ROW_HEIGHT * 0.6),
        Segments(high, rows - 0.4, high, rows + 0.4, theme.ORANGE, 3.0),
    ]
    layers += [
        Name(float(x), float(y), pool.said, theme.INK, dx=8)
        for x, y, pool in zip(most, rows, pools, strict=True)
    ]
    panel = Panel("", axis, _run_axis([pool.label for pool in pools]), layers, height=ROW_HEIGHT * len(pools))
    return Figure(POOL, TITLES[POOL], [panel], timeline=False, left=LEFT)


def _growth(runs: Sequence[Judged]) -> Figure | None:
    """A panel for each counter, a line for each run: from the lower bound of its growth to the upper."""
    panels: dict[str, list[_Growth]] = {}
    for run, label in zip(runs, _labels(runs), strict=True):
        for grown in growths(run.record):
            if grown.trend.window is not None:
                row = _Growth(label, grown.trend.window, grown.trend.outcome)
                panels.setdefault(grown.counter.name, []).append(row)
    if not panels:
        return None
    budget = float(runs[0].record.run.scenario.memory.budget)
    windows = [row.window for rows in panels.values() for row in rows]
    axis = _growth_axis(windows, budget)
    last = list(panels)[-1]
    drawn = [_panel(name, rows, budget, axis, is_last=name == last) for name, rows in panels.items()]
    return Figure(GROWTH, TITLES[GROWTH], drawn, timeline=False, left=LEFT)


def _panel(name: str, rows: Sequence[_Growth], budget: float, axis: Axis, *, is_last: bool) -> Panel:
    """One counter; the last panel has the axis of all."""
    layers: list[Layer] = [Moments(np.array([budget]), theme.RED, 1.0, (4, 3))]
    for y, row in zip(_rows(len(rows)).tolist(), rows, strict=True):
        colour, at = _OUTCOMES[row.outcome], np.array([y])
        low, high = _low(row.window), row.window.high
        layers.append(Segments(np.array([low]), at, np.array([high]), at, colour, 2.0))
        layers.append(Marks(np.array([row.window.slope]), at, colour, radius=4.0))
    return Panel(
        title=name,
        x=axis if is_last else replace(axis, title="", shown=False),
        y=_run_axis([row.label for row in rows]),
        layers=layers,
        height=ROW_HEIGHT * len(rows),
    )


def _low(window: Window) -> float:
    """The other side of the same interval."""
    return 2 * window.slope - window.high


def _growth_axis(windows: Sequence[Window], budget: float) -> Axis:
    """Bytes a second: linear about 0, in decades beyond, with what every run has within."""
    constant = max(1.0, budget / 4)
    low = min(0.0, *(_low(window) for window in windows))
    high = max(budget, *(window.high for window in windows))
    across = Range(1.2 * low, 1.2 * high, "symlog", constant)
    sizes = [10.0**n for n in range(-1, 12) if 10.0**n >= constant]
    ticks = [0.0, *(v for size in sizes for v in (-size, size) if across.low <= v <= across.high)]
    return Axis(across, [(v, _short(v)) for v in sorted(ticks)], "bytes/s", grid=True)


def _short(value: float) -> str:
    """A number as "10k"."""
    for least, prefix in _PREFIXES:
        if abs(value) >= least:
            return f"{value / least:g}{prefix}"
    return f"{value:g}"


def _powers(until: float) -> list[Tick]:
    """1, 10, 100 and so on; with 2 and 5 between them where there are few."""
    steps = (1, 2, 5) if until < 200 else (1,)
    found = [step * 10**n for n in range(12) for step in steps]
    return [(float(value), f"{value:,}") for value in found if value <= until]


def _rows(count: int) -> Series:
    """The middle of each row, the first at the top."""
    return np.arange(count, dtype=np.float64) + np.float64(0.5)


def _run_axis(labels: Sequence[str]) -> Axis:
    places = _rows(len(labels)).tolist()
    return Axis(Range(float(len(labels)), 0.0), list(zip(places, labels, strict=True)))
