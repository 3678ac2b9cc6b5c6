"""Pages that glibc's malloc has in memory: what it has given out there, and what it keeps free.

From outside, without a call into the process. The main arena is the break (``[heap]``); each heap of another
arena begins at a multiple of its largest size with a head that says how far it reaches (malloc/arena.c,
"struct _heap_info"): only what has a sound head is taken for one, so that nothing that another allocator has
mapped counts as malloc's.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
import time
from collections.abc import Iterator, Mapping

import numpy as np

from zcbench.probes import procfs
from zcbench.probes.malloc.pages import Metered

# HEAP_MAX_SIZE on 64 bits: twice DEFAULT_MMAP_THRESHOLD_MAX, 4 MiB times sizeof(long).
HEAP_BYTES = 64 * 2**20
_HEAD = struct.Struct("=4Q")  # ar_ptr, prev, size, mprotect_size
# The arena stands behind the head of its first heap: 32 bytes of head, 48 since glibc 2.35 on 64 bits.
_ARENA_AT = range(_HEAD.size, 2 * _HEAD.size + 1)
_LARGEST_MAPS = 1 << 26  # bytes: 500,000 mappings
_PAGE = 4096 if not procfs.IS_LINUX else os.sysconf("SC_PAGE_SIZE")
# Private, writable, of no file: the break, and what has no name but one of glibc's (glibc.mem.decorate_maps).
_MAPPING = re.compile(
    rb"^([0-9a-f]+)-([0-9a-f]+) rw.p [0-9a-f]+ 00:00 0 *(\[heap\]|\[anon: glibc: malloc[^\n]*\]|)$",
    re.MULTILINE,
)
_BREAK = b"[heap]"
# An entry of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst): in memory, in swap, of a file.
_PRESENT, _SWAPPED, _FILE = 1 << 63, 1 << 62, 1 << 61

# They are looked at seldom: they say how much of memory malloc keeps free, which no answer but that needs. A
# look at one process takes 1 to 5 ms of a sample; at a thousand, it goes on at the next ones.
EVERY_S, AT_ONCE_S, MOST_SHARE = 10.0, 0.005, 0.002

Range = tuple[int, int]  # addresses, the last one excluded


class Arenas:
    """The arenas of all processes that are metered, in rounds. All calls by one thread."""

    def __init__(self) -> None:
        self._again_s = 0.0  # when the next round begins
        self._left: list[int] = []  # processes of this one that were not looked at yet
        self._sizes: dict[int, int] = {}
        self._took_s = 0.0

    def look(self, living: Mapping[int, Metered]) -> int | None:
        """What the processes ``living`` have in arenas; None until a round has ended, or if of none it can be
        told."""
        began_s = time.monotonic()
        if not procfs.IS_LINUX or (not self._left and began_s < self._again_s):
            return None
        if not self._left:
            self._left, self._sizes, self._took_s = [*living], {}, 0.0
            self._again_s = began_s + EVERY_S
        while self._left:
            pid = self._left.pop()
            if pid in living and (size := _of_process(living[pid])) is not None:
                self._sizes[pid] = size
            if time.monotonic() - began_s >= AT_ONCE_S:
                break
        self._took_s += time.monotonic() - began_s
        if self._left:
            return None
        self._again_s = max(self._again_s, time.monotonic() + self._took_s / MOST_SHARE)
        sizes = [size for pid, size in self._sizes.items() if pid in living]
        return sum(sizes) if sizes else None


def _of_process(metered: Metered) -> int | None:
    """None where another malloc than glibc's does the work, or nobody may look."""
    page = metered.page
    if page.uncounted is not None or not page.counts_blocks or not page.is_glibc:
        return None
    with contextlib.suppress(OSError):
        return arena_bytes(metered.pid, has_break=not page.moves_break)
    return None


def arena_bytes(pid: int, *, has_break: bool = True) -> int:
    """The bytes of the pages, in memory or swap, that glibc's malloc in ``pid`` has for its arenas; blocks that
    are mapped one by one are not among them. ``has_break`` is whether the break is malloc's alone. Raises
    OSError."""
    with open(f"/proc/{pid}/maps", "rb") as file:  # noqa: PTH123
        maps = file.read(_LARGEST_MAPS)
    mappings = [(int(start, 16), int(stop, 16), name) for start, stop, name in _MAPPING.findall(maps)]
    ranges = [(start, stop) for start, stop, name in mappings if has_break and name == _BREAK]
    heads = _heads(pid, [(start, stop) for start, stop, name in mappings if name != _BREAK])
    ranges += sound_heaps(heads)
    return sum(_resident(pid, ranges))


def _heads(pid: int, mappings: list[Range]) -> dict[Range, bytes]:
    """What stands where a heap may begin, by how far the memory that can be written reaches from there."""
    places = [
        (at, stop)
        for start, stop in mappings
        for at in range(-(-start // HEAP_BYTES) * HEAP_BYTES, stop, HEAP_BYTES)
    ]
    if not places:
        return {}
    file = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return {place: content for place in places if (content := _at(file, place[0], _HEAD.size))}
    finally:
        os.close(file)


def _at(file: int, address: int, size: int) -> bytes:
    try:
        content = os.pread(file, size, address)
    except OSError:  # unmapped meanwhile
        return b""
    return content if len(content) == size else b""


def sound_heaps(heads: Mapping[Range, bytes]) -> list[Range]:
    """The heaps among ``heads``: what stands at an address, by it and by the end of its mapping. Each lies in
    what can be written, its arena right behind its own head or behind that of one before it."""
    found = {}
    for (start, stop), content in heads.items():
        arena, before, size, writable = _HEAD.unpack(content)
        whole = writable % _PAGE == 0 and 0 < size <= writable <= min(HEAP_BYTES, stop - start)
        if whole and (before == 0) == (arena - start in _ARENA_AT):
            found[start] = (start + writable, before, arena)
    return [
        (start, stop)
        for start, (stop, before, arena) in found.items()
        if before == 0 or _follows(found, before, arena)
    ]


def _follows(found: Mapping[int, tuple[int, int, int]], before: int, arena: int) -> bool:
    """Whether the heap ``before`` another one is sound, of the same arena."""
    return before in found and found[before][2] == arena


def _resident(pid: int, ranges: list[Range]) -> Iterator[int]:
    """The bytes of each range that are in memory or swap."""
    file = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    try:
        for start, stop in ranges:
            content = os.pread(file, 8 * ((stop - start) // _PAGE), 8 * (start // _PAGE))
            entries = np.frombuffer(content[: len(content) // 8 * 8], np.uint64)
            is_kept = (entries & np.uint64(_PRESENT | _SWAPPED) != 0) & (entries & np.uint64(_FILE) == 0)
            yield _PAGE * int(np.count_nonzero(is_kept))
    finally:
        os.close(file)
