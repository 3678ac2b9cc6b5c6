"""All processes that come from one: found again after they were orphaned, counted, and ended together.

On Linux the supervisor becomes a subreaper (prctl(2)): a process whose parent ends falls to it, and not to
init, so that a daemon that forks twice stays in sight. Each process is recognised by its start time, as a
process id comes back. Elsewhere, and under a kernel that lists no children, psutil finds the descendants, and a
daemon that forked away is lost.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import secrets
import signal
import threading
import time
import weakref
from collections.abc import Iterable
from pathlib import Path

import psutil

from zcbench.foreign import CRASHES, signal_name
from zcbench.probes import procfs
from zcbench.probes.crashed import crashed_child
from zcbench.probes.probe import Notice
from zcbench.probes.process import Process
from zcbench.probes.procfs import Stat

MARKER = "ZCBENCH_TREE"  # in the environment of whatever comes from a tree's first process
KILL_S = 5.0  # for as long processes that multiply are killed
KILL_PAUSE_S = 0.01
_LINUX = procfs.IS_LINUX and procfs.lists_children()
_OTHERS, _DAEMON, _CRASH = range(3)  # what an orphan's exit code weighs
_SET_SUBREAPER, _GET_SUBREAPER = 36, 37  # PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER of linux/prctl.h
BIRTHS = threading.Lock()
_ROOTS: set[int] = set()  # first processes, which whoever started them waits for
_NUMBERS = itertools.count()
_IS_SUBREAPER = False  # as we made this process one, who was none
_TREES: weakref.WeakSet[ProcessTree] = weakref.WeakSet()


class ProcessTree:
    """The processes that come from ``begin``'s, wherever they went.

    To be made before its first process starts. Between that and ``begin`` the caller holds BIRTHS, so that no
    other tree takes a process that ended at once for an orphan.
    """

    def __init__(self) -> None:
        self.marker, self.number = secrets.token_hex(8), next(_NUMBERS)
        self._known: dict[int, Stat] = {}
        self._processes: dict[int, Process] = {}
        self._foreign = set(_own_children()) if _LINUX else set()
        self._root: int | None = None
        self.last_code: int | None = None  # of the orphan that says how its daemon ended, see _reap
        self._weight = _OTHERS
        self._left: frozenset[int] = frozenset()  # those that were there when the first process ended
        self.crashes: list[Notice] = []  # of orphans, not told yet
        if _LINUX:
            become_subreaper()

    def begin(self, pid: int) -> None:
        """Follow what comes from ``pid``, which was just started by this process."""
        if _LINUX:
            become_subreaper()  # again: the last tree may have ended since this one was made
        self._root = pid
        _ROOTS.add(pid)
        _TREES.add(self)
        process = self._processes[pid] = Process(pid)
        if (stat := _stat(process)) is not None:
            self._known[pid] = stat

    def close(self) -> None:
        """Forget it: its first process was waited for.

        After the last tree orphans fall to init again, who waits for them, as this process does not.
        """
        _ROOTS.discard(self._root or 0)
        _TREES.discard(self)
        if _LINUX and not _TREES:
            _end_as_subreaper()

    def scan(self) -> list[Process]:
        """Its processes now, the first one first, zombies with them; orphans that ended are reaped."""
        if _LINUX:
            self._scan_linux()
        else:
            found = {pid: self._processes.get(pid) or _process(pid) for pid in self._scan_psutil()}
            self._processes = {pid: process for pid, process in found.items() if process is not None}
        return list(self._processes.values())

    def living(self) -> list[int]:
        """The process ids of those that can still do something."""
        if _LINUX:
            self.scan()
            return [pid for pid, stat in self._known.items() if stat.lives]
        return [process.pid for process in self.scan() if process.lives()]

    def leave(self) -> list[str]:
        """The names of those that live on as the first process has ended: daemons, as a rule."""
        self._left = frozenset(self.living())
        return self.names()

    def names(self) -> list[str]:
        """The names of those that live; one that ended meanwhile is "?", as it may have left others."""
        return sorted(map(_name, self.living()))

    def send(self, number: int) -> None:
        """Send a signal to each that lives."""
        for pid in self.living():
            with contextlib.suppress(OSError):
                os.kill(pid, number)

    def kill(self) -> bool:
        """Kill all of it; False if something still lives after KILL_S."""
        give_up = time.monotonic() + KILL_S
        while living := self.living():
            # Whole groups first: the kernel lets none of a group fork while it is signalled.
            for group in self._groups(living):
                with contextlib.suppress(OSError):
                    os.killpg(group, signal.SIGKILL)
            for pid in living:
                with contextlib.suppress(OSError, psutil.Error):
                    psutil.Process(pid).kill()
            if time.monotonic() > give_up:
                return False
            time.sleep(KILL_PAUSE_S)
        return True

    def _groups(self, pids: Iterable[int]) -> set[int]:
        if not _LINUX:
            return set()
        return {self._known[pid].group for pid in pids if pid in self._known} - {os.getpgid(0), 0, 1}

    def _scan_psutil(self) -> list[int]:
        found = [self._root] if self._root is not None else []
        for pid in dict.fromkeys([*found, *self._processes]):
            with contextlib.suppress(psutil.Error):
                process = self._processes.get(pid) or Process(pid)
                if process.is_running():
                    found += [pid, *(child.pid for child in process.children(recursive=True))]
        return list(dict.fromkeys(found))

    def _scan_linux(self) -> None:
        found: dict[int, Stat] = {}
        processes: dict[int, Process] = {}
        with BIRTHS:
            waiting = [*self._known, *self._orphans()]
        while waiting:
            pid = waiting.pop(0)
            process = None if pid in found else self._processes.get(pid) or _process(pid)
            stat = None if process is None else _stat(process)
            known = self._known.get(pid)
            if process is None or stat is None or (known is not None and known.start_ns != stat.start_ns):
                continue
            found[pid], processes[pid] = stat, process
            if stat.lives:
                waiting += _children(process, stat.threads)
        self._known, self._processes = found, processes

    def _orphans(self) -> list[int]:
        """Processes that came to this one as their parents ended. Those that ended too are reaped."""
        own_session, ours = os.getsid(0), []
        for pid in _own_children():
            if pid in _ROOTS or pid in self._foreign:
                continue
            try:
                stat = procfs.stat(pid)
            except OSError:
                continue
            if pid not in self._known and (
                any(pid in tree._known for tree in _TREES) or not self._is_ours(pid, stat, own_session)
            ):
                continue
            if stat.lives:
                ours.append(pid)
            else:
                self._reap(pid, stat)
        return ours

    def _is_ours(self, pid: int, stat: Stat, own_session: int) -> bool:
        """Whether an unknown child of this process comes from the tree: what this process starts for itself is
        in its own session, which nothing from the tree is. What has lost its marker is the oldest tree's."""
        if stat.session == own_session:
            return False
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:  # of another user
            variables = []
        markers = [v for v in variables if v.startswith(MARKER.encode() + b"=")]
        if not markers:
            return min(_TREES, key=lambda tree: tree.number, default=self) is self
        return markers[0] == f"{MARKER}={self.marker}".encode()

    def _reap(self, pid: int, stat: Stat) -> None:
        with contextlib.suppress(ChildProcessError):
            done, status = os.waitpid(pid, os.WNOHANG)
            is_of_tree = done and (pid in self._known or len(_TREES) == 1)
            if not is_of_tree:
                return
            code = os.waitstatus_to_exitcode(status)
            if _is_crash(code):
                known = self._known.get(pid)
                self.crashes.append(crashed_child(known.name if known else "", "", pid, -code))
            # What a daemon leaves behind may end well, and later: its own code is not to be hidden by that. One
            # that was not there yet when the first process ended has a session of its own.
            is_daemon = pid in self._left or stat.session == pid
            weight = _CRASH if _is_crash(code) else _DAEMON if code and is_daemon else _OTHERS
            if weight > self._weight or weight == self._weight == _OTHERS:
                self.last_code, self._weight = code, weight


