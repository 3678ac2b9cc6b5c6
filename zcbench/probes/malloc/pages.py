"""The pages of all processes of one run: which belong to living processes, and what the ended ones had
counted."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from zcbench.clock import now_ns
from zcbench.probes import procfs
from zcbench.probes.held import HeldFile
from zcbench.probes.malloc.page import MeterFile, MeterPage, MeterPageError
from zcbench.probes.process import Process

SUFFIX = ".page"
BEGINNING_NS = 5 * 10**9  # for a process that waits for a core to map its page
VERIFY_EVERY_NS = 10 * 10**9  # a process may become another program, and telling that reads its whole map


@dataclass
class Metered:
    """A living process and its page as last read. ``start_ns`` is its start (CLOCK_BOOTTIME)."""

    pid: int
    start_ns: int
    name: str
    page: MeterPage
    image: object  # another one is another program
    verified_ns: int


@dataclass(frozen=True)
class Crash:
    """``count`` children of the process ``parent`` have crashed since the last look, the last one ``pid`` of
    ``signal``. A name is "" where it is not known."""

    count: int
    pid: int
    signal: int
    name: str
    parent: str


@dataclass
class Totals:
    """What processes that have ended, or became another program, had counted."""

    allocations: int = 0
    frees: int = 0
    allocated_bytes: int = 0

    def add(self, page: MeterPage) -> None:
        """Add what ``page`` has counted."""
        self.allocations += page.allocations
        self.frees += page.frees
        self.allocated_bytes += page.allocated_bytes


class MeterPages:
    """Reads the folder at each :meth:`look`. A page's process is found by its number, and by its start: the
    page of a process whose number another has now is an ended one's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.living: dict[int, Metered] = {}
        self.ended: list[Metered] = []  # at the last look, those that had been living at the one before
        self.totals = Totals()  # of ended ones
        self.damaged: list[str] = []  # at the last look: sentences
        self.crashes: list[Crash] = []  # since the look before the last
        self._crashes: dict[tuple[int, int], int] = {}  # as last read, by process id and page
        self._names: dict[int, str] = {}  # of processes, at this look or the one before
        self._files: dict[int, MeterFile] = {}  # kept open
        self._processes: dict[int, Process] = {}

    def look(self, processes: Iterable[Process] = ()) -> None:
        """Read every page. The files of ended processes are counted and go. Of ``processes``, those that are
        known, much stays open that is read."""
        self._processes = {process.pid: process for process in processes}
        before, self.living, self.ended, self.damaged = self.living, {}, [], []
        self._names = {pid: metered.name for pid, metered in before.items()}
        crashes: dict[tuple[int, int], MeterPage] = {}
        files, self._files = self._files, {}
        for pid, path, inode in self._listed():
            try:
                file = files.get(pid)
                # Another process of that number, or another program in it, has another file.
                if file is None or file.inode != inode:
                    file = MeterFile(path)
                page = file.read()
                if file.inode == inode and HeldFile.has_room():
                    self._files[pid] = file
            except FileNotFoundError:
                continue
            except (OSError, MeterPageError) as error:
                self.damaged.append(str(error))
                continue
            self._place(pid, path, page, before.pop(pid, None))
            if page.crashes:
                crashes[pid, page.made_ns] = page
        # Their page's file is gone, or cannot be read any more.
        for metered in before.values():
            self.totals.add(metered.page)
            self.ended.append(metered)
        self._names |= {pid: metered.name for pid, metered in self.living.items()}
        self.crashes = [self._crash(pid, page) for (pid, _), page in crashes.items() if self._is_new(page)]
        self._crashes = {key: page.crashes for key, page in crashes.items()}

    def _is_new(self, page: MeterPage) -> bool:
        return page.crashes > self._crashes.get((page.pid, page.made_ns), 0)

    def _crash(self, pid: int, page: MeterPage) -> Crash:
        return Crash(
            count=page.crashes - self._crashes.get((pid, page.made_ns), 0),
            pid=page.crash_pid,
            signal=page.crash_signal,
            name=self._names.get(page.crash_pid, ""),
            parent=self._names.get(pid, ""),
        )

    def _place(self, pid: int, path: Path, page: MeterPage, known: Metered | None) -> None:
        metered = self._living(pid, path, page, known)
        is_new = known is None or page.made_ns != known.page.made_ns
        if metered is None and is_new and _is_beginning(pid, page):
            if known is not None:
                self.totals.add(known.page)
            return
        if known is not None and (metered is None or page.made_ns != known.page.made_ns):
            # What it counted since the last look, unless it is another page by now.
            known.page = page if page.made_ns == known.page.made_ns else known.page
            self.totals.add(known.page)
            if metered is None:
                self.ended.append(known)
        elif metered is None:
            self.totals.add(page)
        if metered is not None:
            self.living[pid] = metered
        else:
            with contextlib.suppress(OSError):
                path.unlink()

    def _living(self, pid: int, path: Path, page: MeterPage, known: Metered | None) -> Metered | None:
        """The process whose page this is; None if it has ended or is another program by now."""
        if page.pid != pid:
            return None
        if not procfs.IS_LINUX:
            return _living_elsewhere(pid, page)
        try:
            stat = self._stat(pid)
            # A zombie's memory has been given back.
            if stat.state == "Z" or stat.start_ns > page.made_ns:
                return None
        except OSError:
            return None
        verified_ns = known.verified_ns if known else 0
        is_same = known is not None and known.page.made_ns == page.made_ns and known.image == stat.image
        if not is_same or now_ns() - verified_ns > VERIFY_EVERY_NS:
            verified_ns = now_ns()
            try:
                if not procfs.maps_file(pid, str(path)):
                    return None
            except PermissionError:  # another user's: nobody can tell
                pass
            except OSError:  # it ended meanwhile
                return None
        return Metered(pid, stat.start_ns, stat.name, page, stat.image, verified_ns)

    def _stat(self, pid: int) -> procfs.Stat:
        process = self._processes.get(pid)
        if process is not None:
            with contextlib.suppress(OSError):  # the number may be another's by now
                return process.stat()
        return procfs.stat(pid)

    def _listed(self) -> Iterator[tuple[int, Path, int]]:
        """The process id, path and inode of each page."""
        try:
            with os.scandir(self._folder) as entries:
                listed = sorted((entry.name, entry.inode()) for entry in entries)
        except OSError:
            return
        for name, inode in listed:
            if name.endswith(SUFFIX) and (number := name.removesuffix(SUFFIX)).isdecimal():
                yield int(number), self._folder / name, inode


def _is_beginning(pid: int, page: MeterPage) -> bool:
    """Whether the process may be about to map the page, which has its name before: on a busy machine it may
    wait between the two, and a page that was removed then would be nobody's."""
    if not procfs.IS_LINUX or page.pid != pid:
        return False
    try:
        stat = procfs.stat(pid)
    except OSError:
        return False
    age_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - page.made_ns
    return stat.lives and stat.start_ns <= page.made_ns and 0 <= age_ns < BEGINNING_NS


def _living_elsewhere(pid: int, page: MeterPage) -> Metered | None:
    try:
        process = psutil.Process(pid)
        start_ns = int(process.create_time() * 1e9)
        if start_ns > page.made_ns:
            return None
        return Metered(pid, start_ns, process.name(), page, "", 0)
    except psutil.Error:
        return None
