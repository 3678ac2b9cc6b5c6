"""Memory over a run: what it was, where it went; no judgement of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.quantities.derived import hit_rate
from zcbench.quantities.heaps import heap_of
from zcbench.quantities.names import (
    ANONYMOUS_BYTES,
    ELAPSED_S,
    ENGINE_DELIVERED,
    GC_COLLECTIONS,
    POOL_HITS,
    POOL_MISSES,
    RSS_BYTES,
    SWAP_BYTES,
)
from zcbench.quantities.quantity import Quantity
from zcbench.record.reader import Record

PROFILE_ROWS = 10  # as the original's tables: 30 s apart in 5 minutes


@dataclass(frozen=True)
class Gauge:
    """One memory gauge over a run, bytes. ``baseline`` is the first reading after warm-up, ``after_gc_low``
    the lowest reading at a sample in whose interval a collection ran (None if none did)."""

    name: str
    baseline: float
    final: float
    peak: float
    low: float
    after_gc_low: float | None
    readings: int

    @property
    def delta(self) -> float:
        """Final minus baseline."""
        return self.final - self.baseline


def heap(record: Record) -> Quantity:
    """Which gauge stands for "the heap": see :func:`zcbench.quantities.heaps.heap_of`."""

    def is_measured(name: str) -> bool:
        return bool(np.isfinite(record.samples.get(name, np.empty(0))).any())

    return heap_of(is_measured, record.quantities, traced=record.run.tracemalloc)


def gauge(record: Record, column: str) -> Gauge | None:
    """``column`` summarised after warm-up; None without a reading."""
    values, elapsed = record.samples[column], record.samples[ELAPSED_S]
    use = np.isfinite(values) & (elapsed >= record.run.scenario.warmup)
    if not use.any():
        use = np.isfinite(values)
    if not use.any():
        return None
    kept, collected = values[use], _collected(record)[use]
    return Gauge(
        column,
        baseline=float(kept[0]),
        final=float(kept[-1]),
        peak=float(kept.max()),
        low=float(kept.min()),
        after_gc_low=float(kept[collected].min()) if collected.any() else None,
        readings=int(use.sum()),
    )


def _collected(record: Record) -> NDArray[np.bool_]:
    """Per sample, whether a garbage collection ran since the one before."""
    collections = record.samples[GC_COLLECTIONS]
    before = np.concatenate([[0.0], collections[:-1]])
    return np.asarray(np.nan_to_num(collections) > np.nan_to_num(before))


@dataclass(frozen=True)
class ProfileRow:
    """A row of the profile; ``gc`` counts the collections since the row before, ``private_bytes`` what no file
    stands behind, swapped pages with it (None where that was not told apart)."""

    elapsed_s: float
    packets: float | None
    heap_bytes: float | None
    private_bytes: float | None
    rss_bytes: float | None
    hit_rate: float | None
    gc: int


def profile(record: Record) -> list[ProfileRow]:
    """About ten samples, evenly spread, the last always among them."""
    elapsed = record.samples[ELAPSED_S]
    if not elapsed.size:
        return []
    wanted = np.linspace(0, elapsed[-1], PROFILE_ROWS + 1)[1:]
    rows = sorted({int(i) for i in np.abs(elapsed[:, None] - wanted).argmin(axis=0)})
    out, collections_before = [], 0.0
    heap_name = heap(record).name
    for row in rows:
        values = {name: _at(record, name, row) for name in _PROFILE_COLUMNS}
        collections = values[GC_COLLECTIONS] or 0
        out.append(
            ProfileRow(
                float(elapsed[row]),
                values[ENGINE_DELIVERED],
                _at(record, heap_name, row),
                _private(values[ANONYMOUS_BYTES], values[SWAP_BYTES]),
                values[RSS_BYTES],
                hit_rate(values[POOL_HITS] or 0, values[POOL_MISSES] or 0),
                int(collections - collections_before),
            )
        )
        collections_before = collections
    return out


def _private(anonymous: float | None, swapped: float | None) -> float | None:
    return None if anonymous is None else anonymous + (swapped or 0.0)


_PROFILE_COLUMNS = (
    ENGINE_DELIVERED, ANONYMOUS_BYTES, SWAP_BYTES, RSS_BYTES,
    POOL_HITS, POOL_MISSES, GC_COLLECTIONS,
)  # fmt: skip


def _at(record: Record, column: str, row: int) -> float | None:
    if column not in record.samples:  # a quantity that only some subjects bring
        return None
    value = record.samples[column][row]
    return float(value) if np.isfinite(value) else None
