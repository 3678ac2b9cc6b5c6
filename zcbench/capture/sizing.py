"""How many slots an adaptive pool should have. The rules of the native engine (``_core/sizing.hpp``), readable.

Half of the slots are kept free at the high water: the reserve for the time that new ones take to make. The
slab grows by at least a half, so that few segments make a large pool, and gives back one segment at a time,
once two fifths of what would be left would have been enough for ``shrink_after_s``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizing:
    """The bounds, in slots."""

    minimum: int
    maximum: int

    def too_few(self, slots: int, in_flight: int) -> bool:
        """Whether more than half of ``slots`` were in flight."""
        return 2 * in_flight > slots

    def grown(self, slots: int, in_flight: int) -> int:
        """The number of slots to have instead."""
        return min(self.maximum, max(2 * in_flight, slots + (slots + 1) // 2))

    def can_do_with(self, slots: int, in_flight: int) -> bool:
        """Whether so few would do: well below what makes the pool grow again."""
        return slots >= self.minimum and 5 * in_flight <= 2 * slots
