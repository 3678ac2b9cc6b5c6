"""Packets delivered against packets due."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.laws import MOVING_PACKETS, QUEUE_S
from zcbench.analysis.rate import NO_CLOCK_PPM, nominal_per_s, progress_column, rate_fit
from zcbench.analysis.stream import closing, streaming
from zcbench.analysis.totals import Totals, count
from zcbench.quantities.names import (
    CONSUMER_MISSING,
    CONSUMER_RECEIVED,
    CONSUMER_REORDERED,
    ELAPSED_S,
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
    ENGINE_DROPS,
    ENGINE_QUEUED,
    ENGINE_START_NS,
    ENGINE_STOP_NS,
    POOL_REFUSED,
)
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Phase

# A sound card's crystal is within about 100 ppm of the computer's; 48 kHz interfaces commonly quote 50.
DEVICE_CLOCK_PPM = 100
# A device hands over whole host buffers: the first and the last may be cut off. PulseAudio and WASAPI
# shared mode buffer up to about 100 ms; the part of it in packets is added.
DEVICE_BUFFER_S = 0.1
WINDOWS = 12  # as the memory trend's blocks; a window still is minutes of an hour
FEWEST_SAMPLES = 3  # a window's own least shortfall needs a sample that no hiccup touched
# The counters are read a moment after the clock, and the producer may just then be waiting for a core:
# 5 to 35 ms were seen on two busy cores, and a machine that is swapped or stolen takes longer.
READING_S = 0.1


_DELIVERED = (ENGINE_DELIVERED, CONSUMER_RECEIVED, ENGINE_CAPTURED)


@dataclass(frozen=True)
class Delivery:
    """``delivered`` against ``due``, in packets; ``tolerance`` is the difference that means nothing, and
    ``why`` is its derivation. ``counted`` are packets that the subject itself counted as lost: they need no
    rate and have no tolerance. ``counter`` is the metric ``delivered`` was read from."""

    due: int | None
    delivered: int | None
    tolerance: int
    why: str
    streamed_s: float | None
    counted: int = 0
    holes: int = 0
    counter: str = ENGINE_DELIVERED
    owed: str = "due"

    @property
    def missing(self) -> int | None:
        """Due and not delivered (negative: more than due)."""
        return None if self.due is None or self.delivered is None else self.due - self.delivered

    @property
    def lost(self) -> int:
        """Packets that never came: what is missing, what was counted, what the numbers leave out, whichever is
        most; what came twice fills no hole."""
        beyond = max(0, self.missing or 0)
        return max(beyond if beyond > self.tolerance else 0, self.counted, self.holes)

    @property
    def rate_per_s(self) -> float | None:
        """Mean rate over the time the stream ran."""
        return self.delivered / self.streamed_s if self.delivered and self.streamed_s else None


def delivery(record: Record, found: Totals) -> Delivery:
    """What the stream owed and what it gave."""
    counters = _DELIVERED if not record.can("worker") else _DELIVERED[:1]
    counter = next((name for name in counters if found[name] is not None), counters[0])
    due, delivered = _owed(record, found, counter)
    packets, why = _tolerance(record, found, due)
    exact = record.run.due_packets is not None and record.end.ending is Ending.FINISHED
    by_time = record.can("worker") or found["due"] is None
    owed = 0 if exact and record.can("worker") else _by_clock(record, found, due)
    if owed and by_time:
        packets, why = packets + owed, f"{why} + {owed:,} packets of a clock that is off (see rate)"
    filled = count(found, CONSUMER_REORDERED) or 0  # a late packet fills the hole it left
    return Delivery(
        due=due,
        delivered=delivered,
        tolerance=packets,
        why=why,
        streamed_s=streamed_s(record, found),
        counted=_counted(record, found),
        holes=max(0, (count(found, CONSUMER_MISSING) or 0) - filled),
        counter=counter,
        owed="due" if found["due"] is not None or record.run.due_packets is not None else "captured",
    )


def _owed(record: Record, found: Totals, counter: str) -> tuple[int | None, int | None]:
    """Due and delivered."""
    run, finished = record.run, record.end.ending is Ending.FINISHED
    due, delivered = count(found, "due"), count(found, counter)
    if not record.can("worker"):
        if due is not None:
            return due, delivered
        if run.due_packets is None and counter != _DELIVERED[-1]:
            return count(found, ENGINE_CAPTURED), delivered  # what was captured is to be delivered
        return _due_by_rate(record, delivered)
    if finished and run.due_packets is not None:
        due = run.due_packets
    elif count(found, "phase") != Phase.DONE:
        due, delivered = _while_alive(record)
    elif record.end.ending is Ending.PARTIAL:
        due, delivered = _at_stop(record, found)
    if run.scenario.source.kind == "device" and finished and due is not None:
        # A stream that was over before its time owes the rest.
        source = run.scenario.source
        due = max(due, round(run.scenario.duration * source.frames_per_s / source.frames))
    return due, delivered


def _due_by_rate(record: Record, delivered: int | None) -> tuple[int | None, int | None]:
    """Of somebody else's stream with a rate: a counter that stood above the rate at the first row counts from
    before it, and owes from there."""
    due = record.run.due_packets
    rows, elapsed = record.samples[progress_column(record)], record.samples[ELAPSED_S]
    known = np.flatnonzero(np.isfinite(rows))
    per_s = nominal_per_s(record, {}) if due is not None else None
    if due is None or per_s is None or known.size < 2:
        return due, delivered
    before = round(float(rows[known[0]]) - per_s * float(elapsed[known[0]]))
    return due + (before if before > MOVING_PACKETS + math.ceil(per_s * QUEUE_S) else 0), delivered


def _tolerance(record: Record, found: Totals, due: int | None) -> tuple[int, str]:
    """Packets that may be missing for nothing, and why."""
    source = record.run.scenario.source
    per_s = nominal_per_s(record, found) or 0.0
    if not record.can("worker") and not per_s:
        per_s = (due or 0) / (record.end.elapsed_s or math.inf)
    if source.unpaced and count(found, "phase") != Phase.DONE:
        # No pace is nominal: the packets of one reading's time are those that came in it.
        elapsed = record.samples[ELAPSED_S]
        per_s = (due or 0) / (float(elapsed[-1]) if elapsed.size and elapsed[-1] > 0 else math.inf)
    late = math.ceil(READING_S * per_s)
    reading = f"one packet due, one on its way, and {late} of {READING_S * 1e3:.0f} ms"
    if not record.can("worker"):
        if closing(record, "due", ENGINE_DELIVERED) and found["due"] is not None:
            return 0, "the totals are those of its end"
        if found["due"] is not None:
            return MOVING_PACKETS + late, f"a table's last row: {reading}"
        if record.run.due_packets is None:
            return _queued(record, found, late)
        clock = math.ceil((due or 0) * DEVICE_CLOCK_PPM / 1e6)
        return (
            1 + clock,
            f"1 packet + {DEVICE_CLOCK_PPM} ppm of clock, of a stream measured elsewhere",
        )
    if source.kind == "device":
        packets = 1 + math.ceil(DEVICE_BUFFER_S * per_s + (due or 0) * DEVICE_CLOCK_PPM / 1e6)
        buffer = f"{DEVICE_BUFFER_S * 1e3:.0f} ms of device buffer"
        return packets, f"1 packet + {buffer} + {DEVICE_CLOCK_PPM} ppm of clock"
    if record.end.ending is Ending.FINISHED:
        return 0, "a replay knows its packets"
    return MOVING_PACKETS + late, f"the run was cut off: {reading}"


def _queued(record: Record, found: Totals, late: int) -> tuple[int, str]:
    """What may be captured and not delivered."""
    queued = count(found, ENGINE_QUEUED)
    if queued is not None and record.says_done:
        return queued, f"{queued:,} in the queue of a program that says that it is done"
    if queued is not None:
        return (
            queued + MOVING_PACKETS + late,
            f"{queued:,} in the queue, and {late + MOVING_PACKETS} moving",
        )
    if closing(record, ENGINE_CAPTURED, ENGINE_DELIVERED):
        return 0, "the totals are those of its end"
    packets = MOVING_PACKETS + math.ceil(late * QUEUE_S / READING_S)
    return packets, f"a queue that nobody counts: {QUEUE_S:g} s of packets"


def _counted(record: Record, found: Totals) -> int:
    """Packets that the subject counts as dropped or refused; of a run of ours that was cut off, while it ran:
    what lay in its queue then is counted as dropped as well."""
    names = (ENGINE_DROPS, POOL_REFUSED)
    if not record.can("worker") or record.end.ending is Ending.FINISHED:
        return max(count(found, name) or 0 for name in names)
    drops = record.samples[ENGINE_DROPS][streaming(record)]
    drops = drops[np.isfinite(drops)]
    return int(drops[-1]) if drops.size else 0


def _by_clock(record: Record, found: Totals, due: int | None) -> int:
    """Packets that a clock beyond the tolerance, and nothing else, accounts for. Whoever knows only the
    time, and not how many packets there are, cannot tell them from lost ones but by their straight line."""
    line = rate_fit(record, found)
    if line is None or not due or not line.is_clock:
        return 0
    drift, half = abs(line.drift_ppm), line.half_width_ppm
    return math.ceil(due * (drift + half) / 1e6) if DEVICE_CLOCK_PPM + half < drift < NO_CLOCK_PPM else 0


@dataclass(frozen=True)
class Window:
    """A stretch of the run, s: ``lost`` packets fell due in it and never came; the stream was at most
    ``behind`` packets late in it beyond those (made good since)."""

    from_s: float
    to_s: float
    due: int
    lost: int
    behind: int


@dataclass(frozen=True)
class Windows:
    """The windows of a run, in order, and what between due and ready to be read means nothing in one."""

    windows: tuple[Window, ...]
    tolerance: int

    @property
    def losing(self) -> tuple[Window, ...]:
        """Those in which more was lost than the tolerance."""
        return tuple(window for window in self.windows if window.lost > self.tolerance)

    @property
    def late(self) -> tuple[Window, ...]:
        """Those that lost nothing, but in which the stream was behind for a while."""
        return tuple(w for w in self.windows if w.lost <= self.tolerance and w.behind > self.tolerance)


def windows(record: Record, found: Totals) -> Windows:
    """Up to 12 equal windows of at least 3 samples; none where too few samples were taken."""
    rows = record.samples
    owed, ready = _series(record, found)
    shortfall = owed - ready
    # What lies in the queue counts as there: an application that reads late or in bursts loses nothing.
    use = streaming(record, drain=True) & np.isfinite(shortfall)
    elapsed, due, shortfall = rows[ELAPSED_S][use], owed[use], shortfall[use]
    tolerance = MOVING_PACKETS + math.ceil(READING_S * (nominal_per_s(record, found) or 0.0))
    if record.run.scenario.source.kind == "device":
        tolerance += math.ceil((due[-1] if due.size else 0) * DEVICE_CLOCK_PPM / 1e6 / WINDOWS)
    blocks = min(WINDOWS, elapsed.size // FEWEST_SAMPLES)
    if not blocks:
        return Windows((), tolerance)
    # A shortfall that goes away was lateness. What is lost for good is the least shortfall from here on.
    for_good = np.minimum.accumulate(shortfall[::-1])[::-1]
    parts = np.array_split(np.arange(elapsed.size), blocks)
    return Windows(tuple(_window(part, elapsed, due, shortfall, for_good) for part in parts), tolerance)


def _series(record: Record, found: Totals) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Packets due, and ready to be read, at each sample."""
    rows = record.samples
    due, queued = rows["due"], rows[ENGINE_QUEUED]
    if record.can("worker"):
        return due, rows[ENGINE_DELIVERED] + queued
    per_s = nominal_per_s(record, found)
    if not np.isfinite(due).any() and per_s:
        due = rows[ELAPSED_S] * per_s
    known = [rows[name] for name in _DELIVERED if np.isfinite(rows[name]).any()]
    # A queue that nobody counts is none of which anything could be said.
    return due, (known[0] if known else rows[ENGINE_DELIVERED]) + np.nan_to_num(queued)


