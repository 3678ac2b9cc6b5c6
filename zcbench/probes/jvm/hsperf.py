"""The counters that a HotSpot JVM keeps in a mapped file (hsperfdata), as another process reads them.

The format is that of the JDK's ``PerfDataPrologue`` and ``PerfDataEntry`` (perfMemory.hpp, perfData.hpp),
version 2.0: a prologue of 32 bytes, then entries; a number is eight bytes, a text is NUL-padded. Whoever owns
the file can write anything to it: nothing in it is trusted.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

MAGIC = b"\xca\xfe\xc0\xc0"  # whatever the byte order
VERSION = 2
LARGEST_BYTES = 1 << 20  # the JDK's own files have 32 KiB (PerfDataMemorySize)
MOST_ENTRIES = 4096  # JDK 25 has some 260
_PROLOGUE_BYTES, _ENTRY_BYTES = 32, 20
_LONG, _BYTE = ord("J"), ord("B")
_GENERATION = re.compile(r"sun\.gc\.generation\.(\d+)\.space\.(\d+)\.used")
_COLLECTOR = re.compile(r"sun\.gc\.collector\.(\d+)\.invocations")
_CAPACITY = re.compile(r"sun\.gc\.generation\.\d+\.capacity")
EDEN = "eden"
# Collectors by number: 0 is the young heap's, then the whole heap's, and the pauses of concurrent cycles.
FULL, CYCLES = 1, 2
COMPACTS_EVERY = 4
FULL_SHARE = 0.95  # of the old generation, above which a collection may leave live objects in eden
MOST_TRIES = 5  # of a reading that no collection changes meanwhile: a collection takes longer than a reading


class PerfDataError(ValueError):
    """The file is none of a JVM's, or is not whole (yet); a clause that says what is wrong."""


class JvmStartingError(PerfDataError):
    """The JVM is about to fill its file."""


@dataclass(frozen=True)
class PerfData:
    """The numbers and texts by name, as they were read. Sizes are bytes, times ticks of ``frequency``."""

    numbers: Mapping[str, int]
    texts: Mapping[str, str]

    def number(self, name: str) -> int | None:
        """None where the JVM has no such counter, or shows a size that cannot be."""
        value = self.numbers.get(name)
        return None if value is None or value < 0 else value

    @cached_property
    def _used(self) -> list[tuple[str, str]]:
        """The name of each space, and of its use."""
        found = []
        for name in self.numbers:
            if _GENERATION.fullmatch(name):
                space = self.texts.get(name.removesuffix("used") + "name", "")
                found.append((space, name))
        return found

    @cached_property
    def collectors(self) -> tuple[int, ...]:
        """Their numbers."""
        found = (_COLLECTOR.fullmatch(name) for name in self.numbers)
        return tuple(sorted(int(match[1]) for match in found if match))

    @property
    def heap_after_gc_bytes(self) -> int | None:
        """The Java heap as its last collection left it: all spaces but eden, which a collection empties, and
        which fills at once again. What does not fit into a full old generation stays in eden, and counts, with
        what is new there. None of a JVM that shows no spaces."""
        values = [self.number(name) for space, name in self._used if space != EDEN or self._is_full]
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None

    @property
    def _is_full(self) -> bool:
        """Whether the old generation has hardly room left. (G1's may take the whole heap.)"""
        most = self.number("sun.gc.generation.1.maxCapacity")
        used = self.number("sun.gc.generation.1.space.0.used")
        return bool(most and used and used > FULL_SHARE * most)

    @property
    def heap_committed_bytes(self) -> int | None:
        """Memory that the JVM has for its heap."""
        values = [self.number(name) for name in self.numbers if _CAPACITY.fullmatch(name)]
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None

    @property
    def classes(self) -> int | None:
        """Classes that are loaded: its own archive's with them."""
        loaded = [self.number(f"java.cls.{name}") for name in ("loadedClasses", "sharedLoadedClasses")]
        unloaded = [self.number(f"java.cls.{name}") for name in ("unloadedClasses", "sharedUnloadedClasses")]
        if None in loaded:
            return None
        return sum(filter(None, loaded)) - sum(filter(None, unloaded))

    @property
    def collections(self) -> int | None:
        """Garbage collections, the pauses of a concurrent cycle left out where the collector has others."""
        counted = [n for n in self.collectors if n != CYCLES] or list(self.collectors)
        return self._sum(counted, "invocations")

    @property
    def full_collections(self) -> int | None:
        """Collections of the whole heap; None of a collector that has none (ZGC, Shenandoah)."""
        return self.number(f"sun.gc.collector.{FULL}.invocations")

    @property
    def is_compact(self) -> bool:
        """Whether the last full collection left no dead objects: Serial may leave some where the heap is dense,
        but for every fourth time (MarkSweepAlwaysCompactCount)."""
        is_serial = self.texts.get(f"sun.gc.collector.{FULL}.name", "").startswith(("Serial", "MSC"))
        return not is_serial or (self.full_collections or 0) % COMPACTS_EVERY == 0

    @property
    def pause_ns(self) -> int | None:
        """Time that the JVM stood still to collect."""
        ticks = self._sum(self.collectors, "time")
        frequency = self.number("sun.os.hrt.frequency")
        return ticks * 10**9 // frequency if ticks is not None and frequency else None

    @property
    def is_collecting(self) -> bool:
        """Whether a collection was under way: what it counts then is not of one moment."""
        return any(
            (self.number(f"sun.gc.collector.{n}.lastEntryTime") or 0)
            > (self.number(f"sun.gc.collector.{n}.lastExitTime") or 0)
            for n in self.collectors
        )

    def _sum(self, collectors: list[int] | tuple[int, ...], what: str) -> int | None:
        values = [self.number(f"sun.gc.collector.{n}.{what}") for n in collectors]
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None


