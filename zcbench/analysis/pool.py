"""How the pool behaved, and what Little's law says it needed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record

HEADROOM = 1.25  # over the measured high water: a quarter for what this run did not happen to see


@dataclass(frozen=True)
class PoolBehaviour:
    """What the pool did over a run; None where not measured.

    ``mean_hold_s`` is acquire -> return over all returned leases. By Little's law (J. D. C. Little, Oper.
    Res. 9, 1961) the mean number in flight is ``rate_per_s * mean_hold_s``. ``slots_needed`` is the
    measured high water with a quarter of headroom.
    """

    slots: int | None
    hits: int | None
    misses: int | None
    returns: int | None
    in_flight: int | None
    high_water: int | None
    rate_per_s: float | None
    mean_hold_s: float | None

    @property
    def acquires(self) -> int | None:
        """Hits plus misses."""
        return None if self.hits is None or self.misses is None else self.hits + self.misses

    @property
    def hit_rate(self) -> float | None:
        """``hits / (hits + misses)``, 0..1."""
        return (self.hits or 0) / self.acquires if self.acquires else None

    @property
    def mean_in_flight(self) -> float | None:
        """Little's law: rate x mean hold time."""
        if self.rate_per_s is None or self.mean_hold_s is None:
            return None
        return self.rate_per_s * self.mean_hold_s

    @property
    def slots_needed(self) -> int | None:
        """Slots that would have served every acquire of this run, with headroom."""
        return None if self.high_water is None else max(1, math.ceil(self.high_water * HEADROOM))


def behaviour(record: Record, found: Totals, streamed_s: float | None) -> PoolBehaviour:
    """The pool's behaviour; ``streamed_s`` is how long the stream ran, in wall time."""
    hold = None if record.board is None else record.board.histogram("hold_ns")
    captured = count(found, "engine.captured")
    return PoolBehaviour(
        slots=count(found, "pool.slots"),
        hits=count(found, "pool.hits"),
        misses=count(found, "pool.misses"),
        returns=count(found, "pool.returns"),
        in_flight=count(found, "pool.in_flight"),
        high_water=count(found, "pool.high_water"),
        rate_per_s=captured / streamed_s if captured and streamed_s else None,
        mean_hold_s=hold.total_ns / hold.count / 1e9 if hold is not None and hold.count else None,
    )
