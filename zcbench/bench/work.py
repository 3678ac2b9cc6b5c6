"""The work that every peer does: what the packets hold, how many there are, how they are read.

A producer makes packets of ``size`` bytes as fast as the application lets it; none is dropped. The
application's threads get each packet as an ndarray of shape (frames, 2), float32, read its first and its last
sample, hold it for as long as the work says, and let it go. Reading costs the same whatever the size, so
that what remains is the hand-over; and the sum of what was read proves that every packet came, once and whole
at both ends.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

CHANNELS = 2
FRAME_BYTES = CHANNELS * 4
DEPTH = 64  # packets that may wait between the producer and the application
BATCH = 16  # packets that are taken by one call, where a peer has such a call
PAGE_BYTES = 4096
BLOCKS = 8  # different packets that the producer sends, round and round: as a driver's few buffers

Packet = NDArray[np.float32]


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """``size`` bytes a packet, a multiple of 8; ``hold`` packets held by the application, spread over its
    ``threads``. Each thread takes ``warm`` packets, then ``timed`` ones on the clock, then ``tail`` more, so
    that the clock starts and stops in the same steady state."""

    size: int
    hold: int
    threads: int
    warm: int
    timed: int

    @property
    def frames(self) -> int:
        """Frames in a packet."""
        return self.size // FRAME_BYTES

    @property
    def shape(self) -> tuple[int, int]:
        """Of a packet's array."""
        return self.frames, CHANNELS

    @property
    def held(self) -> int:
        """Packets that each thread holds."""
        return -(-self.hold // self.threads)

    @property
    def tail(self) -> int:
        """Packets of each thread after the clock has stopped."""
        return DEPTH + self.held + 1

    @property
    def share(self) -> int:
        """Packets of each thread in all."""
        return self.warm + self.timed + self.tail

    @property
    def packets(self) -> int:
        """Packets of all threads."""
        return self.share * self.threads

    @property
    def slots(self) -> int:
        """Packets for which there is memory: those that wait, those held, and one in each thread's hand."""
        return DEPTH + (self.held + 1) * self.threads

    @property
    def ring_slots(self) -> int:
        """The same where each thread has a ring of its own."""
        return -(-self.slots // self.threads)

    @property
    def expected(self) -> float:
        """The sum of all first and last samples. Exact: whole numbers below 2^53."""
        rounds, rest = divmod(self.packets, BLOCKS)
        each = [float(block[0, 0]) + float(block[-1, -1]) for block in blocks(self)]
        return rounds * sum(each) + sum(each[:rest])


def on_pages(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Ones, in memory of their own (zeros nobody wrote share one page), that begin where a page does, as a
    driver's buffers do. NumPy's begin 16 bytes after: copied from there to a slot, which begins at a multiple
    of 64, they took a fifth longer."""
    wanted = math.prod(shape) * 4
    memory = np.empty(wanted + PAGE_BYTES, np.uint8)
    start = -memory.ctypes.data % PAGE_BYTES
    made = memory[start : start + wanted].view(np.float32).reshape(shape)
    made.fill(1)
    return made


def blocks(work: Work) -> NDArray[np.float32]:
    """What the producer sends: shape (BLOCKS, frames, 2); each packet differs at both ends from the others."""
    made = on_pages((BLOCKS, *work.shape))
    made[:, 0, 0] = np.arange(1, BLOCKS + 1)
    made[:, -1, -1] = 100 * np.arange(1, BLOCKS + 1)
    return made


def take(packets: Iterable[Packet], holding: deque[Any]) -> float:
    """Read ``packets`` and hold as many as ``holding`` is long; the sum of their first and last samples."""
    total = 0.0
    if holding.maxlen:
        hold = holding.append  # drops the oldest
        for packet in packets:
            total += packet.item(0) + packet.item(-1)
            hold(packet)
    else:
        for packet in packets:
            total += packet.item(0) + packet.item(-1)
    return total


@dataclass(frozen=True)
class Reading:
    """What one thread's clock said: ``begin_ns`` and ``end_ns`` of the monotonic clock, its own CPU time
    between them, and the sum over all its packets."""

    begin_ns: int
    end_ns: int
    cpu_ns: int
    total: float
