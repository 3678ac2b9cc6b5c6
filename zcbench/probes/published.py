"""What a subject publishes under names of its own: which of them is which quantity, and counters that restart.

The language is that of ``zcbench ingest --map``: "OURS=THEIRS[:UNIT]", or a name that is both. Their names
are not known beforehand, and what nobody mapped is taken by our own names ("pool.hits", "pool_hits",
"pool_hits_total").
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zcbench.importers.columns import Column
from zcbench.importers.mapping import IGNORE, metric_named
from zcbench.probes.probe import Notice, Number
from zcbench.quantities.quantity import Kind, Quantity
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.decoding import LARGEST_READING
from zcbench.record.schema import EventKind
from zcbench.record.writer import RecordError

MOST_UNMAPPED = 30  # names shown that no quantity has: a screen's worth
# A restart begins near zero. What fell by less was published out of order, or is no total, and stays as it
# is, so that who judges it sees it fall.
RESTART_SHARE = 0.5
ROUNDING = 1e-15  # of a product of two floats, a few units in the last place
MOST_RESTARTS_TOLD = 20

_LABELLED = re.compile(r"(?P<name>[^{}]+)\{(?P<labels>[^{}]*)\}")
_LABEL = re.compile(r'\s*([A-Za-z_]\w*)\s*=\s*"?([^",]*)"?\s*(?:,|$)')


@dataclass(frozen=True)
class Published:
    """Their ``name``, of series with all of ``labels``, is the quantity that ``column`` reads."""

    column: Column
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def quantity(self) -> Quantity:
        """Ours."""
        return self.column.metric


class Vocabulary:
    """Whose names are which quantities: as ``specs`` say, and by our own names. Raises RecordError."""

    def __init__(self, specs: Iterable[str]) -> None:
        self._mapped: dict[str, list[Published]] = {}
        self._ignored: set[str] = set()
        self._seen: set[str] = set()  # of their names that were mapped
        self.given: list[Published] = []
        for spec in specs:
            self._add(spec)
        taken = {one.quantity.name for one in self.given}
        self._own: dict[str, Published] = {}
        for quantity in VOCABULARY.sampled:
            if quantity.name not in taken:
                for name in _own_names(quantity):
                    self._own.setdefault(name, Published(Column(quantity, name, 1.0), name))

    def named(self, name: str) -> Iterable[Published]:
        """What ``name`` is: more than one where it was mapped with different labels; empty for a stranger."""
        if name in self._mapped:
            self._seen.add(name)
            return self._mapped[name]
        if name in self._ignored:
            return ()
        own = self._own.get(name)
        return () if own is None else (own,)

    def missing(self) -> str | None:
        """A sentence about what was mapped and never published; None if all of it was."""
        never = [f"{one.name} ({one.quantity.name})" for one in self.given if one.name not in self._seen]
        return f"mapped, and never published: {', '.join(never)}" if never else None

    def is_known(self, name: str) -> bool:
        """Whether it is a quantity, or was said to be none."""
        return name in self._mapped or name in self._own or name in self._ignored

    def _add(self, spec: str) -> None:
        ours, equals, rest = (part.strip() for part in spec.partition("="))
        theirs = rest if equals else ours
        if not ours or not theirs:
            raise RecordError(f"--map {spec}: not QUANTITY=NAME[:UNIT], as in pool.hits=app_hits_total")
        if ours == IGNORE:
            self._ignored.add(theirs)
            return
        quantity = metric_named(ours)
        if any(one.quantity.name == quantity.name for one in self.given):
            raise RecordError(f"--map {spec}: {quantity.name} is mapped twice")
        name, factor = _with_unit(spec, quantity, theirs)
        labels: dict[str, str] = {}
        if match := _LABELLED.fullmatch(name):
            name = match["name"].strip()
            labels = dict(_LABEL.findall(match["labels"]))
            if not labels:
                raise RecordError(f'--map {spec}: no labels; write {name}{{queue="a"}}')
        one = Published(Column(quantity, name, factor), name, labels)
        self._mapped.setdefault(name, []).append(one)
        self.given.append(one)


def _with_unit(spec: str, quantity: Quantity, theirs: str) -> tuple[str, float]:
    """Name and factor. A name may hold colons itself: what follows the last is a unit if the quantity has
    it."""
    name, colon, unit = theirs.rpartition(":")
    known = quantity.unit.factors
    if colon and unit.lower() in known:
        return name, known[unit.lower()]
    if colon and known and difflib.get_close_matches(unit.lower(), known, 1, 0.75):
        raise RecordError(f"--map {spec}: no unit {unit!r} for {quantity.name}; there are {', '.join(known)}")
    return theirs, 1.0


def _own_names(quantity: Quantity) -> tuple[str, ...]:
    """Under which names it needs no mapping; Prometheus has no dots, and ends a total's name so."""
    names = (quantity.name, quantity.column)
    total = f"{quantity.column}_total"
    return (*names, total) if quantity.kind is Kind.TOTAL else names


