"""What an application does with packets: how long it holds them, and who sees whether their bytes are right.

:func:`run` is the application's loop. Every packet's sequence number is followed; with a verifier, every
byte is compared on delivery and again just before the packet is let go.
"""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from numpy.typing import NDArray

from zcbench.capture.engine import CaptureEngine, Packet, PacketFlags
from zcbench.claims import Claims
from zcbench.clock import now_ns
from zcbench.page.scoreboard import Scoreboard
from zcbench.verifiers import ReplayVerifier, Verifier, Wrong, verify_checksum

__all__ = [
    "CONSUMERS", "Consumer", "ReplayVerifier", "Slots", "Tally", "Verifier", "address_of", "make_consumer",
    "run", "verify_checksum",
]  # fmt: skip

CONSUMERS = ("immediate", "hold", "cycle", "slow", "burst", "copy")

_POLL_S = 0.25  # how often a waiting loop looks whether it is to stop
PATIENCE = 4  # laps after which a marked slot is given up: it is held, or lost
_XRUN = int(PacketFlags.XRUN)
_OVERFLOW = int(PacketFlags.OVERFLOW)  # an IntFlag's & takes 2 us, forty times an int's


class Slots:
    """Follows where packets lie: whether two held at once share memory, and how soon a slot is used again.

    What is held is as many entries as the application holds packets; the rest is one marked slot. An adaptive
    pool has another number of slots now and then: a lap begun before that says nothing, and is begun anew.
    """

    def __init__(self, board: Scoreboard) -> None:
        self._words, self._at = board.words, board.index["pool.slots"]
        self._slots = 0  # when the slot was marked
        self._held: dict[int, int] = {}
        self._marked, self._marked_at = 0, 0
        self._taken = 0  # packets in slots; overflow blocks would lengthen the lap

    def take(self, packet: Packet, address: int) -> tuple[bool, int]:
        """A packet came at ``address``: is that still held, and the packets in slots since the marked slot's
        last use if this is it (else 0; -1 when what was known of it has become void)."""
        shared = address in self._held
        self._held[address] = self._held.get(address, 0) + 1
        distance = 0
        flags = packet.flags
        if not flags or not int(flags) & _OVERFLOW:
            self._taken += 1
            since = self._taken - self._marked_at
            slots = self._words[self._at] or 1
            if slots != self._slots:
                distance = -1
            elif address == self._marked:
                distance = since
            if distance or since > PATIENCE * slots:
                self._marked, self._marked_at, self._slots = address, self._taken, slots
        return shared, distance

    def let_go(self, address: int) -> None:
        """A packet at ``address`` is about to be released."""
        left = self._held.get(address, 0) - 1
        if left > 0:
            self._held[address] = left
        else:
            self._held.pop(address, None)


def address_of(array: NDArray[Any]) -> int:
    """Where an array's samples begin."""
    try:
        # A fifth of the cost of array.ctypes.data, and a twelfth of array.__array_interface__.
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # read-only, as a copy in bytes is; or empty
        return array.ctypes.data


class Tally:
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
        self._slots = Slots(board)
        self._at = {
            name.partition(".")[2]: i
            for name, i in board.index.items()
            if name.startswith("consumer.")
        }
        self._stop_at = board.index["engine.stop_ns"]
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
        """The first packet shows what the engine replays: see :class:`zcbench.verifiers.ReplayVerifier`."""
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
        shared, distance = self._slots.take(packet, place)
        if shared:
            self._add("aliased")
        if distance:
            self._words[self._at["reuse_distance"]] = max(0, distance)
        if self._packet_bytes is not None and samples.nbytes != self._packet_bytes:
            self._add("wrong_size")

    def let_go(self, packet: Packet) -> None:
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
        self._slots.let_go(place)
        self._add("rechecked")
        memory = None if self._claims is None else self._claims.watch_owner(packet)
        del samples
        packet.release()
        if memory is not None and self._claims is not None:
            self._claims.released(memory)


class Consumer(Protocol):
    """What is done with one packet. ``pause_s`` is slept between readings of all that is there."""

    pause_s: float

    def consume(self, packet: Packet, tally: Tally) -> None:
        """Take over ``packet``; let it go now or later."""
        ...

    def drain(self, tally: Tally) -> None:
        """The stream is over: let go of everything."""
        ...


