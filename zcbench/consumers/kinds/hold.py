"""An application that keeps packets for a while."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from zcbench.consumers.consumer import Option, Traits
from zcbench.quantities.parsing import Duration

if TYPE_CHECKING:
    from zcbench.capture.engine import Packet
    from zcbench.consumers.ledger import PacketLedger


class Hold:
    """Keeps the packets of the last ``hold`` seconds of the stream."""

    pause_s = 0.0
    traits = Traits(
        keeps_packets=True,
        holding="hold",
        does="keeps {hold} of packets",
        options=(Option("hold", Duration(1.0), "keep the last T", may_be_zero=True),),
    )

    def __init__(self, hold: float) -> None:
        self._hold_ns = round(hold * 1e9)
        self._kept: deque[Packet] = deque()

    def consume(self, packet: Packet, ledger: PacketLedger) -> None:
        """See :class:`Consumer`."""
        self._kept.append(packet)
        while self._kept and self._kept[0].time_ns <= packet.time_ns - self._hold_ns:
            ledger.release(self._kept.popleft())
        ledger.hold(len(self._kept))

    def drain(self, ledger: PacketLedger) -> None:
        """See :class:`Consumer`."""
        while self._kept:
            ledger.release(self._kept.popleft())
        ledger.hold(0)
