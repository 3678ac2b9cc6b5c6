"""The malloc meter as a probe: bytes and blocks that the allocators of the subject's processes have live,
exactly.

The meter (``meter.c``) is preloaded into every process of the subject and counts on a page a process, a file
in a folder of the run. The pages are read from outside, also that of a process that has ended, however it
ended.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from zcbench.clock import now_ns
from zcbench.files import let_all_write
from zcbench.probes.crashed import crashed_child
from zcbench.probes.malloc.arenas import Arenas
from zcbench.probes.malloc.page import MeterPage
from zcbench.probes.malloc.pages import Metered, MeterPages
from zcbench.probes.malloc.unmetered import PRELOAD_VARIABLE, reason
from zcbench.probes.probe import Notice, Number, Processes, Sayings
from zcbench.probes.process import Process
from zcbench.quantities.names import (
    MALLOC_ALLOCATED_BYTES,
    MALLOC_ALLOCATIONS,
    MALLOC_ARENA_BYTES,
    MALLOC_FREES,
    MALLOC_LIVE_BLOCKS,
    MALLOC_LIVE_BYTES,
    MALLOC_METERED,
    MALLOC_OWN_BYTES,
    MALLOC_UNMETERED,
)
from zcbench.quantities.quantity import Quantity
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.schema import EventKind

FOLDER_VARIABLE = "ZCBENCH_MALLOC_DIR"
LONGEST_LIST = 64  # processes named in one notice, and notices of ends: a shell script may start thousands
POISON = 0xA5  # as a pointer it faults, as a number it is absurd
PATIENCE = 2  # looks at which a process may have no page yet: it has just begun


class MeterMissingError(RuntimeError):
    """The meter was not built with this package."""


class MallocMeter:
    """Reads the pages that the preloaded meter writes into ``folder``, which is made when the variables are
    asked.

    Libraries that the subject preloads anyway come after the meter: an allocator among them is the one that is
    metered. Every ``inventory_every_s`` the processes are listed in a notice, with what each has live. Raises
    MeterMissingError.
    """

    name = "malloc"
    background_ns = 0

    def __init__(self, folder: Path, *, inventory_every_s: float = 60.0) -> None:
        self._folder = folder.absolute()
        self._pages = MeterPages(self._folder)
        self._library = meter_library()
        self._link: Path | None = None
        self._processes: Processes = tuple
        self._without: dict[tuple[int, float], int] = {}  # by process and its start: looks without a page
        self._ends_told = 0
        self._sayings = Sayings(self.name, LONGEST_LIST)
        self._inventory_every_ns = round(inventory_every_s * 1e9)
        self._inventory_ns: int | None = None
        self._arenas = Arenas()
        self._latest: list[Metered] = []  # that lived at the last look, if no inventory has told of it

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """See :class:`Probe`: the library to preload, and the folder of the pages."""
        self._folder.mkdir(parents=True, exist_ok=True)
        let_all_write(self._folder, replace=True)
        libraries = [str(self._preloadable()), *filter(None, [given.get(PRELOAD_VARIABLE)])]
        return {
            PRELOAD_VARIABLE: ":".join(libraries),
            FOLDER_VARIABLE: str(self._folder),
            # An AddressSanitizer of shared libraries refuses to start when it is not the first of them.
            "ASAN_OPTIONS": ":".join(filter(None, [given.get("ASAN_OPTIONS"), "verify_asan_link_order=0"])),
        }

    def begin(self, processes: Processes) -> None:
        """See :class:`Probe`."""
        self._processes = processes

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`Probe`."""
        return QUANTITIES

    def read(self) -> Mapping[str, Number | None]:
        """See :class:`Probe`. What is live is missing if no living process is metered."""
        processes = self._processes()
        self._pages.look(processes)
        unmetered = self._look_for_unmetered(processes)
        for sentence in self._pages.damaged:
            self._sayings.tell(sentence)
        self._tell_ends()
        self._tell_crashes()
        self._take_inventory()
        pages = [
            m.page for m in self._pages.living.values() if m.page.uncounted is None and not m.page.is_pending
        ]
        row: dict[str, Number | None] = {MALLOC_METERED: len(pages), MALLOC_UNMETERED: unmetered}
        self._add_calls(row, [page for page in pages if page.counts_blocks])
        if pages:
            row[MALLOC_LIVE_BYTES] = sum(page.live_bytes for page in pages)
            row[MALLOC_ARENA_BYTES] = self._arenas.look(self._pages.living)
            if all(page.counts_blocks for page in pages):
                row[MALLOC_LIVE_BLOCKS] = sum(page.live_blocks for page in pages)
        told = [page.own.live_bytes for page in pages if page.own and page.own.live_bytes is not None]
        if told:
            row[MALLOC_OWN_BYTES] = sum(told)
        return row

    def _add_calls(self, row: dict[str, Number | None], pages: list[MeterPage]) -> None:
        """What was allocated and freed in all; nothing if no process was ever counted."""
        ended = self._pages.totals
        if not pages and not ended.allocations and any(m.page.own for m in self._pages.living.values()):
            return
        row[MALLOC_ALLOCATIONS] = ended.allocations + sum(page.allocations for page in pages)
        row[MALLOC_FREES] = ended.frees + sum(page.frees for page in pages)
        row[MALLOC_ALLOCATED_BYTES] = ended.allocated_bytes + sum(page.allocated_bytes for page in pages)

    def notices(self) -> tuple[Notice, ...]:
        """See :class:`Probe`: who has no page and why, what was live at a process's end, inventories."""
        return self._sayings.take()

    def close(self) -> None:
        """See :class:`Probe`."""
        self._pages.look()
        self._tell_ends()
        self._tell_crashes()
        self._tell_inventory()  # the last one, so that even a short run has two
        with contextlib.suppress(OSError):
            self._folder.rmdir()  # unless pages are left: of processes that outlived the run
        if self._link is not None:
            shutil.rmtree(self._link, ignore_errors=True)

    def _preloadable(self) -> Path:
        """The library by a path that the loader can take: spaces and colons end a name there."""
        if not set(str(self._library)) & {" ", ":", ";"}:
            return self._library
        if self._link is None:
            self._link = Path(tempfile.mkdtemp(prefix="zcbench-"))
            (self._link / self._library.name).symlink_to(self._library)
        return self._link / self._library.name

    def _look_for_unmetered(self, processes: Sequence[Process]) -> int:
        """How many living processes are not metered; each is told of once, with its reason."""
        uncounted = 0
        for metered in self._pages.living.values():
            page = metered.page
            if (why := page.uncounted or page.partly) is not None:
                uncounted += 1
                self._tell_unmetered(metered.name, why)
            elif page.own is not None and page.own.live_bytes is not None:
                self._sayings.tell(
                    f"the memory of {metered.name} is counted by {page.own.name}'s own statistics"
                )
        without: dict[tuple[int, float], int] = {}
        for process in processes:
            if process.pid in self._pages.living:
                continue
            try:
                if not process.lives():
                    continue
                key = (process.pid, process.create_time())
                without[key] = self._without.get(key, 0) + 1
                if without[key] == PATIENCE:
                    self._tell_unmetered(process.name(), reason(process.pid, str(self._library)))
            except psutil.Error:
                continue
        self._without = without
        return uncounted + sum(looks >= PATIENCE for looks in without.values())

    def _tell_unmetered(self, name: str, why: str) -> None:
        self._sayings.tell(f"the memory of {name} is not in malloc's exact counters: {why}")

    def _tell_ends(self) -> None:
        for metered in self._pages.ended:
            self._ends_told += 1
            if self._ends_told > LONGEST_LIST:
                return
            blocks, size = metered.page.live_blocks, metered.page.live_bytes
            message = f"{metered.name} ended with {blocks:,} blocks of {size:,} bytes in malloc"
            self._sayings.add(Notice(EventKind.MALLOC_END, message, _facts(metered)))

    def _tell_crashes(self) -> None:
        for crash in self._pages.crashes:
            self._sayings.add(crashed_child(crash.name, crash.parent, crash.pid, crash.signal, crash.count))

    def _take_inventory(self) -> None:
        self._latest = [*self._pages.living.values()] or self._latest
        if self._inventory_ns is None or now_ns() - self._inventory_ns >= self._inventory_every_ns:
            self._inventory_ns = now_ns()
            self._tell_inventory()

    def _tell_inventory(self) -> None:
        by_size = sorted(self._latest, key=lambda metered: -metered.page.live_bytes)
        if by_size:
            listed = [_facts(metered) for metered in by_size[:LONGEST_LIST]]
            data = {"probe": self.name, "processes": listed}
            self._sayings.add(Notice(EventKind.INVENTORY, f"malloc meters: {len(by_size)}", data))
        self._latest = []


