"""The worker's wish to end, as its supervisor says it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

EXCEPTION_EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h
ORPHAN_GRACE_S = 5.0


class Stop(threading.Event):
    """The wish to end the stream. ``first`` is called before anybody hears of it."""

    first: Callable[[], None] = staticmethod(lambda: None)

    def set(self) -> None:
        """Do what comes first, then set the flag."""
        try:
            self.first()
        finally:
            super().set()


def obey(stop: threading.Event) -> None:
    """Read the control pipe. At its end, leave time to drain, then leave: nobody is watching."""
    for line in sys.stdin:
        if line.strip() == "stop":
            stop.set()
    stop.set()
    time.sleep(ORPHAN_GRACE_S)
    os._exit(EXCEPTION_EXIT_CODE)
