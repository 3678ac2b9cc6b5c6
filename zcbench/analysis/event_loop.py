"""An event loop (Node's, asyncio's) that stands still: how long, how often, which period, whose fault."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.stream import streaming
from zcbench.analysis.timing import (
    ALIKE,
    CROWDED_RATIO,
    FEWEST_PERIODIC,
    GC_SHARE,
    LEAST_PERIOD_SAMPLES,
    MOST_CROWDED,
    REGULAR,
    REGULAR_SHARE,
    STALL_S,
    Pattern,
    is_suspended,
    pattern_of,
)
from zcbench.quantities.names import (
    ELAPSED_S,
    EVENT_LOOP_ACTIVE_NS,
    EVENT_LOOP_DELAY_MAX_NS,
    EVENT_LOOP_IDLE_NS,
    GC_FORCED_PAUSE_NS,
    RUN_QUEUE_NS,
    RUNTIME_PAUSE_NS,
    SAMPLE_LATE_S,
    V8_HEAP_TOTAL_BYTES,
)
from zcbench.record.reader import Record

Times = NDArray[np.float64]

# What a process waited for a core explains a delay that it makes up a third of: a loop that does what it does
# in 60 ms, and waits 40 ms for a core, is no loop that is blocked for 100 ms.
MACHINE_SHARE = 1 / 3
# A delay that has grown by half of the time since the last sample is the same one, still going on.
STANDING_SHARE = 0.5
# The least time for which a probe takes a page that rests for a loop that is blocked (LATE in its loops.py).
RESTING_S = 0.3
_NODE_AGENT = "probe.v8.inside_ns"
MOST_MISSED = 2  # beats in a row
LATE_SAMPLES = 1.5  # by how many a delay may be told late: half a sample until it is published, one until read
SAMPLES_LATE = 2.0  # by so many samples: it did not turn between the last two


@dataclass(frozen=True)
class Blocks:
    """Samples in which the loop turned more than ``floor_s`` late: at which times (s into the run, to a sample)
    and by how much. ``by_gc`` counts those that the runtime's own collections explain. Delays that the machine
    explains (the process waited for a core) are left out, and counted in ``machine``; those of collections that
    the harness forced in ``harness``. ``standing_s`` is how long it had stood still when the stream ended."""

    samples: int
    floor_s: float
    median_s: float
    longest_s: float
    at_s: tuple[float, ...]
    late_s: tuple[float, ...]
    pattern: Pattern
    period_s: float | None
    by_gc: int
    machine: int
    harness: int
    standing_s: float


def blocks(record: Record) -> Blocks | None:
    """When the event loop was blocked; None where nobody measured it."""
    delays = _column(record, EVENT_LOOP_DELAY_MAX_NS) / 1e9
    use = streaming(record) & np.isfinite(delays)
    if not use.any():
        return None
    elapsed, longest = record.samples[ELAPSED_S][use], delays[use]
    calm = float(np.percentile(longest, 25))
    floor_s = min(max(STALL_S, CROWDED_RATIO * calm), MOST_CROWDED * STALL_S)
    slow = longest > floor_s
    forced = slow & _of_the_harness(record, longest, use)
    outside = slow & ~forced & _of_the_machine(record, longest, use)
    over = slow & ~forced & ~_goes_on(elapsed, longest)
    step = float(np.median(np.diff(elapsed))) if elapsed.size > 1 else 0.0
    samples = int(use.sum())
    # A machine that is busy makes nothing regular: what comes by the clock is the program's.
    beat = _beat(elapsed, longest, over, step)
    own = over & ~outside if beat is None else beat[1]
    at, height = elapsed[own], longest[own]
    pattern, period = pattern_of(at, height, np.zeros(at.shape, bool), samples, step)
    if beat is not None:
        pattern, period = "periodic", beat[0]
    machine = int((outside & ~own).sum())
    return Blocks(
        samples=samples,
        floor_s=floor_s,
        median_s=float(np.median(longest)),
        longest_s=float(longest.max()),
        at_s=tuple(at.tolist()),
        late_s=tuple(height.tolist()),
        pattern=pattern,
        period_s=period,
        by_gc=int((_spent_s(record, RUNTIME_PAUSE_NS)[use][own] >= GC_SHARE * height).sum()),
        machine=machine,
        harness=int(forced.sum()),
        standing_s=_standing_s(record),
    )


def _beat(
    elapsed: Times, longest: Times, over: NDArray[np.bool_], step_s: float
) -> tuple[float, NDArray[np.bool_]] | None:
    """The period of the tall ones among the samples ``over``, and which those are; None if they have none. A
    beat or two may be missing: hidden by a collection of the harness, or by a sample that came late."""
    tall = over & (longest >= np.percentile(longest[over], 75) / ALIKE) if over.any() else over
    gaps = np.diff(elapsed[tall])
    if gaps.size + 1 < FEWEST_PERIODIC:
        return None
    period = float(np.median(gaps))
    beats = np.maximum(1, np.round(gaps / period))
    near = np.abs(gaps - beats * period) <= max(REGULAR * period, LATE_SAMPLES * step_s)
    near &= beats <= MOST_MISSED + 1
    single = near & (beats == 1)
    regular = near.mean() >= REGULAR_SHARE and single.sum() >= max(FEWEST_PERIODIC - 1, gaps.size / 2)
    return (period, tall) if period >= LEAST_PERIOD_SAMPLES * step_s and regular else None


def _goes_on(elapsed: Times, longest: Times) -> NDArray[np.bool_]:
    """Samples of a delay that is not over: the next tells of it again, and of more."""
    more = np.diff(longest) >= STANDING_SHARE * np.diff(elapsed)
    return np.append(more & (longest[:-1] > STALL_S), False)


def stood_still(record: Record) -> NDArray[np.bool_]:
    """The samples since whose predecessor the loop of a living process did not turn, shape (samples,)."""
    turned = _column(record, EVENT_LOOP_ACTIVE_NS) + _column(record, EVENT_LOOP_IDLE_NS)
    lives = np.isfinite(_column(record, V8_HEAP_TOTAL_BYTES))
    still = (np.diff(turned, prepend=np.nan) <= 0) & lives
    # Of a loop that is blocked at a sample its probe says for how long it has been.
    apart = np.diff(record.samples[ELAPSED_S], prepend=np.nan)
    return np.asarray(still | (_column(record, EVENT_LOOP_DELAY_MAX_NS) / 1e9 >= SAMPLES_LATE * apart))


def _standing_s(record: Record) -> float:
    rows = streaming(record)
    still, times = stood_still(record)[rows], record.samples[ELAPSED_S][rows]
    if not still.size or not still[-1]:
        return 0.0
    turned = np.flatnonzero(~still)
    return float(times[-1] - (times[turned[-1]] if turned.size else times[0]))


def _of_the_machine(record: Record, longest: Times, use: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the delays are the machine's: it was suspended, it let the process wait, or us."""
    waited = _spent_s(record, RUN_QUEUE_NS)[use] >= MACHINE_SHARE * longest
    us_too = np.nan_to_num(record.samples[SAMPLE_LATE_S][use]) >= STALL_S / 2
    return np.asarray(waited | us_too | is_suspended(record, record.samples[ELAPSED_S][use]))


def _of_the_harness(record: Record, longest: Times, use: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the delays are collections that the harness forced. Node's agent leaves those out of what it
    measures; only its page, which rests meanwhile, may be taken for a loop that does: not before RESTING_S."""
    forced = _spent_s(record, GC_FORCED_PAUSE_NS)[use] >= GC_SHARE * longest
    by_agent = np.isfinite(_column(record, _NODE_AGENT)).any()
    return np.asarray(forced & (longest >= RESTING_S) if by_agent else forced)


def _spent_s(record: Record, total: str) -> Times:
    """By what the total ``total`` (ns) rose since the sample before the last one, at each sample, s: what took
    the time may end just before a sample that the delay is told of after."""
    values = _column(record, total)
    each = np.nan_to_num(np.diff(values, prepend=values[:1] if values.size else 0.0)) / 1e9
    return np.asarray(np.maximum(each, np.concatenate([[0.0], each[:-1]])))


def _column(record: Record, name: str) -> Times:
    try:
        return record.samples[name]
    except KeyError:  # a quantity that only some subjects have
        return np.full(record.rows, np.nan)
