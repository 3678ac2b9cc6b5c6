"""The malloc meter's page, as its reader sees it. ``page.h`` has the layout; a page is somebody else's file."""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zcbench.probes import procfs
from zcbench.probes.held import HeldFile

MAGIC = b"ZCMALLOC"
VERSION = 3
SHARDS = 251
PAGE_BYTES = 16_384
BYPASSED = 1  # flag: the program brings a malloc of its own that is called instead of the meter's
STOOD_ASIDE = 2  # flag: a sanitizer or Valgrind is the program's malloc
OWN_BREAK = 4  # flag: somebody beside malloc has moved the break (sbrk)

_LINE = 64
_CRASHES_AT = 3 * _LINE
_SHARED_AT = 4 * _LINE
_WORDS = 4  # of a shard: allocations, frees, bytes allocated, bytes freed
_HEAD = struct.Struct("=7Q")  # what follows the magic
_CRASHES = struct.Struct("=8Q")  # and of an allocator of the program's own: kind, place, state, bytes, when
_SHARD = struct.Struct("=4Q32x")
_FEW = 16 * _LINE  # bytes: of more shards NumPy makes the sums quicker
_FIRST = _SHARED_AT + _FEW  # bytes that are read first: most processes have no more threads

# Shards are read one after another while threads go on: a block that one thread allocated after its shard was
# read and another freed before its own was makes the sum too small by it. More than this is no such moment.
MOVING = 2**30


# Of an allocator that says itself how many bytes are live (page.h: OwnKind, OwnPlace, OwnState).
MIMALLOC = "mimalloc"
ALLOCATORS = {1: "jemalloc", 2: "tcmalloc", 3: MIMALLOC}
_INSTEAD, _BESIDE = 1, 2  # of what the meter counts
_BEGINS, _READ, _SILENT, _FORKED = 1, 2, 3, 4
# It is asked five times a second: what is older than this is not known any more, be the machine as busy as it
# will. A process that began, or was forked, has as long to have it asked.
STALE_NS = 10 * 10**9


class MeterPageError(ValueError):
    """A file that is not the page of a meter; the message names it."""


@dataclass(frozen=True)
class OwnAllocator:
    """What an allocator of the program's own, called ``name``, says: ``live_bytes`` of which nothing is counted
    by the meter if it stands ``beside`` what that counts, all if not. ``silence``, a clause, is why it says
    nothing; neither has one that has not been asked yet."""

    name: str
    beside: bool
    live_bytes: int | None = None
    silence: str | None = None


@dataclass(frozen=True)
class MeterPage:
    """One process's counts. ``live_*`` includes what was live at the fork that made it; the totals do not."""

    pid: int
    made_ns: int  # since the machine's start (CLOCK_BOOTTIME)
    allocations: int
    frees: int
    allocated_bytes: int
    freed_bytes: int
    live_blocks: int
    live_bytes: int
    flags: int
    allocator: str  # the file whose malloc does the work
    crashes: int = 0  # children that it waited for and that had died of a crash
    crash_pid: int = 0  # the last one
    crash_signal: int = 0
    own: OwnAllocator | None = None

    @property
    def counts_blocks(self) -> bool:
        """Whether every block that its malloc gives out goes through the meter."""
        return not self.flags & (STOOD_ASIDE | BYPASSED) and (self.own is None or self.own.beside)

    @property
    def is_pending(self) -> bool:
        """Whether its own allocator will be asked in a moment."""
        return self.own is not None and self.own.live_bytes is None and self.own.silence is None

    @property
    def partly(self) -> str | None:
        """Which of its memory is not counted, beside that which is; a clause, None if none is known of."""
        if self.own is None or not self.own.beside or self.own.silence is None:
            return None
        return f"some of it is {self.own.name}'s, which stands beside malloc, and {self.own.silence}"

    @property
    def is_glibc(self) -> bool:
        """Whether glibc's malloc does the work."""
        return self.allocator.endswith("/libc.so.6")

    @property
    def moves_break(self) -> bool:
        """Whether somebody beside malloc has moved the break."""
        return bool(self.flags & OWN_BREAK)

    @property
    def uncounted(self) -> str | None:
        """Why nothing is counted on this page, as a clause; None if it counts."""
        if self.flags & STOOD_ASIDE:
            return "it runs under a sanitizer or Valgrind, which is its allocator"
        if self.own is not None and not self.own.beside:
            if self.own.silence is None:
                return None
            return (
                f"it brings an allocator of its own ({self.own.name}, {self.allocator}), and {self.own.silence}"
            )
        if self.flags & BYPASSED:
            return f"it brings an allocator of its own ({self.allocator})"
        return None


