"""Readings from inside a CPython process, by the standard library alone. Started by ``sitecustomize``.

Here is the thread that reads: quiet, unseen by ``threading``, gone before a fork and before the interpreter
ends. It imports all the rest once a process has lived for a moment: a short one is to cost next to nothing.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import atexit
import os
import sys
from _thread import allocate_lock, get_native_id, start_new_thread
from time import monotonic_ns, sleep, thread_time_ns

TYPE_CHECKING = False  # as mypy knows it; typing is no small import
if TYPE_CHECKING:
    from typing import Any

BEGINS_AFTER_NS = 200_000_000  # a process that lives shorter has no page
LEAVES_WITHIN_NS = 500_000_000
_OWN_SIGNALS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT")  # of the thread itself: faulthandler's
# From 3.12 on Python warns of a fork with more than one thread. Before, one that waits may stay.
_WARNS_OF_FORKS = sys.version_info >= (3, 12)


def begin(settings: str) -> None:
    """Start reading as ``settings`` say, in the main interpreter of this process; in another, nothing."""
    if _in_main_interpreter():
        _Presence(settings).begin()


def _in_main_interpreter() -> bool:
    """Python runs ``site`` in every subinterpreter: the page is the process's, and it has one by then."""
    import _thread

    if hasattr(_thread, "_is_main_interpreter"):  # Python 3.13
        return bool(_thread._is_main_interpreter())
    try:
        before = _signal.set_wakeup_fd(-1)  # refused in any other; nothing is set yet
    except ValueError:
        return False
    if before != -1:
        _signal.set_wakeup_fd(before)
    return True


class _Presence:
    """The thread of this process, and of each forked child its own.

    What a program may patch (gevent patches ``time.sleep`` and ``_thread``) was imported before it could.
    """

    def __init__(self, settings: str) -> None:
        self._settings = settings
        self._is_over = False  # nobody wants the readings any more, or they cannot be made
        self._reset()

    def _reset(self) -> None:
        """Everything of one process."""
        self._wake, self._gone = allocate_lock(), allocate_lock()
        self._wake.acquire()
        self._is_leaving = self._is_waiting = self._stays = False
        self._thread_id = self._inside_ns = 0
        self._agent: Any = None

    def begin(self) -> None:
        """Start, and be there in every forked child."""
        os.register_at_fork(
            before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._in_forked_child
        )
        atexit.register(self._at_exit)
        self._start()

    def _start(self) -> None:
        """Start the thread. It blocks every signal, so that it takes none for which the program waits."""
        if self._is_over:
            return
        self._is_leaving = False
        own = {getattr(_signal, name) for name in _OWN_SIGNALS}
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, set(_signal.valid_signals()) - own)
        try:
            self._gone.acquire(False)
            start_new_thread(self._run, ())
        except RuntimeError:  # the system gives no more threads
            _release(self._gone)
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)

    def _leave(self) -> None:
        """Have the thread end, and wait until the system has none of it left."""
        self._is_leaving = True
        _release(self._wake)
        if not self._gone.acquire(True, LEAVES_WITHIN_NS / 1e9):
            return
        self._gone.release()
        self._wake.acquire(False)
        path = f"/proc/self/task/{self._thread_id}"
        until = monotonic_ns() + LEAVES_WITHIN_NS
        while self._thread_id and os.path.exists(path) and monotonic_ns() < until:
            sleep(0.00002)

    def _before_fork(self) -> None:
        self._stays = self._is_waiting and not _WARNS_OF_FORKS
        if not self._stays:
            self._leave()

    def _after_fork(self) -> None:
        if not self._stays:
            self._start()

    def _in_forked_child(self) -> None:
        if self._agent is not None:
            self._agent.end()
        self._reset()
        self._start()

    def _at_exit(self) -> None:
        self._leave()
        self._is_over = True
        if self._agent is not None:
            self._agent.end(tell=True)

    def _run(self) -> None:
        try:
            self._thread_id = get_native_id()
            self._read_until_left()
        except Exception:
            self._is_over = True  # what is wrong with the readings costs readings alone
        finally:
            self._is_waiting = False
            _release(self._gone)

    def _read_until_left(self) -> None:
        due: int | None = monotonic_ns() + (BEGINS_AFTER_NS if self._agent is None else 0)
        while not self._is_leaving and due is not None:
            self._is_waiting = True
            is_woken = self._wake.acquire(True, max(0, due - monotonic_ns()) / 1e9)
            self._is_waiting = False
            if is_woken:
                continue
            began = thread_time_ns()
            if self._agent is None:
                from .agent import Agent

                _name_thread(self._thread_id)
                self._agent = Agent(self._settings, lambda: self._is_leaving)
            due = self._agent.step(due)
            self._inside_ns += thread_time_ns() - began
            self._agent.cost(self._inside_ns)
        if due is None:
            self._is_over = True


def _release(lock: Any) -> None:
    try:
        lock.release()
    except RuntimeError:  # it is free
        pass


def _name_thread(thread_id: int) -> None:
    """For whoever lists the threads of the process."""
    try:
        with open(f"/proc/self/task/{thread_id}/comm", "w", encoding="utf-8") as file:
            file.write("zcbench")
    except OSError:
        pass