def _facts(metered: Metered) -> dict[str, int | str]:
    page = metered.page
    return {
        "pid": metered.pid,
        "name": metered.name,
        "live_blocks": page.live_blocks,
        "live_bytes": page.live_bytes,
        "allocations": page.allocations,
        "frees": page.frees,
        "allocator": Path(page.allocator).name,
    }


def meter_library() -> Path:
    """The library that is preloaded. Raises MeterMissingError where the package came without it."""
    found = importlib.util.find_spec("zcbench.probes.malloc._meter")
    if found is None or found.origin is None:
        raise MeterMissingError(
            "this installation has no malloc meter: it is built on Linux and macOS, without sanitizers"
        )
    return Path(found.origin)


def poisoned(variables: Mapping[str, str], byte: int = POISON) -> dict[str, str]:
    """``variables`` with glibc's tunable that fills freed memory with ``byte``, and new memory with its
    complement.

    A use after free then shows as wrong bytes, or as a crash at an address of them. An allocator other than
    glibc's takes no notice.
    """
    before = variables.get("GLIBC_TUNABLES")
    # Blocks in a thread's cache are not filled: there is to be none.
    tunable = f"glibc.malloc.perturb={byte}:glibc.malloc.tcache_count=0"
    return {**variables, "GLIBC_TUNABLES": f"{before}:{tunable}" if before else tunable}


QUANTITIES = tuple(
    VOCABULARY[f"malloc.{word}"]
    for word in (
        "live_bytes", "live_blocks", "allocations", "frees", "allocated_bytes", "own_bytes", "arena_bytes",
        "metered", "unmetered",
    )
)  # fmt: skip
