"""Where missing packets went, and whence packets too many came: shares by stage, largest first."""

from __future__ import annotations

from dataclasses import dataclass

from zcbench.analysis.totals import Totals, count
from zcbench.quantities.names import (
    CONSUMER_DUPLICATES,
    CONSUMER_RECEIVED,
    ENGINE_CAPTURED,
    ENGINE_DROPS,
    ENGINE_QUEUED,
    POOL_REFUSED,
)

# The largest share names the cause; these are the names.
DROPPED, REFUSED, UNCAPTURED, VANISHED, QUEUED, UNKNOWN = (
    "dropped", "refused", "never captured", "vanished", "queued", "unknown",
)  # fmt: skip
TWICE, MISCOUNTED, MADE_UP = "twice", "miscounted", "made up"


@dataclass(frozen=True)
class Share:
    """``packets`` of an effect that one ``stage`` accounts for."""

    stage: str
    packets: int


def of_missing(found: Totals, due: int | None, missing: int) -> list[Share]:
    """Who accounts for ``missing`` packets, by counters alone; what no counter places is ``UNKNOWN``."""
    drops, refused = count(found, ENGINE_DROPS) or 0, count(found, POOL_REFUSED) or 0
    captured = count(found, ENGINE_CAPTURED)
    shares = [Share(REFUSED, min(refused, missing)), Share(DROPPED, max(0, drops - refused))]
    rest = missing - sum(share.packets for share in shares)
    if due is not None and captured is not None:
        uncaptured = min(max(0, due - captured), max(0, rest))
        queued = min(count(found, ENGINE_QUEUED) or 0, max(0, rest - uncaptured))
        shares += [Share(UNCAPTURED, uncaptured), Share(QUEUED, queued)]
        shares.append(Share(VANISHED, rest - uncaptured - queued))
    else:
        shares.append(Share(UNKNOWN, rest))
    return _largest_first(shares)


def of_surplus(found: Totals, due: int, delivered: int) -> list[Share]:
    """Who accounts for packets ``delivered`` beyond those ``due``: a counter that counts more than came,
    packets that came twice, or packets that a source made up."""
    more = delivered - due
    # What the application took it counts by itself: where that is less, the engine alone says more.
    received = count(found, CONSUMER_RECEIVED)
    other = count(found, ENGINE_CAPTURED) if received is None else received
    miscounted = 0 if other is None else min(more, max(0, delivered - other))
    twice = min(more - miscounted, count(found, CONSUMER_DUPLICATES) or 0)
    return _largest_first(
        [Share(MISCOUNTED, miscounted), Share(TWICE, twice), Share(MADE_UP, more - miscounted - twice)]
    )


def _largest_first(shares: list[Share]) -> list[Share]:
    return sorted((s for s in shares if s.packets > 0), key=lambda s: -s.packets)
