"""Whether a packet's bytes are right, and if not, whose they are.

A replay's content is known, and stamped so that no two packets hold the same. A device's packets carry the
checksum that the engine took.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcbench.capture._content import Content
from zcbench.capture.engine import Packet
from zcbench.capture.sources import ReplaySource

# How far a wrong packet's bytes are looked for, in packets, and for how many packets: some 0.2 µs a packet.
LATER, EARLIER, SEARCHES = 8, 4096, 16
NEVER = 2**62  # packets after which content repeats that does not

Verifier = Callable[[Packet], bool]  # whether every byte is as captured


class Wrong(Enum):
    """What is known of a packet whose bytes are not its own."""

    UNEXPLAINED = "unexplained"
    STALE = "stale"  # all of them are another packet's
    SWAPPED = "swapped"  # its channels, in another order


class ReplayVerifier:
    """Compares a packet's bytes with what the source holds for its sequence number.

    ``content_period`` is after how many packets the content repeats: bytes that are old by so many look right.
    ``stale_by`` is by how many packets the bytes of the last stale packet were older (negative: newer).

    An engine of a user's own may replay ``source.pcm`` by itself, without the stamp. Its first packet shows;
    from then on packets are held against the PCM, and ``content_period`` is that of its loop.
    """

    def __init__(self, source: ReplaySource, frames: int) -> None:
        self._source, self._frames = source, frames
        self._first, self.stale_by, self._stale_of = True, 0, 0
        self._searches, self._order = SEARCHES, [0]
        self._stamped = source.stamped
        self._expect(stamped=source.stamped)

    def _expect(self, *, stamped: bool) -> None:
        pcm = self._source.pcm
        content = Content(pcm, pcm[:1].nbytes * self._frames, pcm.itemsize, stamped)
        self._matches, self._at = content.matches, content.place
        self._stamped = stamped
        plain = ReplaySource(pcm, self._source.name, stamped=stamped)
        self.content_period = min(plain.period(self._frames), NEVER)

    def __call__(self, packet: Packet) -> bool:
        """Whether every byte is as captured."""
        # As bytes: NaNs are equal to themselves, and a wrong size is a difference.
        try:
            right = self._matches(packet.array, packet.sequence)
        except (BufferError, TypeError, ValueError):  # not contiguous, or no buffer
            right = self._matches(np.ascontiguousarray(packet.array), packet.sequence)
        if self._first:
            self._first = False
            if not right and self._stamped:
                return self._without_stamp(packet)
        return right

    def place(self, samples: NDArray[Any], sequence: int) -> int:
        """The address of a packet's samples if every byte is right; else 0, and a call tells. Cheaper than a
        call."""
        try:
            return self._at(samples, sequence)
        except (BufferError, TypeError, ValueError):
            return 0

    def _without_stamp(self, packet: Packet) -> bool:
        self._expect(stamped=False)
        if self._matches(np.ascontiguousarray(packet.array), packet.sequence):
            return True
        self._expect(stamped=True)
        return False

    def explain(self, packet: Packet) -> Wrong:
        """Whose bytes a wrong packet holds. What was found before is tried first."""
        array, sequence = np.ascontiguousarray(packet.array), packet.sequence
        # As old as the last one, or the same bytes still: a slot that is never written.
        for age in (self.stale_by, sequence - self._stale_of):
            if self._is_stale(array, sequence, age):
                return self._stale(sequence, age)
        if self._is_swapped(array, sequence, self._order):
            return Wrong.SWAPPED
        if not self._searches:
            return Wrong.UNEXPLAINED
        self._searches -= 1
        for age in (*range(1, EARLIER), *range(-LATER, 0)):
            if self._is_stale(array, sequence, age):
                return self._stale(sequence, age)
        order = self._order_of(array, sequence)
        if self._is_swapped(array, sequence, order):
            self._order = order
            return Wrong.SWAPPED
        return Wrong.UNEXPLAINED

    def _stale(self, sequence: int, age: int) -> Wrong:
        self.stale_by, self._stale_of = age, sequence - age
        return Wrong.STALE

    def _is_stale(self, array: NDArray[Any], sequence: int, age: int) -> bool:
        return age != 0 and sequence >= age and self._matches(array, sequence - age)

    def _is_swapped(self, array: NDArray[Any], sequence: int, order: list[int]) -> bool:
        block = self._block(sequence)
        if array.shape != block.shape or sorted(order) != list(range(block.shape[1])):
            return False
        return array.tobytes() == block[:, order].tobytes()

    def _order_of(self, array: NDArray[Any], sequence: int) -> list[int]:
        """For each channel of ``array``, the channel of the source that it is; -1 for none."""
        if array.ndim != 2:
            return []
        channels = [column.tobytes() for column in self._block(sequence).T]
        found = [column.tobytes() for column in array.T]
        return [channels.index(c) if c in channels else -1 for c in found]

    def _block(self, sequence: int) -> NDArray[Any]:
        stamped = ReplaySource(self._source.pcm, self._source.name, stamped=self._stamped)
        return stamped.block(sequence, self._frames)


def verify_checksum(packet: Packet) -> bool:
    """Compares a packet's bytes with the CRC-32 that the engine took of them."""
    return packet.checksum == zlib.crc32(packet.array.data)
