"""A textbook pool, packet by packet: what the counters of a sound engine are."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

PACKET_BYTES = 3840

Row = dict[str, int | float | None]


@dataclass
class TextbookPool:
    """A sound pool under policy ``grow`` whose application keeps the newest ``hold`` packets."""

    slots: int
    hold: int
    captured: int = 0
    hits: int = 0
    misses: int = 0
    freed: int = 0
    returns: int = 0
    high_water: int = 0
    kept: deque[bool] = field(default_factory=deque)  # per lease in flight: is it a slot of the slab?
    in_slab: int = 0

    def capture(self) -> None:
        """One packet comes, and the oldest one too many goes."""
        self.captured += 1
        hit = self.in_slab < self.slots
        self.hits += hit
        self.misses += not hit
        self.in_slab += hit
        self.kept.append(hit)
        self.high_water = max(self.high_water, len(self.kept))
        while len(self.kept) > self.hold:
            self.release()

    def release(self) -> None:
        """The oldest lease returns."""
        slab = self.kept.popleft()
        self.in_slab -= slab
        self.freed += not slab
        self.returns += 1

    def drain(self) -> None:
        """The application releases everything."""
        while self.kept:
            self.release()

    def counters(self) -> Row:
        """What stands on the scoreboard."""
        n, returned = self.captured, self.captured - len(self.kept)
        return {
            "engine.captured": n,
            "engine.captured_bytes": n * PACKET_BYTES,
            "engine.drops": 0,
            "engine.xruns": 0,
            "engine.queued": 0,
            "engine.delivered": n,
            "engine.delivered_bytes": n * PACKET_BYTES,
            "pool.slots": self.slots,
            "pool.hits": self.hits,
            "pool.misses": self.misses,
            "pool.refused": 0,
            "pool.overflow_allocations": self.misses,
            "pool.overflow_bytes": self.misses * PACKET_BYTES,
            "pool.overflow_freed_bytes": self.freed * PACKET_BYTES,
            "pool.high_water": self.high_water,
            "pool.in_flight": len(self.kept),
            "pool.returns": self.returns,
            "pool.guard_violations": 0,
            "pool.poison_violations": 0,
            "consumer.received": n,
            "consumer.last_sequence": max(0, n - 1),
            "consumer.gaps": 0,
            "consumer.missing": 0,
            "consumer.duplicates": 0,
            "consumer.content_period": 2**62,
            "consumer.followed": n,
            "consumer.flagged_overflow": self.misses,
            "consumer.places": min(n, self.slots),
            "consumer.reordered": 0,
            "consumer.checked": n,
            "consumer.rechecked": returned,
            "consumer.corrupt_on_delivery": 0,
            "consumer.corrupt_before_return": 0,
            "consumer.held": len(self.kept),
        }
