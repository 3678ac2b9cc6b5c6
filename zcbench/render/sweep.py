"""The report of a sweep: its runs in a table, the hit rate over the pool's size, and the size to take."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

import numpy as np

from zcbench.analysis.cost import mean_cores
from zcbench.analysis.totals import highest, last
from zcbench.quantities.names import MALLOC_LIVE_BYTES, POOL_MISSES, RSS_BYTES
from zcbench.quantities.units import BYTES, MISSING, SHARE, format_count, format_duration, percent
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
_MALLOC = MALLOC_LIVE_BYTES  # of what a command was started with
_IN_FLIGHT = "In flight: of its samples after warm-up. "
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
        f"{_IN_FLIGHT if any(run.record.can('pool') for run in runs) else ''}The records are in `runs/`.",
        "",
    ]
    return "\n".join(lines)


def _made(run: RunInfo) -> str:
    """How long, of what, on what."""
    on, subject = run.environment, run.scenario.subject
    # As it was written: its placeholders differ from run to run.
    what = shlex.join(subject.command) or subject.call or run.scenario.engine
    return (
        f"{format_duration(run.scenario.duration)} of {cell(what)}, "
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
    figures: list[_Figures] = []
    figures += [_POOL] if any(run.record.can("pool") for run in runs) else []
    figures += [] if all(run.record.can("worker") for run in runs) else [_PROCESSES]
    heads = [*axes, *(head for heads, _ in figures for head in heads), "Verdict", "Because"]
    lines = [
        "| Run | " + " | ".join(cell(head) for head in heads) + " |",
        "|:--|" + "--:|" * (len(heads) - 2) + ":--|:--|",
    ]
    for run in runs:
        shown = [
            *(cell(run.values.get(axis, MISSING)) for axis in axes),
            *(text for _, texts in figures for text in texts(run)),
            VERDICTS[run.result.verdict],
            cell(headline(run.result)),
        ]
        lines.append(f"| {run.name} | " + " | ".join(shown) + " |")
    return lines


def _pool(run: Ran) -> list[str]:
    seen = point(run.record, run.result)
    misses = run.result.totals[POOL_MISSES]
    return [
        MISSING if seen.hit_rate is None else percent(seen.hit_rate),
        MISSING if misses is None else format_count(misses),
        MISSING if seen.high_water is None else format_count(seen.high_water),
        _spread(seen),
    ]


def _processes(run: Ran) -> list[str]:
    return [
        BYTES.show(highest(run.record, RSS_BYTES)),
        BYTES.show(last(run.record, _MALLOC) if _MALLOC in run.record.samples else None),
        SHARE.show(mean_cores(run.record)),
    ]


_Figures = tuple[tuple[str, ...], Callable[[Ran], list[str]]]  # their heads, and how a run has them
_POOL: _Figures = (("Hit rate", "Misses", "High water", "In flight p50, p99, max"), _pool)
_PROCESSES: _Figures = (("RSS at most", "In malloc at last", "CPU, of one core"), _processes)


def _spread(seen: Point) -> str:
    if not seen.in_flight.size:
        return MISSING
    p50, p99 = np.quantile(seen.in_flight, [0.5, 0.99], method="higher")
    return ", ".join(format_count(float(v)) for v in (p50, p99, seen.in_flight.max()))