class MeterFile:
    """The page at ``path``, kept open: to read it again is one call. Raises OSError, MeterPageError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Neither a link nor a pipe that somebody has put there is followed or waited for.
        self._file = HeldFile(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        status = self._file.status()
        if not stat.S_ISREG(status.st_mode):
            raise MeterPageError(f"{path}: not a regular file")
        if status.st_size != PAGE_BYTES:
            raise MeterPageError(f"{path}: not a page of the malloc meter")
        self.inode = status.st_ino
        self._content = b""
        self._page: MeterPage | None = None

    def read(self) -> MeterPage:
        """The counts now. Raises OSError, MeterPageError."""
        # By reading, not by mapping: a file that somebody cuts short would be a SIGBUS.
        content = self._file.read(_FIRST)
        if len(content) == _FIRST and _end(content) > _FIRST:
            content += self._file.read(PAGE_BYTES - _FIRST, at=_FIRST)
        # What an allocator said of itself ages, though the page stays as it is.
        if self._page is None or self._page.own is not None or content != self._content:
            self._content, self._page = content, _parsed(self._path, content)
        return self._page


def read_meter_page(path: Path) -> MeterPage:
    """The counts at ``path`` now. Raises OSError, MeterPageError."""
    return MeterFile(path).read()


def _end(content: bytes) -> int:
    """Where the shards in use end."""
    return _SHARED_AT + (1 + int(_HEAD.unpack_from(content, len(MAGIC))[3])) * _LINE


def _parsed(path: Path, content: bytes) -> MeterPage:
    if len(content) < _FIRST or not content.startswith(MAGIC):
        raise MeterPageError(f"{path}: not a page of the malloc meter")
    version, pid, made_ns, used, blocks, live_bytes, flags = _HEAD.unpack_from(content, len(MAGIC))
    if version != VERSION or used > SHARDS:
        raise MeterPageError(f"{path}: damaged, or a later version's (version {version}, {used} shards)")
    end = _end(content)
    if len(content) < end:
        raise MeterPageError(f"{path}: cut short while it was read")
    allocations, frees, allocated, freed = _sums(content[_SHARED_AT:end])
    crashes, crash_pid, crash_signal, *told = _CRASHES.unpack_from(content, _CRASHES_AT)
    own = _own(told, made_ns)
    counted = _live(path, live_bytes + allocated - freed)
    return MeterPage(
        pid=pid,
        made_ns=made_ns,
        allocations=allocations,
        frees=frees,
        allocated_bytes=allocated,
        freed_bytes=freed,
        live_blocks=_live(path, blocks + allocations - frees),
        live_bytes=_with(own, counted),
        flags=flags,
        allocator=content[_LINE:_CRASHES_AT].split(b"\0")[0].decode(errors="replace"),
        crashes=crashes,
        crash_pid=crash_pid,
        crash_signal=crash_signal,
        own=own,
    )


def _own(told: list[int], made_ns: int) -> OwnAllocator | None:
    kind, place, state, live_bytes, read_ns = told
    if kind not in ALLOCATORS or place not in (_INSTEAD, _BESIDE):
        return None
    own = OwnAllocator(ALLOCATORS[kind], place == _BESIDE)
    now_ns = procfs.boot_ns()
    if state == _READ:
        age_ns = now_ns - read_ns
        if age_ns <= STALE_NS and live_bytes < 2**63:
            return replace(own, live_bytes=live_bytes)
        return replace(own, silence=f"its statistics have not been read for {age_ns // 10**9:,} s")
    if own.name == MIMALLOC:
        return replace(own, silence="it does not say how many bytes are live")
    if state == _SILENT:
        return replace(own, silence="its statistics do not tell of what it gives out")
    if now_ns - made_ns <= STALE_NS:
        return own
    forked = "nobody can ask it in a forked child of a process with threads"
    return replace(own, silence=forked if state == _FORKED else "it did not answer")


def _with(own: OwnAllocator | None, counted: int) -> int:
    """The bytes that are live by the best of both counts."""
    if own is None or own.live_bytes is None:
        return counted
    return own.live_bytes + counted if own.beside else own.live_bytes


def _sums(shards: bytes) -> tuple[int, ...]:
    """The words of all shards, summed; they wrap at 64 bits, and their differences wrap back."""
    if len(shards) <= _FEW:
        return tuple(sum(words) % 2**64 for words in zip(*_SHARD.iter_unpack(shards), strict=True))
    lines = np.frombuffer(shards, dtype=np.uint64).reshape(-1, _LINE // 8)[:, :_WORDS]
    return tuple(int(total) for total in lines.sum(axis=0, dtype=np.uint64))


def _live(path: Path, count: int) -> int:
    count %= 2**64
    if count >= 2**63:
        count -= 2**64
    if count < -MOVING:
        raise MeterPageError(f"{path}: damaged: {-count:,} more were freed than allocated")
    return max(0, count)
