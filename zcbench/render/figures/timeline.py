"""Panels over the run's time: one axis of time for all, that pans and zooms as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zcbench.quantities.names import ELAPSED_S, ENGINE_START_NS, ENGINE_STOP_NS
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, EventKind
from zcbench.render.figures import theme
from zcbench.render.figures.decimation import thin
from zcbench.render.figures.figure import Axis, EdgeName, Panel
from zcbench.render.figures.layers import Align, Layer, Moments, Stretch
from zcbench.render.figures.scales import Range
from zcbench.render.figures.times import time_ticks

Series = NDArray[np.float64]

SHORTEST_S = 10.0  # shown: of less, the axis has no round times
LEAST_INTERVAL = 0.25  # of the usual one: a packet more or less in 5 ms is no rate
TICK_PX = 7  # the height of a stroke along the bottom

_DISTURBING = (EventKind.SUSPEND, EventKind.INTERRUPT)


@dataclass(frozen=True)
class Strip:
    """One plotting area over the run's time, but for that axis. ``height`` in px."""

    title: str
    layers: Sequence[Layer]
    y: Axis
    names: Sequence[EdgeName] = ()
    subtitle: str = ""
    height: int = 120


def stack(record: Record, strips: Sequence[Strip]) -> list[Panel]:
    """``strips`` above one another over the whole run, the axis of time below the last.

    In each of them the warm-up is shaded, and where the run was disturbed or cut off there is a line.
    """
    axis_s = shown_s(record)
    title = f"time into the run ({'h:min:s' if axis_s >= 3600 else 'min:s'})"
    below = Axis(Range(0.0, axis_s), time_ticks(axis_s), title)
    others = replace(below, title="", shown=False)
    seconds = min(record.run.scenario.warmup, end_of(record))
    behind = [Stretch(0.0, seconds, "warm-up")] if seconds > 0 else []
    ahead = _disturbances(record)
    return [
        Panel(
            title=strip.title,
            subtitle=strip.subtitle,
            x=below if strip is strips[-1] else others,
            y=strip.y,
            layers=[*behind, *strip.layers, *ahead],
            names=strip.names,
            height=strip.height,
        )
        for strip in strips
    ]


def end_of(record: Record) -> float:
    """When the run was over, s."""
    elapsed = record.samples[ELAPSED_S]
    return float(elapsed[-1]) if elapsed.size else 0.0


def shown_s(record: Record) -> float:
    """How long the axis of time is, s."""
    return max(end_of(record), SHORTEST_S)


def _disturbances(record: Record) -> list[Moments]:
    """A named line at each of the events that explain what a figure shows, and at an end before time."""
    found = [(event.elapsed_s, event.kind) for event in record.events if event.kind in _DISTURBING]
    if record.end.ending not in (Ending.FINISHED, Ending.UNKNOWN) and record.end.elapsed_s is not None:
        found.append((record.end.elapsed_s, record.end.ending.value))
    half_s = shown_s(record) / 2
    early = [row for row in found if row[0] <= half_s]
    late = [row for row in found if row[0] > half_s]
    # Each name on the side where there is room.
    return _named_lines(early, "start") + _named_lines(late, "end")


def _named_lines(moments: Sequence[tuple[float, str]], align: Align) -> list[Moments]:
    if not moments:
        return []
    times, names = zip(*moments, strict=True)
    return [Moments(np.array(times), theme.RED, names=names, align=align)]


def ticks(record: Record, times_s: Series) -> list[Moments]:
    """Short strokes along the bottom at ``times_s``, thinned where they would lie on one another."""
    if not times_s.size:
        return []
    kept = thin(times_s, end_of(record))
    return [Moments(kept, theme.FAINT_INK, width=1.0, length=TICK_PX)]


def rates(record: Record, columns: Iterable[str]) -> Series:
    """The increase per second of the sum of ``columns`` (totals) between samples; NaN where not known.

    Of an interval counts only what lies between the stream's beginning, when nothing was counted yet, and its
    end. What is left of the first and the last may be too short for a rate.
    """
    total = np.sum([record.samples[column] for column in columns], axis=0)
    began_s, ended_s = _stream_s(record)
    streamed = np.minimum(record.samples[ELAPSED_S], ended_s)
    seconds = np.diff(streamed, prepend=began_s)
    usual = np.median(seconds[np.isfinite(seconds)]) if np.isfinite(seconds).any() else np.nan
    known = np.isfinite(seconds) & (seconds >= LEAST_INTERVAL * usual)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.diff(total, prepend=0.0) / seconds
    return np.where(known & np.isfinite(rate), rate, np.nan)


def _stream_s(record: Record) -> tuple[float, float]:
    """When the stream began and ended, s into the run; NaN and infinity where that is not known."""
    found = [record.samples[name] for name in (ENGINE_START_NS, ENGINE_STOP_NS)]
    began, ended = (column[column > 0] for column in found)
    start_ns = record.run.started_ns
    return (
        (float(began[0]) - start_ns) / 1e9 if began.size else np.nan,
        (float(ended[-1]) - start_ns) / 1e9 if ended.size else np.inf,
    )


def rose(record: Record, column: str) -> NDArray[np.bool_]:
    """At which samples the total ``column`` stood higher than at the one before (at the first: above 0)."""
    return np.asarray(np.diff(np.nan_to_num(record.samples[column]), prepend=0.0) > 0)
