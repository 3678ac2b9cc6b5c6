"""Whether slots come back: where packets lie, and how soon a place is used again."""

from __future__ import annotations

from zcbench.capture.engine import Packet, PacketFlags
from zcbench.page.scoreboard import Scoreboard
from zcbench.quantities.names import POOL_SLOTS

PATIENCE = 4  # laps after which a marked slot is given up: it is held, or lost
# An IntFlag's & takes 2 us, forty times an int's.
_OVERFLOW = int(PacketFlags.OVERFLOW)


class ReuseTracker:
    """Follows where packets lie: whether two held at once share memory, and how soon a slot is used again.

    What is held is as many entries as the application holds packets; the rest is one marked slot. An adaptive
    pool has another number of slots now and then: a lap begun before that says nothing, and is begun anew.
    """

    def __init__(self, board: Scoreboard) -> None:
        self._words, self._at = board.words, board.index[POOL_SLOTS]
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

    def release(self, address: int) -> None:
        """A packet at ``address`` is about to be released."""
        left = self._held.get(address, 0) - 1
        if left > 0:
            self._held[address] = left
        else:
            self._held.pop(address, None)
