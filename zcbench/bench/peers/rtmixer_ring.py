"""rtmixer's ring buffer: written by C without the GIL, as its callback does; read where it lies.

The documentation of pa-ringbuffer says that it is not for passing data between Python threads, so the
producer is a loop in C around the function that rtmixer's callback calls. The application takes what there is
with ``get_read_buffers()``, makes arrays over it, and gives it back with ``advance_read_index()``: no copy, but
no ownership either. An array that is kept longer is overwritten.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import rtmixer

from zcbench.bench import _native
from zcbench.bench.work import BATCH, Packet, Work, blocks


class RtmixerRing:
    """A ring for each thread, since it has one reader; an element is a packet."""

    def __init__(self, work: Work) -> None:
        self._work = work
        slots = 1 << (work.ring_slots + BATCH - 1).bit_length()
        self._rings = [rtmixer.RingBuffer(work.size, slots) for _ in range(work.threads)]
        self._thread = threading.Thread(target=self._produce, daemon=True)

    def _produce(self) -> None:
        ffi, lib = rtmixer._ffi, rtmixer._lib
        write = int(ffi.cast("uintptr_t", ffi.addressof(lib, "PaUtil_WriteRingBuffer")))
        rings = tuple(int(ffi.cast("uintptr_t", ring._ptr)) for ring in self._rings)
        source = blocks(self._work).reshape(-1)
        _native.write_ring(write, rings, source, self._work.size, self._work.packets)

    def start(self) -> None:
        """See Peer."""
        self._thread.start()

    def packets(self, thread: int) -> Iterator[Packet]:
        """See Peer."""
        ring, work = self._rings[thread], self._work
        wanted, kept = work.share, 0
        while wanted:
            # The ring knows only what was given back: what is still held comes once more, before what is new.
            count, *parts = ring.get_read_buffers(kept + min(BATCH, wanted))
            new = count - kept
            if not new:
                time.sleep(0)  # it has no way to wait either
                continue
            first, second = (np.frombuffer(p, np.float32).reshape(-1, *work.shape) for p in parts)
            yield from first[kept:]
            yield from second[max(0, kept - len(first)) :]
            wanted, kept = wanted - new, count
            if kept > work.held:
                ring.advance_read_index(kept - work.held)
                kept = work.held

    def close(self) -> None:
        """See Peer."""
        self._thread.join()

    def producer_cpu_ns(self) -> int:
        """See Peer."""
        return 0


PEERS = {"rtmixer": RtmixerRing}
