"""A subject's side of its page, in Python. ``include/zcpage.h`` is the same in C and C++.

It needs nothing but the standard library, so that a subject does not grow by what zcbench itself imports.
"""

from __future__ import annotations

import mmap
import os
import stat
import threading
import time
import weakref
from pathlib import Path

from zcbench.page import layout
from zcbench.page.contents import Header, parse_contents, parse_header
from zcbench.page.layout import (
    ENTRY_BYTES,
    HEADER_BYTES,
    HISTOGRAM_BYTES,
    LINE_BYTES,
    UNSET,
    WORD_BYTES,
    Entry,
    Kind,
    PageError,
    State,
    aligned,
    bucket_of,
)


class Counter:
    """A total, gauge or constant of a page. Any thread may write it: each change takes the page's lock."""

    __slots__ = ("_at", "_page")

    def __init__(self, page: PageWriter, offset: int) -> None:
        self._page, self._at = page, offset // WORD_BYTES

    def add(self, n: int = 1) -> None:
        """Add ``n``; what is unset counts as 0."""
        with self._page.lock:
            words = self._page.words
            value = words[self._at]
            words[self._at] = n if value == UNSET else value + n

    def set(self, value: int) -> None:
        """Make it ``value``."""
        self._page.words[self._at] = value

    def raise_to(self, value: int) -> None:
        """Make it ``value`` if that is more: for a high-water mark."""
        with self._page.lock:
            if value > self._page.words[self._at]:
                self._page.words[self._at] = value

    def get(self) -> int | None:
        """Its value; None if it was never set."""
        value: int = self._page.words[self._at]
        return None if value == UNSET else value


class HistogramWriter:
    """A histogram of a page. Any thread may record."""

    __slots__ = ("_at", "_page")

    def __init__(self, page: PageWriter, offset: int) -> None:
        self._page, self._at = page, offset // WORD_BYTES

    def record(self, value: int) -> None:
        """Count one reading; a negative one counts as 0."""
        value, at = max(value, 0), self._at
        with self._page.lock:
            words = self._page.words
            words[at + 4 + bucket_of(value)] += 1
            words[at + 1] += value
            words[at + 2] = max(words[at + 2], value)
            words[at] += 1


