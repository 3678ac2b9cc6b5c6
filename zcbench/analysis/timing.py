"""When packets came late: stalls, their period, collector pauses, and latencies that creep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.rate import nominal_per_s
from zcbench.analysis.statistics import kendall_tau
from zcbench.analysis.stream import streaming
from zcbench.analysis.totals import Totals
from zcbench.analysis.trend.views import FEWEST_BLOCKS, MOST_BLOCKS
from zcbench.quantities.names import (
    DELIVERY_MAX_NS,
    DELIVERY_P50_NS,
    ELAPSED_S,
    GC_COLLECTIONS,
    GC_FORCED_COLLECTIONS,
    GC_FORCED_PAUSE_NS,
    GC_PAUSE_NS,
    SAMPLE_LATE_S,
)
from zcbench.record.reader import Record
from zcbench.record.schema import EventKind
from zcbench.scenario.tables import WARM_UP_SHARE

# -- stalls
# Ten packets of the default stream, and what PulseAudio or WASAPI shared mode buffer. A scheduler's
# hiccup on a busy shared machine is 20 to 100 ms; an hour on two busy cores had two above 100 ms.
STALL_S = 0.1
PERIODS_LATE = 2  # with long packets: a packet and the next one late
# Where the calmer quarter of the samples already waits, the machine is crowded: three times that, but never
# so much that stalls of twice STALL_S in every sample could hide each other.
CROWDED_RATIO, MOST_CROWDED = 3.0, 1.5
# Times the run's own median latency: an overloaded run is slow all the time, it does not stall.
STALL_RATIO = 8.0
OUTAGE_S = 5.0  # half of the default limits.hang: no scheduler leaves a thread out for so long
# -- periodic
# Four alike at three equal intervals: three random intervals agree within a tenth about once in a
# hundred times, four random heights within a factor of 1.5 less than half of the time.
FEWEST_PERIODIC = 4
REGULAR = 0.1  # an interval may be so far from the median one, or one sample, whichever is more
REGULAR_SHARE = 0.8  # of the intervals: a hiccup between two beats does not hide the beat
ALIKE = 1.5  # the upper quartile of the heights over the lower one
LEAST_PERIOD_SAMPLES = 5.0  # a shorter period is within the samples' own grid: any two would agree
# -- frequent
FEWEST_FREQUENT = 5
FREQUENT_SHARE = 0.1  # of the samples; healthy hours had 0.3 %, a minute on a loaded machine up to 5 %
# -- collector
GC_SHARE = 0.5  # of a stall's length: then the collector is what took the time
# -- creep
SAMPLES_A_BLOCK = 2  # its low mark needs a second sample, so that one hiccup is not a level
CREEP_RATIO = 2.0
CREEP_S = 1e-3  # the wake-up of a sleeping thread on a loaded Linux core is up to some hundred µs
# Kendall's tau over 12 marks: 0.7 by chance is below 1 in 1,000. A step of the machine's load half way
# (6 against 6, else random) gives 36 / 66 = 0.55.
CREEP_TAU = 0.7

Pattern = Literal["none", "sporadic", "frequent", "periodic", "outage"]


@dataclass(frozen=True)
class Stalls:
    """Samples in which a packet came more than ``floor_s`` late: at which times (s into the run, to a
    sample) and by how much. ``period_s`` is set for a periodic pattern; ``by_gc`` counts those in which
    one collection took most of the time, ``machine`` those in which the supervisor was late as well. Those
    that a collection forced by the harness explains are left out, and counted in ``harness``."""

    samples: int
    floor_s: float
    at_s: tuple[float, ...]
    late_s: tuple[float, ...]
    pattern: Pattern
    period_s: float | None
    by_gc: int
    machine: int
    harness: int


def stalls(record: Record, found: Totals) -> Stalls | None:
    """The stalls of a run; None without a reading of the delivery latency."""
    rows = record.samples
    use = streaming(record, drain=True) & np.isfinite(rows[DELIVERY_MAX_NS])
    if not use.any():
        return None
    elapsed, longest = rows[ELAPSED_S][use], rows[DELIVERY_MAX_NS][use] / 1e9
    floor_s = _floor_s(record, found, use)
    # A packet is late by what it waited beyond the application's own rhythm.
    slow = longest > floor_s
    forced = slow & (_forced_s(record)[use] >= GC_SHARE * longest)
    late = slow & ~forced
    at, height = elapsed[late], longest[late]
    supervisor_late = np.nan_to_num(rows[SAMPLE_LATE_S][use])[late]
    outside = (supervisor_late >= STALL_S / 2) | is_suspended(record, at)
    by_gc = sum(_is_gc(record, float(t), float(h)) for t, h in zip(at, height, strict=True))
    step = float(np.median(np.diff(elapsed))) if elapsed.size > 1 else 0.0
    pattern, period = pattern_of(at, height, outside, int(use.sum()), step)
    return Stalls(
        samples=int(use.sum()),
        floor_s=floor_s,
        at_s=tuple(at.tolist()),
        late_s=tuple(height.tolist()),
        pattern=pattern,
        period_s=period,
        by_gc=by_gc,
        machine=int(outside.sum()),
        harness=int(forced.sum()),
    )


def _floor_s(record: Record, found: Totals, use: NDArray[np.bool_]) -> float:
    rhythm, per_s = record.run.application.rhythm_s, nominal_per_s(record, found)
    period = 1 / per_s if per_s else 0.0
    medians = record.samples[DELIVERY_P50_NS][use]
    known = medians[np.isfinite(medians)]
    # Half of a burst's rhythm is its median: what is left is the machine's and the engine's.
    typical = max(0.0, float(np.median(known)) / 1e9 - rhythm / 2) if known.size else 0.0
    calm = float(np.percentile(record.samples[DELIVERY_MAX_NS][use], 25)) / 1e9 - rhythm
    crowded = min(max(STALL_S, CROWDED_RATIO * calm), MOST_CROWDED * STALL_S)
    return rhythm + max(crowded, PERIODS_LATE * period, STALL_RATIO * typical)


def _forced_s(record: Record) -> NDArray[np.float64]:
    """What the harness's own collections took since the sample before the last one, per sample, s: a pause
    may end just before a sample that the packets it held up come after."""
    each = np.diff(np.nan_to_num(record.samples[GC_FORCED_PAUSE_NS]), prepend=0.0) / 1e9
    return np.asarray(np.maximum(each, np.concatenate([[0.0], each[:-1]])))


def pattern_of(
    at: NDArray[np.float64],
    height: NDArray[np.float64],
    outside: NDArray[np.bool_],
    samples: int,
    step_s: float,
) -> tuple[Pattern, float | None]:
    """The pattern of stalls at times ``at`` (s) of ``height`` (s) among ``samples`` that lie ``step_s`` apart,
    and the period of a periodic one; those ``outside`` are not the subject's. Shapes (stalls,)."""
    if not at.size:
        return "none", None
    period = _period(at, height, step_s)
    if period is not None:
        return "periodic", period
    own = at[~outside]
    if own.size >= FEWEST_FREQUENT and own.size > FREQUENT_SHARE * samples:
        return "frequent", None
    if (height[~outside] >= OUTAGE_S).any():
        return "outage", None
    return "sporadic", None


