"""The registry: every quantity that is known, or that a record has, by name.

A record carries its own (:attr:`zcbench.record.reader.Record.quantities`): the standard ones, and those
that its subject brought. Whoever has a record asks it; :data:`VOCABULARY` is for a person's words before
there is one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from zcbench.quantities.derived import BY_FORMULA, OF_A_RUN, trend_of
from zcbench.quantities.known import KNOWN
from zcbench.quantities.measured import HISTOGRAMS, MEASURED
from zcbench.quantities.quantity import Kind, Origin, Quantity

_PREFIXES = ("consumer.", "engine.")  # left out where nothing else is called like that: "gaps"


class QuantityError(ValueError):
    """Two quantities of one name, or of one column."""


class Registry(Mapping[str, Quantity]):
    """Quantities by name, in their order. Raises QuantityError for a name or a column that is there twice."""

    def __init__(self, quantities: Iterable[Quantity]) -> None:
        self._by_name: dict[str, Quantity] = {}
        columns: dict[str, str] = {}
        for one in quantities:
            if one.name in self._by_name:
                raise QuantityError(f"the quantity {one.name} is there twice")
            other = columns.setdefault(one.column, one.name)
            if other != one.name and one.is_sampled and self._by_name[other].is_sampled:
                raise QuantityError(f"{other} and {one.name} would be one column, {one.column}")
            self._by_name[one.name] = one

    # Immutable and itself, so that it can be a default and a key.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __getitem__(self, name: str) -> Quantity:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def joined(self, own: Iterable[Quantity]) -> Registry:
        """This registry and what a subject brought, with the trends of its memory.

        What is known by a name already stays what it is, so that a subject cannot change what a check reads.
        Raises QuantityError for two of one column.
        """
        new = {one.name: one for one in own if one.name not in self._by_name}
        trends = [trend for one in new.values() if (trend := trend_of(one)) is not None]
        found = {**self._by_name, **new}
        return Registry((*found.values(), *(one for one in trends if one.name not in found)))

    @cached_property
    def sampled(self) -> tuple[Quantity, ...]:
        """Those that are columns of ``samples.csv``."""
        return tuple(one for one in self.values() if one.is_sampled)

    @cached_property
    def histograms(self) -> tuple[Quantity, ...]:
        """The histograms of times."""
        return tuple(one for one in self.values() if one.kind is Kind.HISTOGRAM)

    @cached_property
    def derived(self) -> tuple[Quantity, ...]:
        """Those that a result tells of beside its totals: by formula, or computed of the whole run."""
        return tuple(one for one in self.values() if one.formula is not None or one.origin is Origin.ANALYSIS)

    @cached_property
    def expectable(self) -> Mapping[str, Quantity]:
        """Those that an expectation can name: sampled ones, those of a formula, and the histograms."""
        return {name: one for name, one in self.items() if one.origin is not Origin.ANALYSIS}

    @cached_property
    def memory(self) -> tuple[Quantity, ...]:
        """Those that count memory, and say how."""
        return tuple(one for one in self.values() if one.memory is not None)

    @cached_property
    def by_column(self) -> Mapping[str, Quantity]:
        """The sampled ones by their column in ``samples.csv``."""
        return {one.column: one for one in self.sampled}

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """Other words for a name: without its unit, without "engine." or "consumer.", and its own aliases.

        What is a name, or could mean two, is no alias.
        """
        words: dict[str, str | None] = {}
        for make in (_own, _without_unit, _without_prefix):
            found: dict[str, str | None] = {}
            for one in self.expectable.values():
                for word in make(one):
                    found[word] = None if found.get(word, one.name) != one.name else one.name
            words = found | words
        return {word: name for word, name in words.items() if name is not None and word not in self}

    def named(self, word: str) -> Quantity | None:
        """The quantity that a person means by ``word``: its name, its column, or an alias of it."""
        name = word if word in self else self.aliases.get(word, "")
        return self.get(name) or self.by_column.get(word)

    def near(self, word: str, among: Iterable[str] | None = None) -> list[str]:
        """The names and aliases most like ``word``, for an error; ``among`` in place of all names."""
        names = self if among is None else among
        return difflib.get_close_matches(word, [*names, *self.aliases], 3, 0.5)


def _own(one: Quantity) -> tuple[str, ...]:
    return one.aliases


def _without_unit(one: Quantity) -> tuple[str, ...]:
    return (one.short,) if one.short != one.name else ()


def _without_prefix(one: Quantity) -> tuple[str, ...]:
    return tuple(one.name.removeprefix(p) for p in _PREFIXES if one.name.startswith(p))


STANDARD = Registry((*MEASURED, *HISTOGRAMS, *BY_FORMULA, *OF_A_RUN))
VOCABULARY = STANDARD.joined(KNOWN)

ON_SCOREBOARD: tuple[Quantity, ...] = tuple(one for one in MEASURED if one.is_on_page)
