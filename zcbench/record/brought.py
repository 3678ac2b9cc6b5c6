"""The quantities that a record has: the standard ones, and those that its subject brought.

What is known before the start stands in run.json, what comes later (a program that fills its page while it
runs) in an event.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from zcbench.quantities.quantity import Better, Kind, Memory, Origin, Quantity, Reckoning
from zcbench.quantities.registry import STANDARD, VOCABULARY, Registry
from zcbench.quantities.units import unit_of

MOST_BROUGHT = 10_000  # more columns than any program means
_SAMPLED_KINDS = (Kind.TOTAL, Kind.GAUGE)


class Brought(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A quantity of the subject's own, as run.json and events have it."""

    name: str
    unit: str
    kind: Kind = Kind.GAUGE
    origin: Origin = Origin.SUBJECT
    title: str = ""
    better: Better = Better.NEITHER
    label: str = ""
    reckoning: Reckoning | None = None  # of memory
    resolution_bytes: int = 1

    @classmethod
    def of(cls, one: Quantity) -> Brought:
        """``one`` as it is written."""
        memory = one.memory
        return cls(
            name=one.name,
            unit=one.unit.name,
            kind=one.kind,
            origin=one.origin,
            title=one.title,
            better=one.better,
            label=one.label,
            reckoning=None if memory is None else memory.reckoning,
            resolution_bytes=1 if memory is None else memory.resolution_bytes,
        )

    def quantity(self) -> Quantity:
        """As it was, or as the vocabulary knows it: a subject cannot change what a check reads."""
        known = VOCABULARY.get(self.name)
        if known is not None:
            return known
        memory = None if self.reckoning is None else Memory(self.reckoning, max(1, self.resolution_bytes))
        return Quantity(
            self.name,
            unit_of(self.unit),
            self.kind,
            self.origin,
            self.title,
            self.better,
            memory=memory,
            label=self.label,
        )


def with_brought(known: Registry, brought: Iterable[Brought], problems: list[str]) -> Registry:
    """``known`` and what was brought. What cannot be taken is left out and added to ``problems``."""
    columns = {one.column for one in known.sampled}
    own: dict[str, Quantity] = {}
    for one in list(brought)[:MOST_BROUGHT]:
        if one.name in known or one.name in own:
            continue
        quantity = one.quantity()
        if quantity.kind not in _SAMPLED_KINDS or quantity.column in columns:
            problems.append(f"the quantity {one.name!r} cannot be a column of its own, and was left out")
            continue
        columns.add(quantity.column)
        own[one.name] = quantity
    return known.joined(own.values())


def registry_of(brought: Iterable[Brought]) -> Registry:
    """The registry of a record whose subject brought these."""
    return with_brought(STANDARD, brought, [])
