"""Expectations that end a run as soon as they are broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zcbench.expectations.language import ExpectationError, Parsed, kept_as, parse
from zcbench.quantities.names import RATE_PER_S
from zcbench.quantities.quantity import Kind
from zcbench.quantities.registry import VOCABULARY, Registry
from zcbench.scenario import Scenario

Row = Mapping[str, int | float | None]


@dataclass
class _Watched:
    parsed: Parsed
    grace_s: float
    broken_since_s: float | None = None


class Aborts:
    """The scenario's expectations with ``abort = true``, held against one sample after the other."""

    def __init__(self, scenario: Scenario) -> None:
        self._expected = [expectation for expectation in scenario.expect if expectation.abort]
        self._watched: list[_Watched] = []
        self._is_first = True
        self._known: Registry | None = None
        self.know(VOCABULARY)

    def know(self, quantities: Registry) -> None:
        """Take up what the subject has brought: until then nobody knows what its own quantities are."""
        if quantities is self._known:
            return
        self._known = quantities
        known = VOCABULARY.joined(quantities.values())
        watched = {one.parsed.text for one in self._watched}
        for expectation in self._expected:
            try:
                parsed = parse(expectation.that, known)
            except ExpectationError:
                continue  # not brought yet; the scenario was checked before
            if parsed.text not in watched:
                self._watched.append(_Watched(parsed, float(expectation.grace)))

    def broken(self, row: Row, streamed_s: float) -> str | None:
        """What is broken in ``row``, ``streamed_s`` into the stream, as a sentence; None if nothing is."""
        is_first, self._is_first = self._is_first, False
        for watched in self._watched:
            # The first sample of a stream spans the start-up too: its rate is not the stream's.
            skipped = is_first and watched.parsed.quantity.name == RATE_PER_S
            value = None if skipped else _value(watched.parsed, row)
            if value is None:
                continue  # not read this time (USS is read seldom): neither broken nor mended
            if streamed_s < watched.grace_s or watched.parsed.holds(value):
                watched.broken_since_s = None
                continue
            if watched.broken_since_s is None:
                watched.broken_since_s = streamed_s
            if streamed_s - watched.broken_since_s >= watched.parsed.for_s:
                return f"{watched.parsed.text} is broken: {watched.parsed.shown(value)}"
        return None


def _value(parsed: Parsed, row: Row) -> float | None:
    quantity = parsed.quantity
    if quantity.kind is Kind.PACE:
        return None  # of a whole run
    if quantity.formula is not None:
        return quantity.formula.of(row)
    value = row.get(quantity.name if quantity.kind is not Kind.HISTOGRAM else kept_as(parsed) or "")
    return None if value is None else value * quantity.unit.in_base
