"""What a consumer of a user's own gets: packets that the ledger hears of however they are released."""

from __future__ import annotations

import threading
from typing import Any, Self

from zcbench.capture.engine import Packet
from zcbench.consumers.ledger import PacketLedger


class OwnedPacket:
    """A packet that tells the ledger of its ``release()``, ``with`` block or end: its bytes are compared first.

    Else a slot that comes back unheard of would look as if two packets shared it.
    """

    __slots__ = ("_ledger", "_lock", "_packet", "_released")

    def __init__(self, packet: Packet, ledger: PacketLedger, lock: threading.RLock) -> None:
        self._packet, self._ledger, self._lock, self._released = packet, ledger, lock, False

    def release(self) -> None:
        """Compare the bytes once more, then release the packet. Doing so again does nothing."""
        with self._lock:
            if not self._released:
                self._released = True
                self._ledger.release(self._packet)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._packet, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


class OwnedLedger:
    """The part of a ledger that an application needs."""

    def __init__(self, ledger: PacketLedger) -> None:
        self._ledger = ledger

    def release(self, packet: OwnedPacket) -> None:
        """Release ``packet``, as its own ``release()`` does."""
        packet.release()

    def hold(self, held: int) -> None:
        """Note how many packets the application keeps on purpose."""
        self._ledger.hold(held)


class OwnedConsumer:
    """A consumer of a user's own in the place of one of ours."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        # Any thread may release, and gc may end a packet inside of a release.
        self._lock = threading.RLock()
        # Only one that reads in bursts has it.
        self.pause_s: float = getattr(inner, "pause_s", 0.0)

    def consume(self, packet: Packet, ledger: PacketLedger) -> None:
        """See :class:`~zcbench.consumers.consumer.Consumer`."""
        self._inner.consume(OwnedPacket(packet, ledger, self._lock), OwnedLedger(ledger))

    def drain(self, ledger: PacketLedger) -> None:
        """See :class:`~zcbench.consumers.consumer.Consumer`."""
        self._inner.drain(OwnedLedger(ledger))
