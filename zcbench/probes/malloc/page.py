"""The malloc meter's page, as its reader sees it. ``page.h`` has the layout; a page is somebody else's file."""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zcbench.probes.held import HeldFile

MAGIC = b"ZCMALLOC"
VERSION = 2
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
_CRASHES = struct.Struct("=3Q")
_SHARD = struct.Struct("=4Q32x")
_FEW = 16 * _LINE  # bytes: of more shards NumPy makes the sums quicker
_FIRST = _SHARED_AT + _FEW  # bytes that are read first: most processes have no more threads

# Shards are read one after another while threads go on: a block that one thread allocated after its shard was
# read and another freed before its own was makes the sum too small by it. More than this is no such moment.
MOVING = 2**30


class MeterPageError(ValueError):
    """A file that is not the page of a meter; the message names it."""


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
        if self._page is None or content != self._content:
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
    crashes, crash_pid, crash_signal = _CRASHES.unpack_from(content, _CRASHES_AT)
    return MeterPage(
        pid=pid,
        made_ns=made_ns,
        allocations=allocations,
        frees=frees,
        allocated_bytes=allocated,
        freed_bytes=freed,
        live_blocks=_live(path, blocks + allocations - frees),
        live_bytes=_live(path, live_bytes + allocated - freed),
        flags=flags,
        allocator=content[_LINE:_CRASHES_AT].split(b"\0")[0].decode(errors="replace"),
        crashes=crashes,
        crash_pid=crash_pid,
        crash_signal=crash_signal,
    )


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
