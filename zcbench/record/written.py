"""Which words of the page the subject's engine writes. What it never writes was not measured: that is no zero.

An engine of a user's own need not count everything. A word that stood at zero from start to end is a zero if
what stands beside it was counted (who counts hits counts misses), else nobody wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zcbench.page.scoreboard import UNSET, Scoreboard
from zcbench.quantities.names import (
    CONSUMER_RECEIVED,
    CONSUMER_RELEASED,
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
    ENGINE_DROPS,
    ENGINE_QUEUED,
    ENGINE_XRUNS,
    POOL_GROWN,
    POOL_GROWTH_FAILURES,
    POOL_GUARD_VIOLATIONS,
    POOL_HITS,
    POOL_IN_FLIGHT,
    POOL_MISSES,
    POOL_OVERFLOW_ALLOCATIONS,
    POOL_OVERFLOW_BYTES,
    POOL_OVERFLOW_FREED_BYTES,
    POOL_POISON_VIOLATIONS,
    POOL_REFUSED,
    POOL_RETURNS,
    POOL_SHRUNK,
    POOL_SLOTS,
)
from zcbench.quantities.quantity import Origin
from zcbench.quantities.registry import ON_SCOREBOARD
from zcbench.record.schema import Event, EventKind

Samples = Mapping[str, NDArray[np.float64]]
Words = Mapping[str, int | None]

_BY_ENGINE = (
    Origin.KEEPER,
    Origin.PRODUCER,
    Origin.SHARED,
    Origin.RETURNER,
    Origin.READER,
)
# At rest they are zero whoever counts them: unwritten while packets move, known at the end.
_AT_REST = frozenset({ENGINE_QUEUED, POOL_IN_FLIGHT})
_MOVING_PACKETS = 2  # one in the producer's hands, one in the reader's
# A zero is a zero where one of these was counted. What is not named here is known by itself alone.
_KNOWN_BY: Mapping[str, tuple[str, ...]] = {
    ENGINE_DROPS: (ENGINE_CAPTURED,),
    ENGINE_XRUNS: (ENGINE_CAPTURED,),
    POOL_HITS: (POOL_MISSES,),
    POOL_MISSES: (POOL_HITS,),
    POOL_REFUSED: (POOL_OVERFLOW_ALLOCATIONS,),
    POOL_OVERFLOW_ALLOCATIONS: (POOL_REFUSED,),
    POOL_OVERFLOW_BYTES: (POOL_OVERFLOW_FREED_BYTES,),
    POOL_OVERFLOW_FREED_BYTES: (POOL_OVERFLOW_BYTES,),
    POOL_GUARD_VIOLATIONS: (POOL_RETURNS,),
    POOL_POISON_VIOLATIONS: (POOL_RETURNS,),
    POOL_GROWN: (POOL_SLOTS,),
    POOL_SHRUNK: (POOL_SLOTS,),
    POOL_GROWTH_FAILURES: (POOL_SLOTS,),
}
_OF_A_MISS = frozenset(
    {
        POOL_REFUSED,
        POOL_OVERFLOW_ALLOCATIONS,
        POOL_OVERFLOW_BYTES,
        POOL_OVERFLOW_FREED_BYTES,
    }
)


def unwritten(samples: Samples, page: Words, events: Sequence[Event]) -> frozenset[str]:
    """The words that the engine never wrote; none of a record whose worker does not tell of its engine.

    ``page`` holds the counters at the end.
    """
    told = [event.data for event in events if event.kind == EventKind.ENGINE]
    if not told or not page.get(CONSUMER_RECEIVED):
        return frozenset()
    counted = {name for name, value in page.items() if value and value != UNSET}
    counted |= {
        metric.name
        for metric in ON_SCOREBOARD
        if metric.origin in _BY_ENGINE and (samples[metric.name] > 0).any()
    }
    # Of the harness: see zcbench.soak.supervisor, which writes what it counted where the engine does not.
    if not page.get(ENGINE_DELIVERED):
        counted.discard(ENGINE_DELIVERED)
    if told[-1].get("counts_everything") and ENGINE_CAPTURED in counted:
        return frozenset()
    named = told[-1].get("named")
    counted |= set(named) if isinstance(named, list) else set()
    words = [metric.name for metric in ON_SCOREBOARD if metric.origin in _BY_ENGINE]
    return frozenset(
        name
        for name in words
        if name in page and name not in counted and not _is_zero(name, samples, page, counted)
    )


def _is_zero(name: str, samples: Samples, page: Words, counted: set[str]) -> bool:
    """Whether a word that stood at zero all the time was counted, and is zero."""
    if name in _OF_A_MISS and POOL_HITS in counted and POOL_MISSES not in counted:
        return True  # nothing was missed, so nothing was refused or allocated
    if name == ENGINE_QUEUED:
        return ENGINE_CAPTURED in counted and not _moved(
            samples[ENGINE_CAPTURED] - samples[ENGINE_DELIVERED] - samples[ENGINE_DROPS]
        )
    if name == POOL_IN_FLIGHT:
        seen = samples[CONSUMER_RECEIVED] - samples[CONSUMER_RELEASED]
        return POOL_RETURNS in counted and not _moved(seen)
    if name == POOL_RETURNS:
        # Never one: then whatever was handed out is still out.
        out = (page.get(ENGINE_CAPTURED) or 0) - (page.get(POOL_REFUSED) or 0)
        return POOL_IN_FLIGHT in counted and page.get(POOL_IN_FLIGHT) == out
    return any(sibling in counted for sibling in _KNOWN_BY.get(name, ()))


def _moved(between: NDArray[np.float64]) -> bool:
    """Whether more lay between two stages, at some sample, than may be on the move."""
    return bool((between > _MOVING_PACKETS).any())


def leave_out(
    names: frozenset[str], samples: dict[str, NDArray[np.float64]], board: Scoreboard, done: bool
) -> None:
    """Make what was never written a missing reading, in place. What the harness counted itself takes the place
    of ``engine.delivered``. ``done`` says that nothing moves any more."""
    for metric in ON_SCOREBOARD:
        if metric.name not in names:
            continue
        value = UNSET
        if metric.name == ENGINE_DELIVERED:
            samples[metric.name] = samples[CONSUMER_RECEIVED].copy()
            value = board.counters().get(CONSUMER_RECEIVED) or 0
        else:
            samples[metric.name] = np.full_like(samples[metric.name], np.nan)
            if done and metric.name in _AT_REST:
                continue
        if metric.name in board.index:  # a damaged page may lack a word
            board[metric.name] = value
