"""The report of a benchmark: how the peers compare, everything that was counted, and one figure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from zcbench.bench.cell import Measured
from zcbench.bench.peers import MEMCPY, QUEUE
from zcbench.bench.ratios import Ratio, ratio, times_ns
from zcbench.bench.results import Cell, Results, Setting
from zcbench.quantities.parsing import Size
from zcbench.quantities.units import MISSING, format_bytes, format_duration, format_rate
from zcbench.record.schema import FIGURES_FOLDER, Environment
from zcbench.render.figures import theme
from zcbench.render.figures.figure import Axis, Figure, Key, Panel
from zcbench.render.figures.layers import Curve
from zcbench.render.figures.scales import Range, decades, labelled
from zcbench.render.figures.times import length_label
from zcbench.render.markdown import cell


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """``bench.json``."""

    environment: Environment
    results: Results


def to_json(results: Results, environment: Environment) -> str:
    """Everything, for machines."""
    report = Report(environment=environment, results=results)
    return msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n"


def render(results: Results, environment: Environment, figures: Sequence[str] = ()) -> str:
    """The Markdown; ``figures`` are the names of those that lie beside it."""
    lines = ["# zcbench against its peers", "", _about(results, environment), ""]
    lines += [f"![Time for a packet, by its size]({FIGURES_FOLDER}/{name}.svg)\n" for name in figures]
    for base, title in ((QUEUE, "copy-and-frombuffer"), (MEMCPY, "the bare memcpy")):
        if any(one.name == base and not one.missing for one in results.peers):
            lines += [f"## Time for a packet, as a multiple of {title}'s", ""]
            lines += [*_ratios(results, base), ""]
    lines += ["## Every figure", "", _LEGEND, ""]
    for setting in results.settings:
        lines += [f"### {setting_title(setting)}", "", *_figures(results, setting), ""]
    lines += ["## Peers", "", *_peers(results), ""]
    return "\n".join(lines)


_LEGEND = (
    "Medians over the rounds. *App CPU*: CPU time of the application's threads; *all CPU*: with the producer, "
    "in whatever process. *Moved*: bytes written for a packet, by design. *Objects*, *mallocs*: taken from "
    "Python's and from the system's allocator for a packet, whether or not given back at once, counted by "
    "memray in the application's process; *kept*: blocks of Python's allocator still in use for each packet "
    "at the end. *Peak*: the process's resident memory, interpreter and all."
)


def setting_title(setting: Setting) -> str:
    """For a person."""
    return f"{Size(setting.size)}, {_application(setting)}"


def _application(setting: Setting) -> str:
    held = "nothing held" if not setting.hold else f"{setting.hold:,} held"
    return f"{held}, {setting.threads} thread{'s' if setting.threads > 1 else ''}"


def _about(results: Results, where: Environment) -> str:
    dirty = " (with changes)" if where.git_dirty else ""
    commit = f", commit {cell(where.git_commit[:12])}{dirty}" if where.git_commit else ""
    return (
        f"{results.rounds} rounds in shuffled order (seed {results.seed}); {cell(where.processor)}, "
        f"{where.cores} cores, {cell(where.system)}, {cell(where.python)}, "
        f"zcbench {cell(where.zcbench)}{commit}. Ratios are medians over the rounds of the ratio within "
        "a round, with 95 % bootstrap intervals."
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    written = [f"| {' | '.join(row)} |" for row in (titles, *rows)]
    return [written[0], "|:--|" + "--:|" * (len(titles) - 1), *written[1:]]


def _ratios(results: Results, base: str) -> list[str]:
    """A row for each peer and application, a column for each size."""
    sizes = list(dict.fromkeys(setting.size for setting in results.settings))
    applications = list(dict.fromkeys(map(_application, results.settings)))
    lines: list[str] = []
    for application in applications:
        rows = [
            [cell(peer.title), *_ratio_cells(results, peer.name, base, application, sizes)]
            for peer in results.peers
            if peer.missing is None
        ]
        title = application[0].upper() + application[1:]
        lines += [*_table([title, *(str(Size(size)) for size in sizes)], rows), ""]
    return lines[:-1]


def _ratio_cells(results: Results, peer: str, base: str, application: str, sizes: Sequence[int]) -> list[str]:
    by_size = {s.size: s for s in results.settings if _application(s) == application}
    return [_ratio_cell(results, peer, base, by_size.get(size)) for size in sizes]


def _ratio_cell(results: Results, peer: str, base: str, setting: Setting | None) -> str:
    found = setting and results.find(peer, setting)
    if not found or setting is None:
        return MISSING
    return "failed" if found.failed else _said(ratio(found, results.find(base, setting)))


def _said(found: Ratio | None) -> str:
    if found is None:
        return MISSING
    if found.low is None or found.high is None:
        return f"{found.median:.3g}"
    return f"{found.median:.3g} ({found.low:.3g} to {found.high:.3g})"


def _figures(results: Results, setting: Setting) -> list[str]:
    titles = (
        "",
        "A packet",
        "Rate",
        "App CPU",
        "All CPU",
        "Moved",
        "Objects",
        "Mallocs",
        "Kept",
        "Peak",
    )
    rows = []
    for peer in results.peers:
        found = results.find(peer.name, setting)
        if found is not None:
            rows.append([cell(peer.title), *_row(found)])
    return _table(titles, rows)


def _row(found: Cell) -> list[str]:
    taken = [one for one in found.rounds if one is not None]
    if found.failed or not taken:
        return [cell(found.failed or MISSING), *[MISSING] * 8]

    def middle(of: Callable[[Measured], float]) -> float:
        return statistics.median(map(of, taken))

    wall = statistics.median(times_ns(found))
    peaks = [one.peak_bytes for one in taken if one.peak_bytes is not None]
    counted = found.allocated
    return [
        format_duration(wall / 1e9),
        format_rate(round(1e9 / wall)),
        format_duration(middle(lambda one: one.application_ns) / 1e9),
        format_duration(middle(lambda one: one.cpu_ns) / 1e9),
        format_bytes(found.moved_bytes),
        MISSING if counted is None else f"{counted.objects:.2f}",
        MISSING if counted is None else f"{counted.calls:.2f}",
        f"{abs(round(middle(lambda one: one.kept_blocks), 2)):.2f}",
        format_bytes(statistics.median(peaks)) if peaks else MISSING,
    ]


def _peers(results: Results) -> list[str]:
    rows = [
        [
            f"`{peer.name}`",
            cell(peer.title),
            cell(peer.moved),
            cell(peer.missing and f"not measured: {peer.missing}")
            if peer.missing
            else cell(", ".join(f"{name} {v}" for name, v in peer.versions.items()) or MISSING),
        ]
        for peer in results.peers
    ]
    return _table(["Name", "What", "Bytes are written", "Version"], rows)


# -- the figure

_PANEL = (300, 220)  # width, height in px
_COLOURS = {
    "limit": (theme.GREY,),
    "zcbench": (theme.BLUE,),
    "peer": (theme.ORANGE, theme.GREEN, theme.PURPLE),
}
_DASHES = ((), (6, 3), (2, 3), (8, 3, 2, 3))
_MARGIN = 1.25  # of the times' range, as a ratio
_DOT_PX = 2.6


def figure(results: Results) -> Figure:
    """Time for a packet over its size, a line a peer, a panel for each way the application reads."""
    looks = _looks(results)
    times = [statistics.median(times_ns(cell)) / 1e9 for cell in _measured(results)] or [1.0]
    across = Range(min(times) / _MARGIN, max(times) * _MARGIN, "log")
    applications = dict.fromkeys(map(_application, results.settings))
    return Figure(
        "bench",
        "Time for a packet, by its size",
        [_panel(results, application, across, looks) for application in applications],
        timeline=False,
        columns=2,
        legend=list(looks.values()),
    )


def _panel(results: Results, application: str, across: Range, looks: Mapping[str, Key]) -> Panel:
    sizes = sorted({setting.size for setting in results.settings})
    curves = []
    for peer, key in looks.items():
        points = sorted(
            (cell.setting.size, statistics.median(times_ns(cell)) / 1e9)
            for cell in _measured(results)
            if cell.peer == peer and _application(cell.setting) == application
        )
        if points:
            x, y = np.array(points, dtype=np.float64).T
            curves.append(Curve(x, y, key.colour, 1.8, key.dash, dots=_DOT_PX, name=peer, unit="s"))
    width, height = _PANEL
    return Panel(
        title=application,
        x=Axis(
            Range(sizes[0] / _MARGIN, sizes[-1] * _MARGIN, "log"),
            labelled(sizes, lambda size: str(Size(size))),
            "a packet's size",
            grid=True,
        ),
        y=Axis(across, labelled(decades(across), length_label), grid=True),
        layers=curves,
        width=width,
        height=height,
    )


def _measured(results: Results) -> Iterator[Cell]:
    return (cell for cell in results.cells if times_ns(cell) and not cell.failed)


def _looks(results: Results) -> dict[str, Key]:
    """The colour and the dash of each peer that was measured: one colour for all limits, one for zcbench."""
    kinds = {peer.name: peer.kind for peer in results.peers}
    measured = {cell.peer for cell in _measured(results)}
    taken = dict.fromkeys(_COLOURS, 0)
    looks = {}
    for name in (name for name in kinds if name in measured):
        among, number = _COLOURS[kinds[name]], taken[kinds[name]]
        taken[kinds[name]] += 1
        dash = _DASHES[number // len(among) % len(_DASHES)]
        looks[name] = Key(name, among[number % len(among)], dash)
    return looks
