"""What a process counted while it was watched: one that was attached to has counted before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zcbench.record.reader import Record


def since_attached(record: Record) -> Record:
    """``record`` of an attached process with every running total from its first reading on; any other as it is.

    A process that starts anew counts from zero again: its totals are then below their first reading, and stay.
    """
    if record.run.subject.kind != "attached":
        return record
    totals = {one.name for one in record.quantities.sampled if one.cumulative}
    samples = {
        name: _since_first(values) if name in totals else values for name, values in record.samples.items()
    }
    return replace(record, samples=samples)


def _since_first(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = values[np.isfinite(values)]
    return values if not known.size or known.min() < known[0] else values - known[0]
