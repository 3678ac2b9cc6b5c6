"""Axes of time: the time into a run, and lengths of time in decades."""

from __future__ import annotations

from zcbench.render.figures.scales import Tick

# Between two ticks of the axis of time, s. ``page.js`` has the same for a part of the run.
STEPS_S = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    86400,
)
MOST_TICKS = 10


def length_label(seconds: float) -> str:
    """As units.format_duration writes them: "100 µs", "1 ms", "10 s"."""
    for below, factor, unit in (
        (0.9999e-6, 1e9, "ns"),
        (0.9999e-3, 1e6, "µs"),
        (0.9999, 1e3, "ms"),
    ):
        if seconds < below:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.3g} s"


def time_ticks(until_s: float) -> tuple[Tick, ...]:
    """Round times from 0 to ``until_s``, at most MOST_TICKS + 1 of them, or one for each of some days."""
    steps = [step for step in STEPS_S if until_s / step <= MOST_TICKS]
    step = steps[0] if steps else STEPS_S[-1] * -(-until_s // (STEPS_S[-1] * MOST_TICKS))
    hours = until_s >= 3600
    return tuple((n * step, _clock(round(n * step), hours=hours)) for n in range(int(until_s // step) + 1))


def _clock(seconds: int, *, hours: bool) -> str:
    minutes, seconds = divmod(seconds, 60)
    if not hours:
        return f"{minutes}:{seconds:02}"
    text = f"{minutes // 60}:{minutes % 60:02}"
    return f"{text}:{seconds:02}" if seconds else text
