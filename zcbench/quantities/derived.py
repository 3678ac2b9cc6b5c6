"""Formulas of derived quantities that are needed of single readings as well as of a whole run."""

from __future__ import annotations


def hit_rate(hits: float | None, misses: float | None) -> float | None:
    """The share of acquires that found a free slot, 0..1: ``hits / (hits + misses)``.

    None if either was not measured, or before the first acquire.
    """
    if hits is None or misses is None or hits + misses <= 0:
        return None
    return hits / (hits + misses)