def _window(
    part: NDArray[np.int_],
    elapsed: NDArray[np.float64],
    due: NDArray[np.float64],
    shortfall: NDArray[np.float64],
    for_good: NDArray[np.float64],
) -> Window:
    # From the sample before, so that no packet falls between two windows.
    before, last = max(0, int(part[0]) - 1), int(part[-1])
    first = part[0] == 0  # nothing was lost before the first sample but what that sample shows
    return Window(
        from_s=0.0 if first else float(elapsed[before]),
        to_s=float(elapsed[last]),
        due=int(due[last] - (0 if first else due[before])),
        lost=round(float(for_good[last] - (min(0.0, for_good[0]) if first else for_good[before]))),
        behind=round(float((shortfall[part] - for_good[part]).max())),
    )


def _at_stop(record: Record, found: Totals) -> tuple[int | None, int | None]:
    """Due when the stream was stopped, and delivered, both by the page: the worker drains when its supervisor
    dies, and what it delivers then fell due after the last sample."""
    per_s, lasted_s = nominal_per_s(record, found), streamed_s(record, found)
    if record.run.scenario.source.unpaced:
        due = count(found, ENGINE_CAPTURED)
    elif per_s is None or lasted_s is None or not found[ENGINE_STOP_NS]:
        return _while_alive(record)
    else:
        due = int(lasted_s * per_s)
    if due is not None and record.run.due_packets is not None:
        due = min(due, record.run.due_packets)
    return due, count(found, ENGINE_DELIVERED)


