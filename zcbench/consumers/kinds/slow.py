"""An application that works on each packet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zcbench.consumers.consumer import Option, Traits
from zcbench.quantities.parsing import Duration

if TYPE_CHECKING:
    from zcbench.capture.engine import Packet
    from zcbench.consumers.ledger import PacketLedger


class Slow:
    """Works ``work`` seconds on each packet before letting it go."""

    pause_s = 0.0
    traits = Traits(
        keeps_packets=False,
        rhythm="work",
        options=(Option("work", Duration(0.001), "work T a packet"),),
    )

    def __init__(self, work: float) -> None:
        self._work_s = work

    def consume(self, packet: Packet, ledger: PacketLedger) -> None:
        """See :class:`Consumer`."""
        time.sleep(self._work_s)
        ledger.release(packet)

    def drain(self, ledger: PacketLedger) -> None:
        """See :class:`Consumer`."""