class PageWriter:
    """A mapped page that this process fills; :func:`zcbench.page.open` gives the one of this run.

    ``path`` is its file, None if it is private memory. Any thread may use it. A child made by os.fork()
    counts in memory of its own: never on its parent's page.
    """

    def __init__(self, buffer: memoryview, path: Path | None = None) -> None:
        """Raises PageError if ``buffer`` is no page of version 2."""
        self.path = path
        self.lock = threading.Lock()
        self._map(buffer)
        _opened.add(self)

    def _map(self, buffer: memoryview) -> None:
        self._parts = parse_header(buffer, buffer.nbytes).parts
        self._buffer = buffer
        self._generation = -1  # of what is known
        self._known: dict[str, Entry] = {}
        self._newest: dict[str, int] = {}  # where each writer's last value lies
        self.words = buffer[: buffer.nbytes // WORD_BYTES * WORD_BYTES].cast("q")

    @classmethod
    def at(cls, path: Path) -> PageWriter:
        """The page in the file ``path``, which is made if it is not there.

        Where another process has opened it, this one gets a page beside it, "PATH.PID".
        Raises OSError, PageError.
        """
        path = path.absolute()
        if not path.exists():
            return cls._made(path)
        page = cls(_mapped(path), path)
        writer = page._get(layout.AT_PID, 8)
        if writer and writer != os.getpid():
            return cls._made(_beside(path))
        page._claim()
        return page

    @classmethod
    def private(cls) -> PageWriter:
        """A page that nobody else sees: the same code costs little where there is no run."""
        parts = layout.geometry()
        memory = mmap.mmap(-1, parts.size)
        memory[:HEADER_BYTES] = layout.header(parts)
        return cls(memoryview(memory))

    @classmethod
    def _made(cls, path: Path) -> PageWriter:
        make_file(path, layout.header(layout.geometry()), layout.PAGE_BYTES)
        page = cls(_mapped(path), path)
        page._claim()
        return page

    def _claim(self) -> None:
        self._put(layout.AT_STARTED, time.time_ns(), 8)
        self._put(layout.AT_PID, os.getpid(), 8)

    def total(self, name: str, unit: str, writer: str = "") -> Counter:
        """A counter that only rises, from 0: packets, bytes. See :meth:`declare`."""
        return self.declare(name, unit, Kind.TOTAL, writer)

    def gauge(self, name: str, unit: str, writer: str = "") -> Counter:
        """A value that rises and falls: leases in flight, bytes in use. See :meth:`declare`."""
        return self.declare(name, unit, Kind.GAUGE, writer)

    def constant(self, name: str, unit: str, value: int) -> Counter:
        """A value that is known once: the pool's slots. See :meth:`declare`."""
        counter = self.declare(name, unit, Kind.CONSTANT)
        counter.set(value)
        return counter

    def declare(self, name: str, unit: str, kind: Kind, writer: str = "") -> Counter:
        """The value ``name``, declared now or before. ``writer`` names the thread that writes it, if one does.

        Raises PageError if it is no name, has another kind on the page, or the page is full.
        """
        return Counter(self, self._declare(name, unit, kind, writer))

    def histogram(self, name: str, unit: str = "ns", writer: str = "") -> HistogramWriter:
        """The histogram ``name``. Raises PageError as :meth:`declare` does."""
        return HistogramWriter(self, self._declare(name, unit, Kind.HISTOGRAM, writer))

    def law(self, text: str) -> None:
        """State a law over the page's values: "pool.captured == pool.returns + pool.in_flight".

        Raises PageError if it is more than a line, or the page has no room for it.
        """
        line = text.strip().encode() + b"\n"
        with self.lock:
            header = self._header()
            at = header.parts.laws_at + header.laws_used
            if (
                not text.strip()
                or line.count(b"\n") > 1
                or header.laws_used + len(line) > header.parts.laws_bytes
            ):
                raise PageError(
                    f"{text[:80]!r} is not one line, or there is no room for one more law on the page"
                )
            with _Declaring(self):
                self._buffer[at : at + len(line)] = line
                self._put(layout.AT_LAWS_USED, header.laws_used + len(line), 4)
            self._generation = -1

    @property
    def state(self) -> State:
        """How far this subject is: zcbench's warm-up begins with READY."""
        return State(self._header().state or State.STARTING)

    @state.setter
    def state(self, state: State) -> None:
        self.words[layout.AT_STATE // WORD_BYTES] = int(state)

    def beat(self) -> None:
        """Say that a step was made: for a subject that may go on for long without counting anything."""
        with self.lock:
            self.words[layout.AT_HEARTBEAT // WORD_BYTES] += 1

    def _declare(self, name: str, unit: str, kind: Kind, writer: str) -> int:
        with self.lock:
            header = self._header()
            entries = self._entries(header)
            if (known := entries.get(name)) is not None:
                if known.kind is not kind:
                    raise PageError(f"{name} is declared as a {known.kind.name.lower()} already")
                return known.offset
            if header.declared == header.parts.capacity:
                raise PageError(f"{name}: the page is full; it has room for {header.parts.capacity} values")
            offset, used = self._room(kind, writer)
            entry = Entry(name, unit, kind, writer, offset)
            packed = entry.packed()
            at = header.parts.table_at + header.declared * ENTRY_BYTES
            with _Declaring(self):
                if kind in (Kind.GAUGE, Kind.CONSTANT):
                    self.words[offset // WORD_BYTES] = UNSET
                self._buffer[at : at + ENTRY_BYTES] = packed
                self._put(layout.AT_DATA_USED, used, 4)
                self._put(layout.AT_DECLARED, header.declared + 1, 4)
            self._add(entry)
            self._generation += 1
            return offset

    def _entries(self, header: Header) -> dict[str, Entry]:
        """What is declared, by name; read again when somebody else has declared, another library in C."""
        if self._generation != header.generation:
            self._known, self._newest = {}, {}
            at = header.parts.table_at
            table = self._buffer[at : at + header.declared * ENTRY_BYTES]
            for entry in parse_contents(header, table, b"").entries:
                self._add(entry)
            self._generation = header.generation
        return self._known

    def _add(self, entry: Entry) -> None:
        self._known[entry.name] = entry
        if entry.writer and entry.kind is not Kind.HISTOGRAM:
            self._newest[entry.writer] = entry.offset

    def _room(self, kind: Kind, writer: str) -> tuple[int, int]:
        """Where a value may lie, in a line that no other writer has, and how much of the data is used then."""
        parts, used = self._parts, self._get(layout.AT_DATA_USED, 4)
        if kind is not Kind.HISTOGRAM and writer:
            after = self._newest.get(writer, -WORD_BYTES) + WORD_BYTES
            if after % LINE_BYTES:
                return after, used
        length = aligned(HISTOGRAM_BYTES if kind is Kind.HISTOGRAM else WORD_BYTES)
        if used % LINE_BYTES or used + length > parts.data_bytes:
            raise PageError("the page has no room for one more value")
        return parts.data_at + used, used + length

    def _header(self) -> Header:
        return parse_header(self._buffer[:HEADER_BYTES], self._buffer.nbytes)

    def _get(self, at: int, length: int) -> int:
        return int.from_bytes(self._buffer[at : at + length], "little")

    def _put(self, at: int, value: int, length: int) -> None:
        layout.put(self._buffer, at, value, length)

    def reopen(self) -> None:
        """In a forked child: count on a page of its own from now on, beside its parent's. Handles stay good.

        Raises OSError, PageError.
        """
        if self.path is not None and self._get(layout.AT_PID, 8) != os.getpid():
            path = _beside(self.path)
            make_file(path, bytes(self._buffer), self._buffer.nbytes)
            self._map(_mapped(path))
            self.path = path
            self._claim()

    def in_forked_child(self) -> None:
        """Count in memory of its own from now on: every total from zero, nothing set."""
        self.lock = threading.Lock()
        if self.path is None:
            return
        start, parts = bytes(self._buffer[: self._parts.data_at]), self._parts
        self._map(memoryview(bytearray(start + bytes(self._buffer.nbytes - parts.data_at))))
        header = self._header()
        for at in (layout.AT_PID, layout.AT_LOCK, layout.AT_REFUSED, layout.AT_HEARTBEAT):
            self._put(at, 0, 8)
        self._put(layout.AT_GENERATION_AGAIN, header.generation, 8)
        for entry in self._entries(header).values():
            if entry.kind in (Kind.GAUGE, Kind.CONSTANT):
                self.words[entry.offset // WORD_BYTES] = UNSET


_opened: weakref.WeakSet[PageWriter] = weakref.WeakSet()


def _in_forked_child() -> None:
    for page in _opened:
        page.in_forked_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}")


def make_file(path: Path, start: bytes, size: int) -> None:
    """A page's file of ``size`` bytes that begins with ``start``, every block of it on the disk.

    It must not exist. Raises OSError.
    """
    with path.open("xb") as file:
        file.write(start)
        file.write(bytes(size - len(start)))


def _mapped(path: Path) -> memoryview:
    with path.open("r+b") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise PageError(f"{path}: not a regular file")
        try:
            return memoryview(mmap.mmap(file.fileno(), 0))
        except ValueError as error:  # an empty file cannot be mapped
            raise PageError(f"{path}: {error}") from error


class _Declaring:
    """While it is entered, the page's two generations differ, and no reader trusts the table."""

    def __init__(self, page: PageWriter) -> None:
        self._page = page

    def __enter__(self) -> None:
        self._generation = (self._page._get(layout.AT_GENERATION, 8) + 1) % 2**64
        self._page._put(layout.AT_GENERATION, self._generation, 8)

    def __exit__(self, *_: object) -> None:
        self._page._put(layout.AT_GENERATION_AGAIN, self._generation, 8)
