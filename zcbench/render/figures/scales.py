"""Scales: where a value lies on an axis, and which values its ticks stand at."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]
Tick = tuple[float, str]  # where, and what stands there

BELOW, ABOVE = 0.06, 0.18  # of the range, left free: above the lines, an area has its name
_ROUND = (1, 2, 5, 10)  # of ticks' distances, times a power of ten


@dataclass(frozen=True)
class Range:
    """An axis from ``low`` to ``high``, linear, in decades, or ``symlog``: linear about 0 within
    ``constant``, in decades beyond."""

    low: float
    high: float
    kind: Literal["linear", "log", "symlog"] = "linear"
    constant: float = 1.0

    @property
    def log(self) -> bool:
        """Whether it has decades only, and so no zero."""
        return self.kind == "log"

    def shares(self, values: Series) -> Series:
        """Where each of ``values`` lies, from 0 (the low end) to 1; NaN stays NaN."""
        low, high, at = (self._bent(np.asarray(v, np.float64)) for v in (self.low, self.high, values))
        return np.asarray((at - low) / (high - low), dtype=np.float64)

    def share(self, value: float) -> float:
        """Where ``value`` lies, from 0 to 1."""
        return float(self.shares(np.array([value]))[0])

    def _bent(self, values: Series) -> Series:
        if self.kind == "log":
            return np.log10(np.maximum(values, min(self.low, self.high)))
        if self.kind == "symlog":
            return np.sign(values) * np.log1p(np.abs(values / self.constant))
        return values


def range_of(
    *values: Series, least: float, zero: bool = False, floor: float | None = None, log: bool = False
) -> Range:
    """The range that shows all ``values``; at least ``least`` wide (times ``least``, if ``log``).

    With ``zero`` it starts there; it never goes below ``floor``.
    """
    known = np.concatenate([v[np.isfinite(v)] for v in values])
    if log:
        known = known[known > 0]
        low, high = (float(known.min()), float(known.max())) if known.size else (1.0, 1.0)
        centre, half = (low * high) ** 0.5, max(high / low, least) ** 0.5
        return Range(centre / half ** (1 + BELOW), centre * half ** (1 + 2 * ABOVE), "log")
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if zero:
        low = min(0.0, low)
        return Range(low, low + max(high - low, least) * (1 + ABOVE))
    middle, length = (low + high) / 2, max(high - low, least)
    bottom = middle - length * (0.5 + BELOW)
    return Range(bottom if floor is None else max(bottom, floor), middle + length * (0.5 + ABOVE))


def round_ticks(across: Range, about: int = 4) -> tuple[Tick, ...]:
    """Round values within a linear range, some ``about`` of them, with their numbers."""
    length = across.high - across.low
    rough = length / max(about, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    # The round distance that is nearest, by ratio.
    step = min((m * power for m in _ROUND), key=lambda s: abs(math.log(s / rough)))
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(across.low / step - 1e-9), math.floor(across.high / step + 1e-9)
    return tuple((n * step, f"{n * step + 0.0:,.{digits}f}") for n in range(first, last + 1))


def decades(across: Range) -> list[float]:
    """The powers of ten within ``across``, and 2 and 5 times each where there are fewer than three."""
    low, high = math.floor(math.log10(across.low)), math.ceil(math.log10(across.high))
    whole = [10.0**n for n in range(low, high + 1) if across.low <= 10.0**n <= across.high]
    if len(whole) >= 3:
        return whole
    finer = [m * 10.0**n for n in range(low, high + 1) for m in (1, 2, 5)]
    return [value for value in finer if across.low <= value <= across.high]


def labelled(values: Sequence[float], label: Callable[[float], str]) -> tuple[Tick, ...]:
    """Ticks at ``values``."""
    return tuple((float(value), label(value)) for value in values)
