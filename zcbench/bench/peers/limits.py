"""What nobody can beat: copying the same packets into the same number of slots, with no hand-over at all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice

import numpy as np

from zcbench.bench import _native
from zcbench.bench.work import Packet, Work, blocks, on_pages


class Copyto:
    """A loop in Python: ``np.copyto`` into the next slot, which is read at once. For ``threads`` above 1 each
    of them loops."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._slots = on_pages((work.threads, work.ring_slots, *work.shape))

    def start(self) -> None:
        """See Peer: nothing to start."""

    def packets(self, thread: int) -> Iterator[Packet]:
        """See Peer."""
        work, copyto = self._work, np.copyto
        # The packets that a producer would have dealt to this thread.
        source = islice(cycle(blocks(work)), thread, None, work.threads)
        for slot, packet in zip(islice(cycle(list(self._slots[thread])), work.share), source, strict=False):
            copyto(slot, packet)
            yield slot

    def close(self) -> None:
        """See Peer."""

    def producer_cpu_ns(self) -> int:
        """See Peer."""
        return 0


class Memcpy:
    """A loop in C around ``memcpy``, in one thread. It hands nothing over, so it reads nothing."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._slots = on_pages((work.slots, *work.shape))
        self._source = blocks(work)

    def run(self, packets: int) -> int:
        """Copy so many packets; the nanoseconds it took."""
        return _native.copy_packets(self._source, self._slots, self._work.size, packets)


PEERS = {"copyto": Copyto, "memcpy": Memcpy}
