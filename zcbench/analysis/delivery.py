"""Packets delivered against packets due."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zcbench.analysis.laws import DONE
from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import Ending

# A sound card's crystal is within about 100 ppm of the computer's; 48 kHz interfaces commonly quote 50.
DEVICE_CLOCK_PPM = 100
# A device hands over whole host buffers: the first and the last may be cut off. PulseAudio and WASAPI
# shared mode buffer up to about 100 ms; the part of it in packets is added.
DEVICE_BUFFER_S = 0.1


@dataclass(frozen=True)
class Delivery:
    """``delivered`` against ``due``, in packets; ``tolerance`` is the difference that means nothing, and
    ``why`` is its derivation."""

    due: int | None
    delivered: int | None
    tolerance: int
    why: str
    streamed_s: float | None

    @property
    def missing(self) -> int | None:
        """Due and not delivered (negative: more than due)."""
        return None if self.due is None or self.delivered is None else self.due - self.delivered

    @property
    def rate_per_s(self) -> float | None:
        """Mean rate over the time the stream ran."""
        return self.delivered / self.streamed_s if self.delivered and self.streamed_s else None


def delivery(record: Record, found: Totals) -> Delivery:
    """What the stream owed and what it gave."""
    scenario, run = record.run.scenario, record.run
    streamed_s = _streamed_s(record, found)
    finished = record.end.ending is Ending.FINISHED
    due, delivered = count(found, "due"), count(found, "engine.delivered")
    if finished and run.due_packets is not None:
        due = run.due_packets
    elif count(found, "phase") != DONE:
        due, delivered = _while_alive(record)
    if scenario.source.kind == "device":
        table = scenario.source
        per_s = (table.rate or 48_000) / table.frames
        if finished and due is not None:
            # A stream that was over before its time owes the rest.
            due = max(due, round(scenario.duration * per_s))
        packets = 1 + math.ceil(DEVICE_BUFFER_S * per_s + (due or 0) * DEVICE_CLOCK_PPM / 1e6)
        why = f"1 packet + {DEVICE_BUFFER_S * 1e3:.0f} ms of device buffer + {DEVICE_CLOCK_PPM} ppm of clock"
    elif finished:
        packets, why = 0, "a replay knows its packets"
    else:
        packets, why = 2, "the run was cut off with one packet due and one on its way"
    return Delivery(due, delivered, packets, why, streamed_s)


def _while_alive(record: Record) -> tuple[int | None, int | None]:
    """Due, and delivered or ready to be read, both at the last sample that found the subject alive."""
    alive = np.flatnonzero(np.isfinite(record.samples["threads"]))
    if not alive.size:
        return None, None
    names = ("due", "engine_delivered", "engine_queued")
    due, delivered, queued = (record.samples[name][alive[-1]] for name in names)
    if not (np.isfinite(due) and np.isfinite(delivered) and np.isfinite(queued)):
        return None, None
    # What lay in the queue was there to be read: an application that reads in bursts had not come yet.
    return int(due), int(delivered + queued)


def _streamed_s(record: Record, found: Totals) -> float | None:
    """Wall time from the stream's start to its stop, or to when the last sample still saw packets move."""
    start, stop = found["engine.start_ns"], found["engine.stop_ns"]
    if not start:
        return None
    if stop:
        return (stop - start) / 1e9
    delivered, elapsed = record.samples["engine_delivered"], record.samples["elapsed_s"]
    if not elapsed.size:
        return None
    reached = int((delivered >= delivered[-1]).argmax())
    return max(0.0, float(elapsed[reached]) - (start - record.run.started_ns) / 1e9)
