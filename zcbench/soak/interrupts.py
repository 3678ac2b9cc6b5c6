"""The user's signals to the supervisor: Ctrl-C, SIGTERM, SIGHUP."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass
class Interrupts:
    """What came so far: the first ``signal`` by name, and how many. A signal is only noted here."""

    signal: str | None = None
    count: int = 0
    handled: int = 0

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Catch SIGINT, SIGTERM and SIGHUP; only in the main thread, where Python delivers them."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [signal.SIGINT, signal.SIGTERM]
        # The terminal's end is to be heard, unless nohup has had it ignored.
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {n: signal.signal(n, self._on_signal) for n in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: Any) -> None:
        self.signal = self.signal or signal.Signals(number).name
        self.count += 1

    def is_new(self) -> bool:
        """Whether a signal has come since this was last asked."""
        before, self.handled = self.handled, self.count
        return self.handled > before
