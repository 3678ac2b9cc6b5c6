"""The first packet that an engine gives: what is wrong with it, all at once, and when the stream began."""

from __future__ import annotations

import queue
import threading

from zcbench.capture.contract import ContractError, of_first
from zcbench.capture.engine import CaptureEngine, Packet
from zcbench.capture.sources import ReplaySource
from zcbench.clock import now_ns
from zcbench.page.scoreboard import Scoreboard
from zcbench.quantities.names import ENGINE_START_NS
from zcbench.subjects.assembly import Assembly

_TIMEOUT = "where no packet came in time, raise TimeoutError"


class FirstPacket:
    """An engine to be read from, until its first packet was looked at; from then on its own ``read``."""

    def __init__(
        self,
        engine: CaptureEngine,
        board: Scoreboard,
        parts: Assembly,
        stop: threading.Event,
        *,
        checksum: bool,
    ) -> None:
        self._engine, self._board, self._parts = engine, board, parts
        self._stopping, self._checksum = stop, checksum
        self._began_ns = now_ns()
        self.stop = engine.stop

    def read(self, timeout: float | None = None) -> Packet | None:
        """See :class:`zcbench.capture.engine.CaptureEngine`. Raises ContractError."""
        try:
            packet = self._engine.read(timeout)
        except queue.Empty as error:
            raise ContractError([f"read() raised queue.Empty: {_TIMEOUT}"]) from error
        if packet is None:
            if not self._stopping.is_set():
                ended = "read() gave None before the first packet, which says that the stream is over"
                raise ContractError([f"{ended}: {_TIMEOUT}"])
            return None
        now = now_ns()
        violations = of_first(packet, self._parts.format, now, checksum=self._checksum)
        if violations:
            raise ContractError(violations)
        if not self._board[ENGINE_START_NS]:
            self._board[ENGINE_START_NS] = self._start_ns(packet, now)
        self.read = self._engine.read  # type: ignore[method-assign]
        return packet

    def _start_ns(self, packet: Packet, now: int) -> int:
        """When the stream of an engine that does not say it began: a packet's time before the first one."""
        source, period_ns = self._parts.source, 1e9 / self._parts.format.packets_per_s
        if isinstance(source, ReplaySource):
            period_ns = 0.0 if source.pace == "unpaced" else period_ns / source.speed
        return min(now, max(self._began_ns, int(packet.time_ns) - round(period_ns)))
