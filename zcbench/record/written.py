"""Which words of the page the subject's engine writes. What it never writes was not measured: that is no zero.

An engine of a user's own need not count everything. A word that stood at zero from start to end is a zero if
what stands beside it was counted (who counts hits counts misses), else nobody wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zcbench.page.scoreboard import UNSET, Scoreboard
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
_AT_REST = frozenset({"engine.queued", "pool.in_flight"})
_MOVING_PACKETS = 2  # one in the producer's hands, one in the reader's
# A zero is a zero where one of these was counted. What is not named here is known by itself alone.
_KNOWN_BY: Mapping[str, tuple[str, ...]] = {
    "engine.drops": ("engine.captured",),
    "engine.xruns": ("engine.captured",),
    "pool.hits": ("pool.misses",),
    "pool.misses": ("pool.hits",),
    "pool.refused": ("pool.overflow_allocations",),
    "pool.overflow_allocations": ("pool.refused",),
    "pool.overflow_bytes": ("pool.overflow_freed_bytes",),
    "pool.overflow_freed_bytes": ("pool.overflow_bytes",),
    "pool.guard_violations": ("pool.returns",),
    "pool.poison_violations": ("pool.returns",),
    "pool.grown": ("pool.slots",),
    "pool.shrunk": ("pool.slots",),
    "pool.growth_failures": ("pool.slots",),
}
_OF_A_MISS = frozenset(
    {
        "pool.refused",
        "pool.overflow_allocations",
        "pool.overflow_bytes",
        "pool.overflow_freed_bytes",
    }
)


def unwritten(samples: Samples, page: Words, events: Sequence[Event]) -> frozenset[str]:
    """The words that the engine never wrote; none of a record whose worker does not tell of its engine.

    ``page`` holds the counters at the end.
    """
    told = [event.data for event in events if event.kind == EventKind.ENGINE]
    if not told or not page.get("consumer.received"):
        return frozenset()
    counted = {name for name, value in page.items() if value and value != UNSET}
    counted |= {
        metric.name
        for metric in ON_SCOREBOARD
        if metric.origin in _BY_ENGINE and (samples[metric.name] > 0).any()
    }
    # Of the harness: see zcbench.soak.supervisor, which writes what it counted where the engine does not.
    if not page.get("engine.delivered"):
        counted.discard("engine.delivered")
    if told[-1].get("counts_everything") and "engine.captured" in counted:
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
    if name in _OF_A_MISS and "pool.hits" in counted and "pool.misses" not in counted:
        return True  # nothing was missed, so nothing was refused or allocated
    if name == "engine.queued":
        return "engine.captured" in counted and not _moved(
            samples["engine.captured"] - samples["engine.delivered"] - samples["engine.drops"]
        )
    if name == "pool.in_flight":
        seen = samples["consumer.received"] - samples["consumer.released"]
        return "pool.returns" in counted and not _moved(seen)
    if name == "pool.returns":
        # Never one: then whatever was handed out is still out.
        out = (page.get("engine.captured") or 0) - (page.get("pool.refused") or 0)
        return "pool.in_flight" in counted and page.get("pool.in_flight") == out
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
        if metric.name == "engine.delivered":
            samples[metric.name] = samples["consumer.received"].copy()
            value = board.counters().get("consumer.received") or 0
        else:
            samples[metric.name] = np.full_like(samples[metric.name], np.nan)
            if done and metric.name in _AT_REST:
                continue
        if metric.name in board.index:  # a damaged page may lack a word
            board[metric.name] = value