class Immediate:
    """Lets each packet go at once."""

    pause_s = 0.0

    def consume(self, packet: Packet, tally: Tally) -> None:
        """See :class:`Consumer`."""
        tally.let_go(packet)

    def drain(self, tally: Tally) -> None:
        """See :class:`Consumer`."""


class Hold:
    """Keeps the packets of the last ``hold_s`` seconds of the stream."""

    pause_s = 0.0

    def __init__(self, hold_s: float) -> None:
        self._hold_ns = round(hold_s * 1e9)
        self._kept: deque[Packet] = deque()

    def consume(self, packet: Packet, tally: Tally) -> None:
        """See :class:`Consumer`."""
        self._kept.append(packet)
        while self._kept and self._kept[0].time_ns <= packet.time_ns - self._hold_ns:
            tally.let_go(self._kept.popleft())
        tally.hold(len(self._kept))

    def drain(self, tally: Tally) -> None:
        """See :class:`Consumer`."""
        while self._kept:
            tally.let_go(self._kept.popleft())
        tally.hold(0)


class Cycle:
    """Leaves each packet in a reference cycle: only the garbage collector gives it back, as V8 would."""

    pause_s = 0.0

    class Node:
        """One link to itself. Its finaliser runs when gc frees the cycle, just before the packet goes."""

        def __init__(self, packet: Packet, tally: Tally) -> None:
            self.packet, self.tally = packet, tally
            self.itself = self

        def __del__(self) -> None:
            self.tally.let_go(self.packet)

    def consume(self, packet: Packet, tally: Tally) -> None:
        """See :class:`Consumer`."""
        Cycle.Node(packet, tally)

    def drain(self, tally: Tally) -> None:
        """See :class:`Consumer`."""
        gc.collect()


class Slow:
    """Works ``work_s`` seconds on each packet before letting it go."""

    pause_s = 0.0

    def __init__(self, work_s: float) -> None:
        self._work_s = work_s

    def consume(self, packet: Packet, tally: Tally) -> None:
        """See :class:`Consumer`."""
        time.sleep(self._work_s)
        tally.let_go(packet)

    def drain(self, tally: Tally) -> None:
        """See :class:`Consumer`."""


class Burst(Immediate):
    """Reads everything that is there, then nothing for ``every_s`` seconds."""

    def __init__(self, every_s: float) -> None:
        self.pause_s = every_s


class Copy:
    """Copies the samples out and lets the packet go; keeps the newest copy."""

    pause_s = 0.0

    def __init__(self) -> None:
        self._newest: NDArray[Any] | None = None

    def consume(self, packet: Packet, tally: Tally) -> None:
        """See :class:`Consumer`."""
        self._newest = packet.array.copy()
        tally.let_go(packet)

    def drain(self, tally: Tally) -> None:
        """See :class:`Consumer`."""
        self._newest = None


def make_consumer(
    kind: str, *, hold_s: float = 1.0, work_s: float = 0.001, every_s: float = 0.1
) -> Consumer:
    """The consumer called ``kind``; the times are in seconds. Raises ValueError naming those there are."""
    match kind:
        case "immediate":
            return Immediate()
        case "hold":
            return Hold(hold_s)
        case "cycle":
            return Cycle()
        case "slow":
            return Slow(work_s)
        case "burst":
            return Burst(every_s)
        case "copy":
            return Copy()
    raise ValueError(f"no consumer {kind!r}; there are: {', '.join(CONSUMERS)}")


def run(engine: CaptureEngine, consumer: Consumer, tally: Tally, stop: threading.Event) -> None:
    """Read ``engine`` into ``consumer`` until the stream ends; once ``stop`` is set, stop the engine first.

    What was captured before the stop is still consumed. Whatever engine or consumer raise comes through.
    """
    stopped = False
    while True:
        if stop.is_set() and not stopped:
            tally.stream_stopped()  # before stop(): closing a device takes a while, and captures nothing
            engine.stop()
            stopped = True
        asked_ns = now_ns()
        try:
            packet = engine.read(0.0 if consumer.pause_s else _POLL_S)
        except TimeoutError:
            if consumer.pause_s:
                stop.wait(consumer.pause_s)
            continue
        if packet is None:
            if not stopped:
                tally.stream_stopped()
            return
        tally.take(packet, asked_ns)
        consumer.consume(packet, tally)
        del packet  # or it would be held until the next one comes
