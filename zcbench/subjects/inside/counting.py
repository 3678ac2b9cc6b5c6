"""What the harness counts itself, of an engine that does not: the worker sees every packet."""

from __future__ import annotations

from typing import Any

from zcbench.capture.engine import Packet
from zcbench.clock import now_ns
from zcbench.consumers.claims import Claims
from zcbench.consumers.ledger import PacketLedger
from zcbench.consumers.verifying import Verifier
from zcbench.foreign import brief
from zcbench.page.scoreboard import Scoreboard
from zcbench.quantities.names import CONSUMER_RELEASED, ENGINE_CAPTURED

MOST_FOLLOWED = 10_000  # packets held at once whose times are kept: what follows a leak must not grow with it
_DECIDED_AFTER = 2  # returns: an engine may count one a moment after it
_HOLDS = ("held_ns", "hold_ns")


class EngineBoard(Scoreboard):
    """The same page, in the hands of an engine: it notes which words are written by their names.

    That a word was written shows in the word itself unless it is 0.
    """

    def __init__(self, buffer: memoryview) -> None:
        super().__init__(buffer)
        self.named: set[str] = set()

    def __setitem__(self, name: str, value: int) -> None:
        try:
            super().__setitem__(name, value)
        except (TypeError, ValueError) as error:  # of memoryview, which knows no names
            raise type(error)(f"{self.name_of(name)}: {brief(repr(value))} is no count, 0 or more") from None
        self.named.add(self.name_of(name))


class CountingLedger(PacketLedger):
    """A ledger that also counts what an engine of a user's own may leave out: packets let go of, and the
    histograms of delivery and hold time where the engine's own stay empty.

    An engine that counts everything costs it one comparison, once.
    """

    def __init__(
        self,
        board: Scoreboard,
        verify: Verifier | None,
        packet_bytes: int | None = None,
        *,
        claims: Claims | None = None,
        counts_everything: bool = False,
    ) -> None:
        super().__init__(board, verify, packet_bytes, claims)
        self._board = board
        self._counts_everything = counts_everything
        self._released_at = board.index[CONSUMER_RELEASED]
        self._released = 0
        self._deliveries = self._holds = True  # whether they are the harness's to record
        self._times: dict[int, tuple[int, int]] = {}  # of a packet: delivered and captured, ns

    def take(self, packet: Packet, asked_ns: int = 0) -> None:
        """See :class:`zcbench.consumers.ledger.PacketLedger`."""
        now = now_ns()
        if not self._words[self._at["received"]] and self._leave_it_to_the_engine():
            self.take = super().take  # type: ignore[method-assign]
            self.release = super().release  # type: ignore[method-assign]
            self.take(packet, asked_ns)
            return
        if self._deliveries:
            overdue = self._claims.overdue(packet.sequence, now) if self._claims else 0
            self._board.record("delivery_ns", max(0, now - int(packet.time_ns), overdue))
        if self._holds and len(self._times) < MOST_FOLLOWED:
            self._times[id(packet)] = (now, int(packet.time_ns))
        super().take(packet, asked_ns)

    def _leave_it_to_the_engine(self) -> bool:
        """At the first packet: does the engine count everything? Else, does it time deliveries?"""
        if self._counts_everything and self._board[ENGINE_CAPTURED]:
            return True
        self._deliveries = not self._board.histogram("delivery_ns").count
        return False

    def release(self, packet: Packet) -> None:
        """See :class:`zcbench.consumers.ledger.PacketLedger`."""
        if self._released == _DECIDED_AFTER and self._holds:
            self._holds = not any(self._board.histogram(name).count for name in _HOLDS)
            if not self._holds:
                self._times.clear()
        times = self._times.pop(id(packet), None)
        super().release(packet)
        self._released += 1
        self._words[self._released_at] += 1
        if times is not None and self._holds and self._released > _DECIDED_AFTER:
            now = now_ns()
            self._board.record("held_ns", max(0, now - times[0]))
            self._board.record("hold_ns", max(0, now - times[1]))

    def told(self, engine_board: Any) -> dict[str, object]:
        """For the record: what is known of the words that the engine writes."""
        return {
            "counts_everything": self._counts_everything,
            "named": sorted(getattr(engine_board, "named", ())),
        }
