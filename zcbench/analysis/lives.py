"""The lives of a subject: a restart ends one, and what it kept is gone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zcbench.record.reader import Record
from zcbench.record.schema import EventKind


def restarts(record: Record) -> list[float]:
    """When the subject began anew, s, in order; empty for one life."""
    return sorted(event.elapsed_s for event in record.events if event.kind == EventKind.RESTART)


def lives(record: Record, times: NDArray[np.float64]) -> list[NDArray[np.bool_]]:
    """Which of the readings at ``times`` (s) lie in each life; one of all where nothing restarted."""
    edges = restarts(record)
    if not edges:
        return [np.ones(times.shape, bool)]
    # Samples have six decimals, events all.
    number = np.searchsorted(np.asarray(edges) - 1e-6, times, side="right")
    return [np.asarray(number == n) for n in range(len(edges) + 1) if (number == n).any()]
