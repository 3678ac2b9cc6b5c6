"""The last word on every quantity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zcbench.quantities.names import ELAPSED_S
from zcbench.record.reader import Record

Totals = dict[str, int | float | None]


def totals(record: Record) -> Totals:
    """Every quantity's final value by name: from the page the subject left behind, else the last reading.

    None where it was never measured.
    """
    page = {} if record.board is None else record.board.counters()
    found: Totals = {}
    for one in record.quantities.sampled:
        value: int | float | None = page.get(one.name) if one.is_on_page else None
        found[one.name] = last(record, one.name) if value is None else value
    return found


def last(record: Record, name: str) -> float | None:
    """The last reading of a quantity in the samples; None if there is none."""
    values = record.samples[name]
    present = np.flatnonzero(np.isfinite(values))
    return float(values[present[-1]]) if present.size else None


def highest(record: Record, column: str) -> float | None:
    """The largest reading in a column of the samples; None if there is none."""
    values = record.samples[column]
    return float(np.nanmax(values)) if np.isfinite(values).any() else None


def mean_per_s(record: Record, values: NDArray[np.float64]) -> float | None:
    """The rise of a total a second, from its first reading to its last; None without two at different times.

    ``values`` have the shape (samples,); a missing one is NaN.
    """
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        return None
    first, last = known[0], known[-1]
    length_s = float(record.samples[ELAPSED_S][last] - record.samples[ELAPSED_S][first])
    return float(values[last] - values[first]) / length_s if length_s > 0 else None


def count(found: Totals, name: str) -> int | None:
    """A total that is a whole number."""
    value = found[name]
    return None if value is None else int(value)
