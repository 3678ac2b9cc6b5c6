"""What a planted bug is, and how one gets into a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zcbench.capture.engine import CaptureEngine, Packet
from zcbench.consumers.consumer import Consumer
from zcbench.consumers.ledger import PacketLedger


class FaultyConsumer:
    """A consumer that does its damage and otherwise behaves like ``inner``, the scenario's own.

    A subclass says in ``_damage`` what it does when a packet was taken, before it can be let go.
    """

    def __init__(self, inner: Consumer) -> None:
        self._inner = inner
        self.pause_s = inner.pause_s

    def consume(self, packet: Packet, ledger: PacketLedger) -> None:
        """See :class:`zcbench.consumers.Consumer`."""
        self._damage(packet)
        self._inner.consume(packet, ledger)

    def drain(self, ledger: PacketLedger) -> None:
        """See :class:`zcbench.consumers.Consumer`."""
        self._inner.drain(ledger)

    def _damage(self, packet: Packet) -> None:
        pass


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


def plant(
    fault: Fault, engine: type[CaptureEngine], consumer: Consumer
) -> tuple[type[CaptureEngine], Consumer]:
    """``engine`` and ``consumer`` with ``fault`` in the one that it is about."""
    return (
        engine if fault.engine is None else fault.engine,
        consumer if fault.consumer is None else fault.consumer(consumer),
    )
