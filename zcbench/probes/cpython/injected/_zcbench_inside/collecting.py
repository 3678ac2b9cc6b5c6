"""A settled collection: collect, let the finalisers' work be done, again, until little is found; then read.

Where an event loop runs, in its thread, between two callbacks: there finalisers find what they expect, and
nothing is half done. Elsewhere in the agent's thread.
"""

from __future__ import annotations

import gc
import sys
from _thread import allocate_lock
from time import monotonic_ns, sleep, thread_time_ns

from . import loops

TYPE_CHECKING = False  # as mypy knows it; typing is no small import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOST_ROUNDS = 4
FEWEST_ROUNDS = 2
AT_REST = 100  # unreachable objects that a round may find: what a server makes in the time between two
YIELD_S = 0.02  # of the program, between two rounds
PATIENCE_NS = 2_000_000_000  # with a loop that does not come to it
_SLICE_S = 0.01
# Objects of these must die in the thread that made them, or the program aborts.
_THREAD_BOUND = (
    "_tkinter", "PyQt5.QtCore", "PyQt6.QtCore", "PySide2.QtCore", "PySide6.QtCore", "gi._gi", "wx._core",
)  # fmt: skip


def may_collect() -> bool:
    """Whether the harness may: not where the program turned collections off (its garbage is its leak), nor
    where objects must die in one thread."""
    return gc.isenabled() and not any(name in sys.modules for name in _THREAD_BOUND)


class Settling:
    """Makes settled collections. ``read`` is called right after each, ``begins`` before each; ``waited`` with
    the time that a loop took to come to one, in ns; ``is_leaving`` tells whether to give up waiting."""

    def __init__(
        self,
        read: Callable[[], None],
        begins: Callable[[bool], None],
        waited: Callable[[int], None],
        is_leaving: Callable[[], bool],
    ) -> None:
        self._read, self._begins, self._waited, self._is_leaving = read, begins, waited, is_leaving
        self._took_ns = self._cpu_ns = 0

    def settle(self, running: list[Any]) -> tuple[int, int]:
        """Collect until it rests, in the thread of the first loop of ``running``. It took so much time, and so
        much CPU time, in ns."""
        self._took_ns = self._cpu_ns = 0
        for number in range(MOST_ROUNDS):
            found = self._in_loop(running[0]) if running else None
            if self._is_leaving():
                break
            if found is None:
                found = self._round()
            # What finds nothing has no finaliser run either: another round would find as much.
            if found == 0 or (number + 1 >= FEWEST_ROUNDS and found <= AT_REST):
                break
            sleep(YIELD_S)
        return self._took_ns, self._cpu_ns

    def _round(self) -> int:
        self._begins(True)
        began, cpu_began = monotonic_ns(), thread_time_ns()
        try:
            found = gc.collect()
        finally:
            self._took_ns += monotonic_ns() - began
            self._cpu_ns += thread_time_ns() - cpu_began
            self._begins(False)
        self._read()
        return found

    def _in_loop(self, loop: Any) -> int | None:
        """A round in the loop's thread; None if the loop does not come to it, which it then never does."""
        done, turn = allocate_lock(), allocate_lock()
        done.acquire()
        found: list[int] = []
        posted = monotonic_ns()

        def in_its_thread() -> None:
            # Who has the turn works, or has given up waiting.
            if turn.acquire(False):
                self._waited(monotonic_ns() - posted)
                try:
                    found.append(self._round())
                finally:
                    done.release()

        if not loops.call(loop, in_its_thread):
            return None
        while not done.acquire(True, _SLICE_S):
            kept_ns = monotonic_ns() - posted
            if (kept_ns > PATIENCE_NS or self._is_leaving()) and turn.acquire(False):
                self._waited(kept_ns)
                break
        return found[0] if found else None
