"""CPU over the run: the subject's, and what watching it costs."""

from __future__ import annotations

import numpy as np

from zcbench.analysis.cost import LEAST_BLOCK_S
from zcbench.quantities.names import CPU_SYSTEM_S, CPU_USER_S, ELAPSED_S, PROBE_COST_NS, SUPERVISOR_CPU_S
from zcbench.quantities.units import format_duration
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.figures import theme
from zcbench.render.figures.figure import Figure
from zcbench.render.figures.lines import Line, draw_lines, names_of, y_axis
from zcbench.render.figures.scales import range_of
from zcbench.render.figures.timeline import Strip, end_of, stack
from zcbench.render.placing import TITLES

HEIGHT = 110
LONGEST_S = 10.0


def draw(record: Record, _result: Result) -> Figure | None:
    """CPU of the subject, and of supervisor and probes; None if neither was measured."""
    panels = [panel for panel in (_subject(record), _harness(record)) if panel is not None]
    if not panels:
        return None
    return Figure(
        "cost",
        TITLES["cost"],
        stack(record, panels),
    )


def _subject(record: Record) -> Strip | None:
    lines = [_line(record, "subject", [CPU_USER_S, CPU_SYSTEM_S], theme.BLUE)]
    whose = "engine, consumer, probes" if record.can("worker") else "all its processes"
    return _panel(record, "CPU of the subject", whose, lines)


def _harness(record: Record) -> Strip | None:
    lines = [
        _line(record, "supervisor", [SUPERVISOR_CPU_S], theme.ORANGE),
        _line(record, "probes", [PROBE_COST_NS], theme.GREEN, scale=1e-9),
    ]
    whose = "supervisor, and probes in the subject" if record.can("worker") else "supervisor, with its probes"
    return _panel(record, "CPU of the harness", whose, lines)


def _panel(record: Record, title: str, whose: str, lines: list[Line]) -> Strip | None:
    lines = [line for line in lines if line.is_measured]
    if not lines:
        return None
    across = range_of(*(line.values for line in lines), least=1, zero=True)
    names = names_of(lines, across, HEIGHT) if len(lines) > 1 else []
    return Strip(
        title,
        draw_lines(lines, "% of a core"),
        y_axis(across, "% of a core"),
        names,
        f"{whose}; mean of {format_duration(_stretch_s(record))} each",
        HEIGHT,
    )


def _line(record: Record, name: str, columns: list[str], colour: str, *, scale: float = 1.0) -> Line:
    """CPU time spent per second, of stretches long enough for the clock that counts it."""
    elapsed = record.samples[ELAPSED_S]
    spent = np.sum([record.samples[column] for column in columns], axis=0) * scale
    known = np.flatnonzero(np.isfinite(spent))
    if not known.size:
        return Line(name, elapsed, spent, colour)
    at = [int(known[0])]
    for row in known:  # a sample comes some ms early or late: nearly a stretch is one
        if elapsed[row] - elapsed[at[-1]] >= 0.95 * _stretch_s(record):
            at.append(int(row))
    used = 100 * np.diff(spent[at]) / np.diff(elapsed[at])
    return Line(name, elapsed[at[1:]], used, colour)


def _stretch_s(record: Record) -> float:
    """A twentieth of the run, within what the clock's ticks ask for and what still shows a burst."""
    return min(LONGEST_S, max(LEAST_BLOCK_S, round(end_of(record) / 20)))