def _while_alive(record: Record) -> tuple[int | None, int | None]:
    """Due, and delivered or ready to be read, both at the last sample that found the subject alive."""
    alive = np.flatnonzero(np.isfinite(record.samples["threads"]))
    if not alive.size:
        return None, None
    names = ("due", ENGINE_DELIVERED, ENGINE_QUEUED)
    due, delivered, queued = (record.samples[name][alive[-1]] for name in names)
    moving = MOVING_PACKETS + math.ceil(READING_S * (nominal_per_s(record, {}) or 0.0))
    if ENGINE_QUEUED in record.unwritten and due - delivered <= moving:
        queued = 0.0  # a queue that nobody counts may hold what is missing, and nothing is
    if not (np.isfinite(due) and np.isfinite(delivered) and np.isfinite(queued)):
        return None, None
    # What lay in the queue was there to be read: an application that reads in bursts had not come yet.
    return int(due), int(delivered + queued)


def streamed_s(record: Record, found: Totals) -> float | None:
    """Wall time from the stream's start to its stop, or to when the last sample still saw packets move."""
    start, stop = found[ENGINE_START_NS], found[ENGINE_STOP_NS]
    if not start and record.run.subject.kind == "command":
        # From its start: what it counts, it has counted since then.
        alive = record.samples[ELAPSED_S][np.isfinite(record.samples["threads"])]
        return float(alive[-1]) if alive.size else None
    if not start:
        return None
    if stop:
        return (stop - start) / 1e9
    delivered, elapsed = record.samples[ENGINE_DELIVERED], record.samples[ELAPSED_S]
    if not elapsed.size:
        return None
    reached = int((delivered >= delivered[-1]).argmax())
    return max(0.0, float(elapsed[reached]) - (start - record.run.started_ns) / 1e9)
