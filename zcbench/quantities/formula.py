"""Formulas of derived quantities: "pool.hits / (pool.hits + pool.misses)", for one row or for columns.

A formula is an expression as laws have them (:mod:`zcbench.quantities.law`), or a quotient of two. What is
missing stays missing: None of single readings, NaN of columns. So does a quotient by zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from zcbench.quantities.law import Expression, names_in, parse_expression, value_of


@dataclass(frozen=True)
class Formula:
    """A formula as it was written. Raises :class:`~zcbench.quantities.law.LawError` of text that is none."""

    text: str
    _dividend: Expression = field(init=False, repr=False, compare=False)
    _divisor: Expression | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        dividend, slash, divisor = self.text.partition("/")
        object.__setattr__(self, "_dividend", parse_expression(dividend))
        object.__setattr__(self, "_divisor", parse_expression(divisor) if slash else None)

    @property
    def names(self) -> tuple[str, ...]:
        """The quantities it is computed from, once, in their order."""
        divisor = () if self._divisor is None else names_in(self._divisor)
        return tuple(dict.fromkeys((*names_in(self._dividend), *divisor)))

    def of(self, readings: Mapping[str, int | float | None]) -> float | None:
        """Its value for single readings; None if one is missing, or the divisor is not above 0."""
        if any(readings.get(name) is None for name in self.names):
            return None
        value = float(value_of(self._dividend, readings))
        if self._divisor is not None:
            divisor = float(value_of(self._divisor, readings))
            value = value / divisor if divisor > 0 else math.nan
        return value if math.isfinite(value) else None

    def over(self, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Its values for columns of one length, NaN where one is missing or the divisor is not above 0."""
        values = np.asarray(value_of(self._dividend, columns), dtype=np.float64)
        if self._divisor is None:
            return values
        divisor = np.asarray(value_of(self._divisor, columns), dtype=np.float64)
        quotient = np.full(values.shape, np.nan)
        np.divide(values, divisor, out=quotient, where=divisor > 0)
        return quotient
