"""How late asyncio's loops turn: what is given to a loop from outside, and when the loop comes to it.

A loop is found by what its thread is in (``run_forever``, ``asyncio.run``), or by a task of it; uvloop's are
found so too. Nothing of asyncio is imported, patched or kept.
"""

from __future__ import annotations

import sys
from _collections import deque  # type: ignore[import-not-found]
from _thread import get_ident
from _weakref import ref
from time import monotonic_ns

TYPE_CHECKING = False  # as mypy knows it; typing is no small import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PERIOD_NS = 100_000_000  # a block longer than this is always met
# A process whose loops have waited at this many looks is looked at less often: it is to stay idle.
RESTS_AFTER, RESTING_NS = 20, 250_000_000
# Of a loop in C nobody sees whether it waits, or a callback in C keeps it: asked as often as this all the same.
UNSEEN_NS = 500_000_000
LOOK_EVERY_NS = 1_000_000_000
# The agent's own wake may come late by some switch intervals (5 ms each) of busy threads. Beyond, the whole
# process stood still, its loops too: a C extension that kept the GIL.
OWN_DELAY_NS = 25_000_000
_HAS_GIL = not hasattr(sys, "_is_gil_enabled") or sys._is_gil_enabled()
_MOST_TASKS = 4_096  # looked at, for one of a loop that is not known
_RUNNING = {"run_forever": "self", "run": "self"}  # functions of asyncio's, and where they have the loop


class Loops:
    """The loops of this process. :meth:`look` and :meth:`ask` are called by the agent's thread alone.

    ``delays`` has what was measured since it was emptied, in ns; loops' threads add to it.
    """

    def __init__(self) -> None:
        self._known: dict[int, ref[Any]] = {}
        self._asked: dict[int, int] = {}  # by loop: when, of what has not come back
        # Of loops in C: the thread, and where that is between two callbacks.
        self._homes: dict[int, tuple[int, Any, int]] = {}
        self._ask_again: dict[int, int] = {}  # by loop: when it is asked, though it seems to wait
        self._era = self._rests = 0
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
                for by_loop in (self._asked, self._homes, self._ask_again):
                    by_loop.pop(key, None)
            elif loop.is_running():
                loops.append(loop)
            else:
                self._asked.pop(key, None)
                self._homes.pop(key, None)  # it may run from elsewhere next
        return loops

    def ask(self, due_ns: int) -> bool:
        """Give each running loop a callback that was ``due_ns``; is there a loop at all?

        One whose last has not come back yet would have let another one wait as long: that is what it counts as.
        One that waits for something to do is not woken: it would have come as late as this thread has just come
        from its own wait.
        """
        now = monotonic_ns()
        posted = due_ns if now - due_ns > OWN_DELAY_NS else now
        loops = self.running()
        waiting = self._waiting(loops)
        for loop in loops:
            key = id(loop)
            if key in self._asked:
                self.delays.append(now - self._asked[key])
                continue
            if key in waiting and not (key in self._homes and now >= self._ask_again.get(key, 0)):
                self.delays.append(max(0, now - due_ns))
                continue
            self._asked[key] = posted
            self._ask_again[key] = now + UNSEEN_NS
            try:
                loop.call_soon_threadsafe(self._heard, key, posted, self._era)
            except RuntimeError:  # closed since
                self._asked.pop(key, None)
        self._rests = self._rests + 1 if len(waiting) == len(loops) else 0
        return bool(loops)

    @property
    def period_ns(self) -> int:
        """How long until they are asked again."""
        return RESTING_NS if self._rests > RESTS_AFTER else PERIOD_NS

    def _waiting(self, loops: list[Any]) -> set[int]:
        """Those of ``loops`` that wait for something to do at this moment."""
        # Nothing that the frames hold dies here: no other thread runs before they are let go.
        frames = _frames_of_others() if loops and _HAS_GIL else {}
        return {id(loop) for loop in loops if self._waits(loop, frames)}

    def _waits(self, loop: Any, frames: dict[int, Any]) -> bool:
        """Whether ``loop`` waits, by where its thread is."""
        frame = frames.get(getattr(loop, "_thread_id", None) or 0)
        if frame is not None:
            # With a timeout of 0 it only asks what is new beside what it has to do.
            return frame.f_code in _selecting() and frame.f_locals.get("timeout") != 0
        thread, code, instruction = self._homes.get(id(loop), (0, None, 0))
        frame = frames.get(thread)
        return frame is not None and (frame.f_code, frame.f_lasti) == (code, instruction)

    def forget_asked(self) -> None:
        """The harness is about to stop the loops itself: what is on its way does not count."""
        self._era += 1
        self._asked.clear()

    def _heard(self, key: int, posted: int, era: int) -> None:
        if era == self._era:
            self._asked.pop(key, None)
            self.delays.append(monotonic_ns() - posted)
            loop = self._known[key]() if key in self._known else None
            if key not in self._homes and type(loop).__module__.startswith("uvloop"):
                caller = sys._getframe(1)  # what called the loop: C has no frames
                self._homes[key] = get_ident(), caller.f_code, caller.f_lasti


def _selecting() -> set[Any]:
    """The code in which a loop of asyncio's waits."""
    module = sys.modules.get("selectors")
    if module is not None and not _SELECTING:
        classes = [one for one in vars(module).values() if isinstance(one, type)]
        found = [one.__dict__["select"] for one in classes if "select" in one.__dict__]
        _SELECTING.update(one.__code__ for one in found if hasattr(one, "__code__"))
    return _SELECTING


_SELECTING: set[Any] = set()


def call(loop: Any, function: Callable[[], None]) -> bool:
    """Have ``loop`` call ``function`` in its thread; False if it is closed, or would tell of slow callbacks."""
    try:
        if loop.get_debug():
            return False
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        return False
    return True


def _frames_of_others() -> dict[int, Any]:
    """What each other thread is in. A frame that held itself would be garbage, with all that others hold."""
    frames = sys._current_frames()
    del frames[get_ident()]
    return frames


def _in_frames() -> list[Any]:
    """The loops that threads are in at this moment, by the functions of asyncio on their stacks."""
    found = []
    for top in _frames_of_others().values():
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
