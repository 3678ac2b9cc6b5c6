"""What an engine says of its packets, held against what the harness sees: times, flags, shapes, memory."""

from __future__ import annotations

import array as arrays
import ctypes
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcbench.capture.detached import DetachedPacket
from zcbench.capture.engine import Packet, PacketFlags, StreamFormat
from zcbench.clock import now_ns
from zcbench.page.scoreboard import Scoreboard
from zcbench.quantities.names import (
    CONSUMER_AGE_NS,
    CONSUMER_EARLY_NS,
    CONSUMER_LATE_NS,
    CONSUMER_PLACES,
    ENGINE_START_NS,
    POOL_SLOTS,
)

_GAP, _OVERFLOW = int(PacketFlags.GAP), int(PacketFlags.OVERFLOW)

# Places are remembered in pools of so many slots at most: 32 KB, in the pool's first lap.
MOST_PLACES = 512
OWNER_EVERY = 64  # packets from one whose memory's owner is looked at to the next
WINDOW_NS = 1_000_000_000  # of the least lateness
# Of a window's packets, those that a reader who had nothing else to do waited for.
FEWEST_WAITED = 0.2
# A packet cannot be stamped before it was due. Allowed are one packet (a source may hand out its first one at
# once), 5 ms of start-up, and a clock that is 0.1 % fast: more is for the rate check to say.
EARLY_NS, EARLY_SHARE = 5_000_000, 1_000


