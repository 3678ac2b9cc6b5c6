"""Exceptions that nobody could catch, as a Python program's own counter tells of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zcbench.quantities.names import ELAPSED_S, PYTHON_UNRAISABLE
from zcbench.record.reader import Record


@dataclass(frozen=True)
class Uncaught:
    """How many, and in which samples (s) they were seen; ``per_s`` is over all of the run."""

    count: int
    at_s: tuple[float, ...]
    per_s: float


def uncaught(record: Record) -> Uncaught | None:
    """Those that were counted; None where nobody counts, or there was none."""
    if PYTHON_UNRAISABLE not in record.samples:
        return None
    values, elapsed = record.samples[PYTHON_UNRAISABLE], record.samples[ELAPSED_S]
    known = np.flatnonzero(np.isfinite(values))
    # A program that began anew counts from 0 again.
    gained = np.maximum(0.0, np.diff(values[known], prepend=0.0))
    if not gained.any():
        return None
    length_s = float(elapsed[-1] - elapsed[0])
    at_s = tuple(float(at) for at in elapsed[known[gained > 0]])
    total = int(gained.sum())
    return Uncaught(total, at_s, total / length_s if length_s > 0 else 0.0)
