"""Planted bugs, each naming the finding it must get: what proves that a verdict is right.

A fault plants an engine (a subclass of the reference engine) or a :class:`FaultyConsumer` (around the
scenario's own). It declares what it is and what it must be called; :data:`FAULTS` lists them all, and
``zcbench run --fault NAME`` plants one in any run.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zcbench.capture.engine import CaptureEngine, Packet
from zcbench.consumers import Consumer, Tally


class FaultyConsumer:
    """A consumer that does its damage and otherwise behaves like ``inner``, the scenario's own."""

    def __init__(self, inner: Consumer) -> None:
        self._inner = inner
        self.pause_s = inner.pause_s

    def consume(self, packet: Packet, tally: Tally) -> None:
        """See :class:`zcbench.consumers.Consumer`."""
        self._inner.consume(packet, tally)

    def drain(self, tally: Tally) -> None:
        """See :class:`zcbench.consumers.Consumer`."""
        self._inner.drain(tally)


@dataclass(frozen=True)
class Fault:
    """A planted bug: ``engine`` or ``consumer`` replaces the scenario's.

    ``check`` and ``cause`` are the finding it must get ("pool.recycling", "never_recycled"); both None for a
    benign one, which must not fail. ``settings`` are the scenario keys of the run that shows it
    ("pool.slots": "10"). A ``slow`` one needs minutes and is left to the full selftest.
    """

    name: str
    meaning: str
    check: str | None = None
    cause: str | None = None
    engine: type[Any] | None = None
    consumer: type[FaultyConsumer] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False


class UnknownFaultError(ValueError):
    """There is no fault of that name; the message has the nearest ones."""


FAULTS: tuple[Fault, ...] = ()


def find_fault(name: str) -> Fault:
    """The fault called ``name``. Raises UnknownFaultError."""
    names = [fault.name for fault in FAULTS]
    if name in names:
        return FAULTS[names.index(name)]
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UnknownFaultError(f"no fault {name!r}; {hint}`zcbench selftest --list` lists them")


def plant(
    fault: Fault, engine: type[CaptureEngine], consumer: Consumer
) -> tuple[type[CaptureEngine], Consumer]:
    """``engine`` and ``consumer`` with ``fault`` in the one that it is about."""
    return (
        engine if fault.engine is None else fault.engine,
        consumer if fault.consumer is None else fault.consumer(consumer),
    )
