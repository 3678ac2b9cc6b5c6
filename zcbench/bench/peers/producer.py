"""A producer in Python: a thread that sends every packet of the work in turn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import cycle, islice

from zcbench.bench.work import Packet, Work, blocks


class Producer:
    """Calls ``send`` with each packet, in a thread of its own."""

    def __init__(self, work: Work, send: Callable[[Packet], object]) -> None:
        self._work = work
        self._send = send
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the last packet."""
        self._thread.join()

    def _run(self) -> None:
        send = self._send
        for packet in islice(cycle(blocks(self._work)), self._work.packets):
            send(packet)
