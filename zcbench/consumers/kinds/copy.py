"""An application that takes the samples and not the packet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zcbench.consumers.consumer import Traits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zcbench.capture.engine import Packet
    from zcbench.consumers.ledger import PacketLedger


class Copy:
    """Copies the samples out and lets the packet go; keeps the newest copy."""

    pause_s = 0.0
    traits = Traits(keeps_packets=False)

    def __init__(self) -> None:
        self._newest: NDArray[Any] | None = None

    def consume(self, packet: Packet, ledger: PacketLedger) -> None:
        """See :class:`Consumer`."""
        self._newest = packet.array.copy()
        ledger.release(packet)

    def drain(self, ledger: PacketLedger) -> None:
        """See :class:`Consumer`."""
        self._newest = None
