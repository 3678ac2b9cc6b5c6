"""The report of a sweep: its runs in a table, the hit rate over the pool's size, and the size to take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zcbench.quantities.names import POOL_MISSES
from zcbench.quantities.units import MISSING, format_count, format_duration, percent
from zcbench.record.schema import FIGURES_FOLDER, RunInfo
from zcbench.render.content.verdict import VERDICTS, headline
from zcbench.render.figures import theme
from zcbench.render.figures.figure import Axis, Figure, Key, Panel
from zcbench.render.figures.layers import Curve
from zcbench.render.figures.scales import Range, labelled, round_ticks
from zcbench.render.markdown import cell
from zcbench.sweep.advice import Advice, Ran
from zcbench.sweep.sizing import Point, point

HEIGHT = 280
_COLOURS = (theme.BLUE, theme.ORANGE, theme.GREEN, theme.PURPLE, theme.GREY)


def render(
    title: str,
    runs: Sequence[Ran],
    advice: Sequence[Advice],
    figures: Sequence[str],
    at_once: int = 1,
) -> str:
    """The Markdown; ``figures`` are the names of those beside it. Up to ``at_once`` runs shared a machine."""
    lines = [f"# Sweep: {cell(title)}", "", *_sentences(advice), ""]
    if at_once > 1:
        lines += [
            f"> ⚠️ Up to {at_once} runs were made side by side on one machine, and disturbed each other: "
            "latencies and the highest numbers in flight may be theirs.",
            "",
        ]
    lines += [f"![Hit rate over the pool's size]({FIGURES_FOLDER}/{name}.svg)\n" for name in figures]
    lines += ["## Runs", "", *_table(runs), ""]
    made = list(dict.fromkeys(_made(run.record.run) for run in runs))
    lines += [
        f"{'Each run' if len(made) == 1 else 'Not all runs were made alike'}: {'; or '.join(made)}. "
        "In flight: of its samples after warm-up. The records are in `runs/`.",
        "",
    ]
    return "\n".join(lines)


def _made(run: RunInfo) -> str:
    """How long, of what, on what."""
    on = run.environment
    return (
        f"{format_duration(run.scenario.duration)} of {cell(run.scenario.engine)}, "
        f"{cell(on.system)}, {cell(on.processor)}, {cell(on.python)}, zcbench {cell(on.zcbench)}"
        + (f", commit {cell(on.git_commit[:12])}" if on.git_commit else "")
    )


def hit_rate_figure(runs: Sequence[Ran]) -> Figure | None:
    """Hit rate over slots, a line an application; None if fewer than two sizes were run."""
    lines: dict[str, list[tuple[int, float]]] = {run.application: [] for run in runs}
    for run in runs:
        seen = point(run.record, run.result)
        if seen.slots is not None and seen.hit_rate is not None:
            lines[run.application].append((seen.slots, 100 * seen.hit_rate))
    sizes = sorted({slots for line in lines.values() for slots, _ in line})
    if len(sizes) < 2:
        return None
    colours = {name: _COLOURS[at % len(_COLOURS)] for at, name in enumerate(lines)}
    curves = [
        Curve(x, y, colours[name], 2.0, dots=4.0)
        for name, line in lines.items()
        if line
        for x, y in [np.array(sorted(line), dtype=np.float64).T]
    ]
    rates = Range(0.0, 100.0)
    panel = Panel(
        title="",
        x=Axis(
            Range(sizes[0] * 0.9, sizes[-1] * 1.1, "log"),
            labelled(sizes, format_count),
            "slots in the pool",
            grid=True,
        ),
        y=Axis(rates, round_ticks(rates), "hit rate (%)", grid=True),
        layers=curves,
        height=HEIGHT,
    )
    keys = [Key(name, colour) for name, colour in colours.items()] if any(lines) else []
    return Figure("hit_rate", "Hit rate over the pool's size", [panel], timeline=False, legend=keys)


def _sentences(advice: Sequence[Advice]) -> list[str]:
    lines = []
    for one in advice:
        of = f"For {cell(one.application)}: " if one.application else ""
        lines += [f"{of}{_sentence(one)}", ""]
    return lines[:-1]


def _sentence(one: Advice) -> str:
    if one.sizing is None:
        return "**no recommendation**: no run measured how many leases are in flight."
    target = percent(one.sizing.target)
    counted = f"{format_count(one.sizing.samples)} samples of the leases in flight"
    if one.slots is not None and one.checked is not None:
        reached = point(one.checked.record, one.checked.result).hit_rate or 0.0
        return (
            f"**{format_count(one.slots)} slots** are the fewest tried that meet a hit rate of {target}: "
            f"from {counted}, and checked by run {one.checked.name}, which reached {percent(reached)}."
        )
    tried = " and ".join(format_count(size) for size in one.sizing.candidates)
    if one.checked is None:
        return f"**{tried} slots** should meet a hit rate of {target}, from {counted}; no run checked it."
    return (
        f"**no size shown to be enough**: {tried} slots follow from {counted}, and the runs that "
        f"checked them stayed below {target}."
    )


def _table(runs: Sequence[Ran]) -> list[str]:
    axes = list(dict.fromkeys(key for run in runs for key in run.values))
    heads = [
        *axes,
        "Hit rate",
        "Misses",
        "High water",
        "In flight p50, p99, max",
        "Verdict",
        "Because",
    ]
    lines = [
        "| Run | " + " | ".join(cell(head) for head in heads) + " |",
        "|:--|" + "--:|" * (len(heads) - 2) + ":--|:--|",
    ]
    for run in runs:
        seen = point(run.record, run.result)
        misses = run.result.totals[POOL_MISSES]
        shown = [
            *(cell(run.values.get(axis, MISSING)) for axis in axes),
            MISSING if seen.hit_rate is None else percent(seen.hit_rate),
            MISSING if misses is None else format_count(misses),
            MISSING if seen.high_water is None else format_count(seen.high_water),
            _spread(seen),
            VERDICTS[run.result.verdict],
            cell(headline(run.result)),
        ]
        lines.append(f"| {run.name} | " + " | ".join(shown) + " |")
    return lines


def _spread(seen: Point) -> str:
    if not seen.in_flight.size:
        return MISSING
    p50, p99 = np.quantile(seen.in_flight, [0.5, 0.99], method="higher")
    return ", ".join(format_count(float(v)) for v in (p50, p99, seen.in_flight.max()))
