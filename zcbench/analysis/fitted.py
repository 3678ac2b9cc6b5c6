"""The trend of a memory counter as a line with its interval, for drawing beside the readings it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zcbench.analysis.growth import Growth
from zcbench.analysis.statistics import Student
from zcbench.analysis.trend import Step
from zcbench.quantities.names import ELAPSED_S
from zcbench.record.reader import Record

CONFIDENCE = 0.95  # two-sided


@dataclass(frozen=True)
class FittedLine:
    """``level`` bytes at the middle of ``start_s``..``stop_s``, from there ``slope`` ± ``half_width`` bytes/s;
    from ``step.at_s`` on, the step that the trend set aside is added."""

    start_s: float
    stop_s: float
    level: float
    slope: float
    half_width: float
    step: Step | None = None

    def at(self, time_s: float) -> tuple[float, float, float]:
        """The line and the two ends of its interval at ``time_s``: (bytes, low, high)."""
        away = time_s - (self.start_s + self.stop_s) / 2
        risen = self.step.size if self.step is not None and time_s >= self.step.at_s else 0.0
        line, half = self.level + self.slope * away + risen, abs(self.half_width * away)
        return line, line - half, line + half


def fitted_line(record: Record, growth: Growth) -> FittedLine | None:
    """The line of the window that ``growth``'s answer rests on; None without one, without its column, or with
    as few blocks as tell no interval.

    The trend knows no level (it is made of increments): the line goes through the middle of the readings.
    """
    window, counter = growth.trend.window, growth.counter
    if window is None or counter.column is None or counter.column not in record.samples:
        return None
    times, values = record.samples[ELAPSED_S], record.samples[counter.column]
    inside = (times >= window.start_s) & (times <= window.stop_s) & np.isfinite(values)
    if not inside.any():
        return None
    away = times[inside] - (window.start_s + window.stop_s) / 2
    step = window.step
    risen = 0.0 if step is None else np.where(times[inside] >= step.at_s, step.size, 0.0)
    # As many increments as blocks, less one; a step that was set aside is one less again.
    free = window.blocks - 2 - (step is not None)
    if free < 1:
        return None
    return FittedLine(
        start_s=window.start_s,
        stop_s=window.stop_s,
        level=float(np.median(values[inside] - window.slope * away - risen)),
        slope=window.slope,
        half_width=Student(free).quantile((1 + CONFIDENCE) / 2) * window.standard_error,
        step=step,
    )
