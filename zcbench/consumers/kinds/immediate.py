"""An application that is done with each packet at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zcbench.consumers.consumer import Traits

if TYPE_CHECKING:
    from zcbench.capture.engine import Packet
    from zcbench.consumers.ledger import PacketLedger


class Immediate:
    """Lets each packet go at once."""

    pause_s = 0.0
    traits = Traits(keeps_packets=False, does="returns at once")

    def consume(self, packet: Packet, ledger: PacketLedger) -> None:
        """See :class:`Consumer`."""
        ledger.release(packet)

    def drain(self, ledger: PacketLedger) -> None:
        """See :class:`Consumer`."""