class Latest:
    """The newest value of each quantity, handed out once. Written by one thread, read by the sampler's.

    A total that falls to less than half is a counter that began again with a restart of whoever counts: what it
    had before is added from then on.
    """

    def __init__(self, probe: str) -> None:
        self._probe = probe
        self._lock = threading.Lock()
        self._fresh: dict[str, Number] = {}
        self._raw: dict[str, Number] = {}  # of totals, as last published
        self._before: dict[str, Number] = {}  # of totals, what earlier lives had counted
        self._notices: list[Notice] = []
        self._told: set[str] = set()
        self._restarts = 0
        self.count = 0  # of readings taken

    def publish(self, values: Mapping[Quantity, Number]) -> None:
        """Take readings."""
        with self._lock:
            for quantity, value in values.items():
                name = quantity.name
                # The record's reader would leave out the whole row.
                if abs(value) > LARGEST_READING:
                    self._tell_beyond(name)
                    continue
                if quantity.kind is Kind.TOTAL:
                    last = self._raw.get(name)
                    if last is not None and value < last * RESTART_SHARE:
                        self._before[name] = self._before.get(name, 0) + last
                        self._tell_restart(name, last, value)
                    self._raw[name] = value
                    value += self._before.get(name, 0)
                self._fresh[name] = value
                self.count += 1

    def take(self) -> dict[str, Number]:
        """What was published since the last call."""
        with self._lock:
            fresh, self._fresh = self._fresh, {}
            return fresh

    def tell(self, message: str, **data: Any) -> None:
        """Say something, once."""
        with self._lock:
            if message not in self._told and len(self._told) < MOST_UNMAPPED:
                self._told.add(message)
                self._notices.append(Notice(EventKind.PROBE, message, {"probe": self._probe, **data}))

    def tell_at_end(self, source: str, *found: str | None) -> None:
        """Say what was ``found`` amiss in all that ``source`` published. One that had no reading was silent."""
        silent = {} if self.count else {"silent": True}
        sentences = [one for one in found if one is not None]
        if silent and not sentences:
            sentences.append("no reading that is known")
        for one in sentences:
            self.tell(f"{source}: {one}", **silent)

    def notices(self) -> tuple[Notice, ...]:
        """What was said since the last call."""
        with self._lock:
            notices, self._notices = tuple(self._notices), []
            return notices

    def _tell_beyond(self, name: str) -> None:
        message = f"{name}: more than 64 bits hold was published, and is no reading"
        if message not in self._told:
            self._told.add(message)
            self._notices.append(Notice(EventKind.PROBE, message, {"probe": self._probe}))

    def _tell_restart(self, name: str, last: Number, value: Number) -> None:
        self._restarts += 1
        if self._restarts <= MOST_RESTARTS_TOLD:
            message = f"{name} fell from {last:,} to {value:,}: its counter began again, and is continued"
            self._notices.append(Notice(EventKind.RESTART, message, {"probe": self._probe, "quantity": name}))


def whole(value: float) -> Number:
    """An integer where ``value`` is one but for the rounding of a unit's factor (1.5 s are
    1,499,999,999.9999998 ns)."""
    nearest = round(value)
    return nearest if abs(value - nearest) <= ROUNDING * abs(value) else value


def strangers(names: Iterable[str]) -> str | None:
    """A sentence that lists names which are no quantity, and what to do about them; None without any."""
    there = sorted(names)
    if not there:
        return None
    more = f" and {len(there) - MOST_UNMAPPED:,} more" if len(there) > MOST_UNMAPPED else ""
    return (
        f"published, and no quantity by its name: {', '.join(there[:MOST_UNMAPPED])}{more}; "
        "--map QUANTITY=NAME takes one"
    )
