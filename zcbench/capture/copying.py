"""The ordinary way: every packet is copied into ``bytes``. The baseline zero-copy is held against."""

from __future__ import annotations

import numpy as np

from zcbench.capture import _core
from zcbench.capture.detached import DetachedPacket
from zcbench.capture.native import NativeEngine


class CopyingEngine(NativeEngine):
    """The native engine with one ``bytes`` copy per packet; the slot returns within read().

    Its packets are read-only and have no lease.
    """

    copies = True  # where its packets lie says nothing of the pool

    def read(self, timeout: float | None = None) -> DetachedPacket | None:  # type: ignore[override]
        """The next packet, copied; see the protocol."""
        packet = super().read(timeout)
        return None if packet is None else self._copied(packet)

    def read_many(self, packets: int, timeout: float | None = None) -> list[DetachedPacket]:  # type: ignore[override]
        """The next packets, copied; see the protocol."""
        return [self._copied(packet) for packet in super().read_many(packets, timeout)]

    def _copied(self, packet: _core.Packet) -> DetachedPacket:
        with packet:
            samples = np.frombuffer(bytes(packet), self.format.dtype)
            return DetachedPacket(
                packet.sequence,
                packet.time_ns,
                packet.flags,
                packet.checksum,
                samples.reshape(packet.frames, packet.channels),
            )
