"""What the system did not say of a program's memory: where nobody looked at its pages, a leak beside the exact
counters goes unseen."""

from __future__ import annotations

import numpy as np

from zcbench.analysis import program
from zcbench.analysis.counter import Readings
from zcbench.analysis.stream import streaming
from zcbench.analysis.trend.rule import LONGEST_GAP
from zcbench.quantities.names import ELAPSED_S, RSS_BYTES
from zcbench.quantities.units import clock
from zcbench.record.reader import Record

# In a short run: a reading that is dear is made each 10 s, and a busy machine skips one.
SHORTEST_GAP_S = 30.0


def unread(record: Record) -> list[str]:
    """Sentences on what of a program's pages was not read, all along or for a quarter of the stream."""
    rows = streaming(record)
    times = record.samples[ELAPSED_S][rows]
    if not times.size:
        return []
    known = program.private(record)
    if known is None or not np.isfinite(known[1]).any():
        return ["private memory was not read"]
    if not program.has(record, RSS_BYTES):
        return ["resident memory was not read"]
    wanted = [known, ("resident memory", record.samples[RSS_BYTES][rows])]
    return [
        f"{name} was not read from {clock(gap[0])} to {clock(gap[1])}"
        for name, values in wanted
        if (gap := _gap(times, values)) is not None
    ]


def _gap(times: Readings, values: Readings) -> tuple[float, float] | None:
    """The longest stretch without a reading, if that is too long to know what was in it."""
    ends = np.concatenate([times[:1], times[np.isfinite(values)], times[-1:]])
    gaps = np.diff(ends)
    longest = int(gaps.argmax())
    if gaps[longest] <= max(SHORTEST_GAP_S, LONGEST_GAP * float(times[-1] - times[0])):
        return None
    return float(ends[longest]), float(ends[longest + 1])
