"""How many slots the pool had, and when: under policy adaptive they come and go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.totals import Totals, count
from zcbench.quantities.names import POOL_GROWN, POOL_GROWTH_FAILURES, POOL_MISSES, POOL_SHRUNK, POOL_SLOTS
from zcbench.record.reader import Record


@dataclass(frozen=True)
class Slots:
    """Slots over a run: at its ``start`` and end (``final``), the fewest and most that a sample saw, and those
    added (``grown``) and taken out (``shrunk``); ``failures`` is how often there was no memory for more.

    ``misses_at_most`` are misses while the pool was as large as ``pool.max`` lets it become.
    """

    start: int
    final: int
    lowest: int
    highest: int
    grown: int
    shrunk: int
    failures: int
    misses_at_most: int

    @property
    def ever(self) -> int:
        """All that ever were, each counted once."""
        return self.start + self.grown


def slots_of(record: Record, found: Totals) -> Slots | None:
    """The pool's sizes; None where the number of slots was not measured."""
    final = count(found, POOL_SLOTS)
    if final is None:
        return None
    grown, shrunk = count(found, POOL_GROWN) or 0, count(found, POOL_SHRUNK) or 0
    start = final - grown + shrunk
    if final < 1 or start < 1:  # no pool is that: the page was never written, or is damaged
        return None
    seen = record.samples[POOL_SLOTS]
    seen = seen[np.isfinite(seen) & (seen > 0)]
    all_seen = [start, final, *(int(n) for n in seen)]
    return Slots(
        start=start,
        final=final,
        lowest=min(all_seen),
        highest=max(all_seen),
        grown=grown,
        shrunk=shrunk,
        failures=count(found, POOL_GROWTH_FAILURES) or 0,
        misses_at_most=_misses_at_most(record, found, start),
    )


def steady(record: Record) -> NDArray[np.bool_]:
    """Samples that saw as many slots as the one before: what was measured there, a growth did not disturb."""
    seen = record.samples[POOL_SLOTS]
    before = np.concatenate([seen[:1], seen[:-1]])
    return np.asarray((seen == before) | ~np.isfinite(before))


def misses_between(record: Record, found: Totals) -> NDArray[np.float64]:
    """Misses since the sample before, at each sample; the last one takes what came after it."""
    misses = np.nan_to_num(record.samples[POOL_MISSES])
    between = np.diff(misses, prepend=0.0)
    if between.size:
        between[-1] += max(0.0, (count(found, POOL_MISSES) or 0) - float(misses[-1]))
    return np.asarray(between)


def _misses_at_most(record: Record, found: Totals, start: int) -> int:
    most = record.run.scenario.pool.max
    if record.run.scenario.pool.policy != "adaptive" or most is None:
        return 0
    seen = record.samples[POOL_SLOTS]
    before = np.concatenate([[float(start)], seen[:-1]]) if seen.size else seen
    return int(misses_between(record, found)[before >= most].sum())