class Claims:
    """Follows every packet; counts on the board, under ``consumer.``.

    ``period_ns`` is the time from one packet to the next, None where none is due at a time.
    ``copies``: the engine says that its packets lie in memory of their own.
    """

    def __init__(
        self,
        board: Scoreboard,
        format: StreamFormat,
        *,
        period_ns: float | None = None,
        copies: bool = False,
    ) -> None:
        self._words, self._index = board.words, board.index
        self._shape = (format.frames, format.channels)
        self._dtype = np.dtype(format.dtype)
        self._said = (format.frames, format.channels, format.packet_bytes)
        self._period_ns, self._copies = period_ns, copies
        self._places: set[int] = set()
        self._began_ns = 0
        self._start_ns = 0
        self._time_ns, self._stood, self._stood_from_ns = 0, 0, 0
        self._looked = 0
        self._late: float = float("inf")
        self._age = self._packets = self._waited = self._until_ns = 0
        self._prompt = self._prompt_before = float("inf")
        self._prompt_until_ns = 0

    def _add(self, name: str, n: int = 1) -> None:
        self._words[self._index["consumer." + name]] += n

    def _most(self, name: str, value: int) -> None:
        at = self._index["consumer." + name]
        if value > self._words[at]:
            self._words[at] = value

    def begin(self) -> None:
        """Note when the stream was asked to start: before that nothing can have been captured."""
        self._began_ns = now_ns()

    def take(self, packet: Packet, samples: NDArray[Any], place: int, ahead: int, asked_ns: int) -> None:
        """A packet came at address ``place``, ``ahead`` numbers after the one expected, asked for at
        ``asked_ns``."""
        now, time_ns, flags = now_ns(), packet.time_ns, packet.flags
        if samples.shape != self._shape or samples.dtype != self._dtype or self._otherwise(packet):
            self._add("wrong_shape")
        if flags or ahead > 0:
            self._flags(int(flags), ahead)
        if place not in self._places:
            self._new_place(packet, samples, place)
        if not time_ns:
            self._add("time_missing")
            return
        if time_ns > now:
            self._add("time_ahead")
            self._most("time_ahead_ns", time_ns - now)
        if not ahead:
            if time_ns <= self._time_ns:
                self._not_later(time_ns, now)
            elif self._stood:
                self._stood = 0
        self._time_ns = time_ns
        if self._period_ns is not None:
            self._lateness(packet.sequence, time_ns, now, asked_ns)

    def _otherwise(self, packet: Packet) -> bool:
        """Does the packet say another size than the stream's? An engine of a user's own need not say any."""
        frames, channels, nbytes = self._said
        return bool(
            getattr(packet, "frames", frames) != frames
            or getattr(packet, "channels", channels) != channels
            or getattr(packet, "nbytes", nbytes) != nbytes
        )

    def _flags(self, flags: int, ahead: int) -> None:
        if flags & _OVERFLOW:
            self._add("flagged_overflow")
        if flags & _GAP and ahead <= 0:
            self._add("gap_flag_false")
        if not flags & _GAP and ahead > 0:
            self._add("gap_flag_missing")

    def _not_later(self, time_ns: int, now: int) -> None:
        if time_ns < self._time_ns:
            self._add("time_backward")
            self._most("time_backward_ns", self._time_ns - time_ns)
            return
        if not self._stood:
            self._stood_from_ns = now
        self._stood += 1
        # Packets that a host hands over at once may have one time: the shorter counts.
        stood_ns = now - self._stood_from_ns
        if self._period_ns is not None:
            stood_ns = min(stood_ns, round(self._stood * self._period_ns))
        self._most("time_stood_ns", stood_ns)

    # -- when a packet was due

    def overdue(self, sequence: int, now: int) -> int:
        """How much later than the promptest of the last second or two a packet comes at ``now``, each against
        when it was due, ns: what a stall makes of a packet, whatever its stamp. 0 where none is due at a time.

        A packet that is stamped when it was due is never more overdue than it is old."""
        if self._period_ns is None:
            return 0
        late = now - (sequence + 1) * self._period_ns
        if now >= self._prompt_until_ns:
            self._prompt_until_ns = now + WINDOW_NS
            self._prompt_before, self._prompt = self._prompt, late
        self._prompt = min(self._prompt, late)
        return round(late - min(self._prompt, self._prompt_before))

    def _lateness(self, sequence: int, time_ns: int, now: int, asked_ns: int) -> None:
        assert self._period_ns is not None
        since = (sequence + 1) * self._period_ns
        if not self._start_ns:
            self._start_ns = self._words[self._index[ENGINE_START_NS]] or now - round(since)
            self._clear(now)
        if self._began_ns:
            early = self._began_ns + since - time_ns
            if early > self._period_ns + EARLY_NS + since / EARLY_SHARE:
                self._add("time_early")
                self._most("time_early_ns", round(early))
        self._packets += 1
        if asked_ns and now - asked_ns > self._period_ns / 4:
            self._waited += 1
            late = now - self._start_ns - since
            if late < self._late:
                self._late, self._age = late, now - time_ns
        if now >= self._until_ns:
            self._publish()
            self._clear(now)

    def _clear(self, now: int) -> None:
        self._until_ns = now + WINDOW_NS
        self._packets = self._waited = 0
        self._late = float("inf")
        self._age = 0

    def _publish(self) -> None:
        known = self._waited >= max(1, FEWEST_WAITED * self._packets)
        late = round(self._late) if known else 0
        words, index = self._words, self._index
        words[index[CONSUMER_LATE_NS]] = max(0, late)
        words[index[CONSUMER_EARLY_NS]] = max(0, -late)
        words[index[CONSUMER_AGE_NS]] = max(0, self._age) if known else 0

    # -- where packets lie

    def _new_place(self, packet: Packet, samples: NDArray[Any], place: int) -> None:
        slots = self._words[self._index[POOL_SLOTS]]
        if int(packet.flags) & _OVERFLOW:
            return
        if self._copies or not 0 < slots <= MOST_PLACES or len(self._places) > 2 * MOST_PLACES:
            return
        if isinstance(packet, DetachedPacket) or not samples.flags.writeable:
            return  # a copy, and says so: no claim on a slot
        self._places.add(place)
        self._words[self._index[CONSUMER_PLACES]] = len(self._places)

    def watch_owner(self, packet: Packet) -> weakref.ref[Any] | None:
        """The owner of the memory of one packet in 64, to be shown to :meth:`released`; None of the others.

        Memory that dies with the packet never was a slot."""
        self._looked += 1
        if self._looked % OWNER_EVERY or self._copies or isinstance(packet, DetachedPacket):
            return None
        if int(packet.flags) & _OVERFLOW:
            return None
        return owner(packet.array)

    def released(self, memory: weakref.ref[Any]) -> None:
        """The packet was let go: is its memory still there?"""
        self._add("owners")
        if memory() is None:
            self._add("fresh")


def owner(samples: Any) -> weakref.ref[Any] | None:
    """What owns the memory of ``samples``, if that can be told: an array at the bottom of its views."""
    if isinstance(samples, np.ndarray) and not samples.flags.writeable:
        return None
    for _ in range(32):  # no chain of views is as long
        below: Any = None
        if isinstance(samples, np.ndarray):
            below = samples.base
            if below is None:
                return weakref.ref(samples) if samples.flags.owndata else None
        elif isinstance(samples, memoryview):
            below = samples.obj
        elif isinstance(samples, ctypes.Array):
            kept = getattr(samples, "_objects", None)
            below = next(iter(kept.values()), None) if isinstance(kept, dict) else kept
        elif isinstance(samples, arrays.array):
            return weakref.ref(samples)
        if below is None:
            return None
        samples = below
    return None