def _period(at: NDArray[np.float64], height: NDArray[np.float64], step_s: float) -> float | None:
    """The period of stalls that are alike and regular; None if they are not."""
    if at.size < FEWEST_PERIODIC:
        return None
    gaps = np.diff(at)
    period = float(np.median(gaps))
    if period < LEAST_PERIOD_SAMPLES * step_s:
        return None
    near = np.abs(gaps - period) <= max(REGULAR * period, 1.01 * step_s)
    low, high = np.percentile(height, [25, 75])
    return period if near.mean() >= REGULAR_SHARE and high <= ALIKE * low else None


def is_suspended(record: Record, at: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of these samples came right after the machine was suspended."""
    times = [event.elapsed_s for event in record.events if event.kind == EventKind.SUSPEND]
    every = record.run.scenario.sampling.every
    return np.array([any(abs(t - when) <= 2 * every for when in times) for t in at], dtype=bool)


def _is_gc(record: Record, at_s: float, late_s: float) -> bool:
    every = record.run.scenario.sampling.every
    return any(
        event.kind == EventKind.GC
        and at_s - late_s - every <= event.elapsed_s <= at_s
        and float(event.data.get("pause_ns", 0)) / 1e9 >= GC_SHARE * late_s
        for event in record.events
    )


@dataclass(frozen=True)
class Collector:
    """Time in garbage collections the subject made by itself, and their share of the stream's time."""

    pause_s: float
    share: float
    collections: int


def collector(found: Totals, streamed_s: float | None) -> Collector | None:
    """What the collector took, without what the harness forced; None if not measured."""
    pause, forced = found[GC_PAUSE_NS], found[GC_FORCED_PAUSE_NS]
    if pause is None or not streamed_s:
        return None
    own_s = max(0.0, pause - (forced or 0.0)) / 1e9
    made = (found[GC_COLLECTIONS] or 0) - (found[GC_FORCED_COLLECTIONS] or 0)
    return Collector(own_s, own_s / streamed_s, max(0, int(made)))


@dataclass(frozen=True)
class Creep:
    """The low marks (s) of a latency over equal blocks of the run. ``first_s`` and ``last_s`` are the
    medians of the first and the last third; ``rose`` is True for a rise beyond chance and floor."""

    blocks: int
    first_s: float
    last_s: float
    tau: float
    rose: bool


def creep(record: Record, column: str) -> Creep | None:
    """Whether the latency in ``column`` (ns) rises over the run; None if it is too short to say."""
    rows = record.samples
    warm = max(record.run.scenario.warmup, 0.0)
    use = streaming(record) & np.isfinite(rows[column]) & (rows[ELAPSED_S] >= warm)
    values = rows[column][use] / 1e9
    values = values[round(WARM_UP_SHARE * values.size) :]
    blocks = min(MOST_BLOCKS, values.size // SAMPLES_A_BLOCK)
    if blocks < FEWEST_BLOCKS:
        return None
    marks = np.array([part.min() for part in np.array_split(values, blocks)])
    third = blocks // 3
    first, last = marks[:third], marks[-third:]
    tau = kendall_tau(marks)
    if not np.isfinite(tau):  # all marks alike
        tau = 0.0
    # Not the middles only: the lowest of the end above the highest of the start.
    apart = float(last.min() - first.max()) >= CREEP_S
    doubled = float(np.median(last)) >= CREEP_RATIO * float(np.median(first))
    return Creep(
        blocks=blocks,
        first_s=float(np.median(first)),
        last_s=float(np.median(last)),
        tau=tau,
        rose=bool(apart and doubled and tau > CREEP_TAU),
    )
