"""An application whose packets wait for the garbage collector."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from zcbench.consumers.consumer import Traits

if TYPE_CHECKING:
    from zcbench.capture.engine import Packet
    from zcbench.consumers.ledger import PacketLedger


class Cycle:
    """Leaves each packet in a reference cycle: only the garbage collector gives it back, as V8 would."""

    pause_s = 0.0
    traits = Traits(keeps_packets=True, needs_gc=True, does="leaves its packets to the garbage collector")

    class Node:
        """One link to itself. Its finaliser runs when gc frees the cycle, just before the packet goes."""

        def __init__(self, packet: Packet, ledger: PacketLedger) -> None:
            self.packet, self.ledger = packet, ledger
            self.itself = self

        def __del__(self) -> None:
            self.ledger.release(self.packet)

    def consume(self, packet: Packet, ledger: PacketLedger) -> None:
        """See :class:`Consumer`."""
        Cycle.Node(packet, ledger)

    def drain(self, ledger: PacketLedger) -> None:
        """See :class:`Consumer`."""
        gc.collect()
