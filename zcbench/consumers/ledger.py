"""The consumer's counters: every packet's number is followed, its bytes are compared twice.

With a verifier, bytes are compared on delivery and again just before the packet is released.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from zcbench.capture.engine import Packet
from zcbench.clock import now_ns
from zcbench.consumers.claims import Claims
from zcbench.consumers.reuse import ReuseTracker
from zcbench.consumers.verifying import ReplayVerifier, Verifier, Wrong
from zcbench.page.scoreboard import Scoreboard
from zcbench.quantities.names import ENGINE_STOP_NS


def address_of(array: NDArray[Any]) -> int:
    """Where an array's samples begin."""
    try:
        # A fifth of the cost of array.ctypes.data, and a twelfth of array.__array_interface__.
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # read-only, as a copy in bytes is; or empty
        return array.ctypes.data


class PacketLedger:
    """The consumer's counters, kept on the scoreboard: order, gaps, and whether bytes were right.

    With a verifier it also follows the packets' memory and size (``packet_bytes``), and with ``claims`` what
    the engine says of them.
    """

    def __init__(
        self,
        board: Scoreboard,
        verify: Verifier | None,
        packet_bytes: int | None = None,
        claims: Claims | None = None,
    ) -> None:
        self._words = board.words
        self._packet_bytes = packet_bytes
        self._claims = claims
        self._reuse = ReuseTracker(board)
        self._at = {
            name.partition(".")[2]: i for name, i in board.index.items() if name.startswith("consumer.")
        }
        self._stop_at = board.index[ENGINE_STOP_NS]
        self._replay = verify if isinstance(verify, ReplayVerifier) else None
        self._verify = verify if self._replay is None else self._verify_first
        self._place: Callable[[NDArray[Any], int], int] | None = None  # once the first one is seen
        self._next = 0

    def _add(self, name: str, n: int = 1) -> None:
        self._words[self._at[name]] += n

    def stream_stopped(self) -> None:
        """Note when the producer made its last packet."""
        self._words[self._stop_at] = now_ns()

    def hold(self, held: int) -> None:
        """Note how many packets the application knowingly keeps."""
        self._words[self._at["held"]] = held

    def take(self, packet: Packet, asked_ns: int = 0) -> None:
        """A packet arrived that was asked for at ``asked_ns`` (0: not known): follow its number, compare its
        bytes."""
        sequence = packet.sequence
        ahead = sequence - self._next
        if not ahead:
            self._next += 1
        elif ahead > 0:
            self._add("gaps")
            self._add("missing", ahead)
            self._next = sequence + 1
        else:
            self._add("duplicates" if ahead == -1 else "reordered")
        # Before the bytes are read: if that crashes, this is the packet that did it.
        self._words[self._at["last_sequence"]] = sequence
        self._add("received")
        if self._verify is not None:
            samples = packet.array
            place = self._compare(packet, samples)
            self._follow(packet, samples, place)
            if self._claims is not None:
                self._claims.take(packet, samples, place, ahead, asked_ns)
                self._add("followed")

    def _compare(self, packet: Packet, samples: NDArray[Any]) -> int:
        """Compare the bytes of a packet that arrived; where they are."""
        assert self._verify is not None
        place = self._place(samples, packet.sequence) if self._place is not None else 0
        if not place:
            place = address_of(samples)
            if not self._verify(packet):
                self._explain(packet)
        self._add("checked")
        return place

    def _verify_first(self, packet: Packet) -> bool:
        """The first packet shows what the engine replays: see :class:`.ReplayVerifier`."""
        assert self._replay is not None
        right = self._replay(packet)
        self._words[self._at["content_period"]] = self._replay.content_period
        self._verify, self._place = self._replay, self._replay.place
        return right

    def _explain(self, packet: Packet) -> None:
        """Count a packet whose bytes are wrong, and what is known of them."""
        self._add("corrupt_on_delivery")
        if self._replay is None:
            return
        wrong = self._replay.explain(packet)
        if wrong is Wrong.STALE:
            self._add("stale")
            self._words[self._at["stale_by"]] = max(0, self._replay.stale_by)
        elif wrong is Wrong.SWAPPED:
            self._add("swapped_channels")

    def _follow(self, packet: Packet, samples: NDArray[Any], place: int) -> None:
        shared, distance = self._reuse.take(packet, place)
        if shared:
            self._add("aliased")
        if distance:
            self._words[self._at["reuse_distance"]] = max(0, distance)
        if self._packet_bytes is not None and samples.nbytes != self._packet_bytes:
            self._add("wrong_size")

    def release(self, packet: Packet) -> None:
        """Compare the bytes once more, then release the packet."""
        if self._verify is None:
            packet.release()
            return
        samples = packet.array
        place = self._place(samples, packet.sequence) if self._place is not None else 0
        if not place:
            place = address_of(samples)
            if not self._verify(packet):
                self._add("corrupt_before_return")
        self._reuse.release(place)
        self._add("rechecked")
        memory = None if self._claims is None else self._claims.watch_owner(packet)
        del samples
        packet.release()
        if memory is not None and self._claims is not None:
            self._claims.released(memory)
