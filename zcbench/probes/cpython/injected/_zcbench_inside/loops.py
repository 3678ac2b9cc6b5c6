"""How late asyncio's loops turn: what is given to a loop from outside, and when the loop comes to it.

A loop is found by what its thread is in (``run_forever``, ``asyncio.run``), or by a task of it; uvloop's are
found so too. Nothing of asyncio is imported, patched or kept.
"""

from __future__ import annotations

import sys
from _collections import deque  # type: ignore[import-not-found]
from _weakref import ref
from time import monotonic_ns

TYPE_CHECKING = False  # as mypy knows it; typing is no small import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PERIOD_NS = 100_000_000  # a block longer than this is always met
LOOK_EVERY_NS = 1_000_000_000
# The agent's own wake may come late by some switch intervals (5 ms each) of busy threads. Beyond, the whole
# process stood still, its loops too: a C extension that kept the GIL.
OWN_DELAY_NS = 25_000_000
_MOST_TASKS = 4_096  # looked at, for one of a loop that is not known
_RUNNING = {"run_forever": "self", "run": "self"}  # functions of asyncio's, and where they have the loop


class Loops:
    """The loops of this process. :meth:`look` and :meth:`ask` are called by the agent's thread alone.

    ``delays`` has what was measured since it was emptied, in ns; loops' threads add to it.
    """

    def __init__(self) -> None:
        self._known: dict[int, ref[Any]] = {}
        self._asked: dict[int, int] = {}  # by loop: when, of what has not come back
        self._era = 0
        self._looked_ns = -LOOK_EVERY_NS
        self.delays: deque[int] = deque()

    def look(self) -> None:
        """Find loops that run, now and then."""
        asyncio = sys.modules.get("asyncio")
        now = monotonic_ns()
        if asyncio is None or now - self._looked_ns < LOOK_EVERY_NS:
            return
        self._looked_ns = now
        found = _in_frames() or _of_tasks(sys.modules.get("asyncio.tasks"))
        for loop in found:
            if id(loop) not in self._known:
                try:
                    self._known[id(loop)] = ref(loop)
                except TypeError:
                    continue

    def running(self) -> list[Any]:
        """Those of the known ones that run."""
        loops = []
        for key, reference in list(self._known.items()):
            loop = reference()
            if loop is None or loop.is_closed():
                del self._known[key]
                self._asked.pop(key, None)
            elif loop.is_running():
                loops.append(loop)
            else:
                self._asked.pop(key, None)
        return loops

    def ask(self, due_ns: int) -> bool:
        """Give each running loop a callback that was ``due_ns``; is there a loop at all?

        One whose last has not come back yet would have let another one wait as long: that is what it counts as.
        """
        now = monotonic_ns()
        posted = due_ns if now - due_ns > OWN_DELAY_NS else now
        loops = self.running()
        for loop in loops:
            key = id(loop)
            if key in self._asked:
                self.delays.append(now - self._asked[key])
                continue
            self._asked[key] = posted
            try:
                loop.call_soon_threadsafe(self._heard, key, posted, self._era)
            except RuntimeError:  # closed since
                self._asked.pop(key, None)
        return bool(loops)

    def forget_asked(self) -> None:
        """The harness is about to stop the loops itself: what is on its way does not count."""
        self._era += 1
        self._asked.clear()

    def _heard(self, key: int, posted: int, era: int) -> None:
        if era == self._era:
            self._asked.pop(key, None)
            self.delays.append(monotonic_ns() - posted)


def call(loop: Any, function: Callable[[], None]) -> bool:
    """Have ``loop`` call ``function`` in its thread; False if it is closed, or would tell of slow callbacks."""
    try:
        if loop.get_debug():
            return False
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        return False
    return True


def _in_frames() -> list[Any]:
    """The loops that threads are in at this moment, by the functions of asyncio on their stacks."""
    found = []
    for top in list(sys._current_frames().values()):
        frame: Any = top
        while frame is not None:
            code = frame.f_code
            if code.co_name in _RUNNING and "asyncio" in code.co_filename:
                holder = frame.f_locals.get(_RUNNING[code.co_name])
                loop = holder if hasattr(holder, "call_soon_threadsafe") else getattr(holder, "_loop", None)
                if hasattr(loop, "call_soon_threadsafe"):
                    found.append(loop)
                    break
            frame = frame.f_back
    return found


def _of_tasks(tasks: Any) -> list[Any]:
    """The loops of tasks that are scheduled, before Python 3.14: a loop in C has no frame."""
    names = ("_scheduled_tasks", "_all_tasks")
    known = next((getattr(tasks, name) for name in names if hasattr(tasks, name)), None)
    references = getattr(known, "data", None)
    if not isinstance(references, set):
        return []
    found = {}
    for reference in list(references)[:_MOST_TASKS]:  # list(): one step, other threads add meanwhile
        task = reference()
        if task is not None:
            loop = task.get_loop()
            found[id(loop)] = loop
    return list(found.values())