def _is_crash(code: int) -> bool:
    return code < 0 and signal_name(-code) in CRASHES


def adopt_none_of(pid: int) -> None:
    """Say that the child ``pid`` of this process belongs to no tree. The caller holds BIRTHS."""
    _ROOTS.add(pid)


class Descendants:
    """``first`` and what comes from it, as far as no parent between has ended."""

    def __init__(self, first: Process) -> None:
        self._first = first
        self._known: dict[int, Process] = {}

    def scan(self) -> list[Process]:
        """Those of now, the first one first."""
        if not _LINUX:
            with contextlib.suppress(psutil.Error):
                every = [child.pid for child in self._first.children(recursive=True)]
                return [self._first, *filter(None, map(_process, every))]
            return [self._first]
        known, self._known = self._known, {self._first.pid: self._first}
        found = [self._first]
        for process in found:
            if (stat := _stat(process)) is None:
                continue
            self._known[process.pid] = process
            new = [pid for pid in _children(process, stat.threads) if pid not in self._known]
            found += filter(None, (known.get(pid) or _process(pid) for pid in new))
        return found


def become_subreaper() -> None:
    """Have orphaned descendants fall to this process. Does nothing where the kernel cannot (Linux < 3.4)."""
    global _IS_SUBREAPER
    if not _IS_SUBREAPER and not _is_subreaper():
        _IS_SUBREAPER = True
        _set_subreaper(True)


def _end_as_subreaper() -> None:
    global _IS_SUBREAPER
    if _IS_SUBREAPER:
        _IS_SUBREAPER = False
        _set_subreaper(False)


def _is_subreaper() -> bool:
    found = ctypes.c_int(0)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_GET_SUBREAPER, ctypes.byref(found), 0, 0, 0)
    return bool(found.value)


def _set_subreaper(wanted: bool) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_SUBREAPER, int(wanted), 0, 0, 0)


def _stat(process: Process) -> Stat | None:
    """What the kernel says of a process; None if it is gone."""
    try:
        return process.stat()
    except OSError:
        return None


def _own_children() -> list[int]:
    """The child processes of this one."""
    return _of_all_threads(os.getpid())


def _children(process: Process, threads: int) -> list[int]:
    """The child processes of a process with so many ``threads``, as the kernel lists them for each."""
    pid = process.pid
    if threads > 1:
        return _of_all_threads(pid)
    with contextlib.suppress(OSError):
        return [int(child) for child in process.records(f"task/{pid}/children").split()]
    return []


def _of_all_threads(pid: int) -> list[int]:
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
    except OSError:
        return found
    for task in tasks:
        with contextlib.suppress(OSError):
            found += map(int, procfs.read(f"/proc/{pid}/task/{task}/children").split())
    return found


def _process(pid: int) -> Process | None:
    try:
        return Process(pid)
    except psutil.Error:
        return None


def _name(pid: int) -> str:
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return "?"