def parse(content: bytes) -> PerfData:
    """What the bytes of a file say. Raises PerfDataError."""
    if len(content) < _PROLOGUE_BYTES or not content.startswith(MAGIC):
        raise PerfDataError("no counters of a JVM")
    order = "<" if content[4] == 1 else ">"
    if content[4] > 1 or content[5] != VERSION:
        raise PerfDataError(f"byte order {content[4]}, version {content[5]}: not what HotSpot writes")
    if content[7] != 1:
        raise JvmStartingError("the JVM is still starting")
    entry, count = struct.unpack_from(f"{order}ii", content, 24)
    if not 0 <= count <= MOST_ENTRIES:
        raise PerfDataError(f"{count:,} counters: more than any JVM has")
    numbers: dict[str, int] = {}
    texts: dict[str, str] = {}
    head = struct.Struct(f"{order}iii4Bi")
    for _ in range(count):
        if not 0 <= entry <= len(content) - _ENTRY_BYTES:
            raise PerfDataError("a counter begins outside the file")
        length, name_at, items, kind, _, _, _, data_at = head.unpack_from(content, entry)
        if length < _ENTRY_BYTES or entry + length > len(content):
            raise PerfDataError("a counter ends outside the file")
        whole = content[entry : entry + length]
        if not (_ENTRY_BYTES <= name_at < length and _ENTRY_BYTES <= data_at <= length):
            raise PerfDataError("a counter's name or value lies outside of it")
        name = _text(whole[name_at : data_at if data_at > name_at else length])
        if kind == _LONG and items == 0 and data_at + 8 <= length:
            numbers[name] = struct.unpack_from(f"{order}q", whole, data_at)[0]
        elif kind == _BYTE and 0 < items <= length - data_at:
            texts[name] = _text(whole[data_at : data_at + items])
        entry += length
    return PerfData(numbers, texts)


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode(errors="replace")


def read(path: str, owner: int) -> PerfData:
    """The counters of the JVM of user ``owner`` that has ``path`` mapped; if possible of one moment.

    Raises OSError, and PerfDataError also for a file of somebody else's.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != owner:
            raise PerfDataError("a file of somebody else's")
        if status.st_size > LARGEST_BYTES:
            raise PerfDataError(f"{status.st_size:,} bytes: more than any JVM writes")
        before = parse(os.pread(file, LARGEST_BYTES, 0))
        for _ in range(MOST_TRIES):
            after = parse(os.pread(file, LARGEST_BYTES, 0))
            if not after.is_collecting and after.collections == before.collections:
                return after
            before = after
        return before
    finally:
        os.close(file)
