"""Reading a page while its subject writes to it: by reading the file, never through a mapping, so that whatever
a subject does to the file is an error here and no SIGBUS.

    >>> import tempfile, zcbench.page
    >>> from pathlib import Path
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "page.bin"
    >>> make_page(path)                       # what `zcbench run` does before it starts a command
    >>> page = zcbench.page.open(path)        # what the command does, in any language
    >>> captured = page.total("engine.captured", "packets")
    >>> captured.add(3)
    >>> with PageReader(path) as reader:
    ...     reading = reader.read()
    >>> reading.values, [(e.name, e.unit, e.kind.name) for e in reading.entries]
    ({'engine.captured': 3}, [('engine.captured', 'packets', 'TOTAL')])
    >>> folder.cleanup()
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zcbench.files import open_regular
from zcbench.page import layout
from zcbench.page.contents import Contents, Header, parse_contents, parse_header
from zcbench.page.histogram import WORDS, Histogram
from zcbench.page.layout import ENTRY_BYTES, HEADER_BYTES, UNSET, Entry, Geometry, Kind, PageError, State
from zcbench.page.writer import make_file

SETTLE_PAUSE_S = 50e-6  # several times what a packet's way through an engine takes
# Two readings that are the same are of one moment. How often that is tried: less often of a large page, so that
# a page in constant motion costs at most this many bytes a reading.
_SETTLE_TRIES = 20
_SETTLE_BYTES = 1 << 20
_HAS_PREAD = hasattr(os, "pread")  # not on Windows
_TABLE_TRIES = 20  # a declaration takes less than a microsecond
_FAINT = UNSET // 2  # a gauge that is added to for the first time is below this for some nanoseconds


def make_page(path: Path, parts: Geometry | None = None) -> None:
    """Make the empty page ``path``, which must not exist, every block of it on the disk. Raises OSError."""
    parts = parts or layout.geometry()
    make_file(path, layout.header(parts), parts.size)


@dataclass(frozen=True, eq=False)
class Reading:
    """A page at one time. ``values`` are the counters, gauges and constants by name, None where unset.

    ``is_settled`` says that two readings a moment apart were the same, so that laws hold exactly.
    """

    header: Header
    contents: Contents
    values: Mapping[str, int | None]
    histograms: Mapping[str, Histogram]
    is_settled: bool

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is declared, in its order."""
        return self.contents.entries

    @property
    def laws(self) -> tuple[str, ...]:
        """The laws as they stand on the page."""
        return self.contents.laws

    @property
    def state(self) -> State | None:
        """How far the subject is, as it says."""
        return self.header.state


@dataclass(frozen=True, eq=False)
class _Table:
    """The names of one generation, and where their words are."""

    generation: int
    contents: Contents
    names: tuple[str, ...]
    words: NDArray[np.intp]  # of ``names``, in words from where the data begins
    histograms: tuple[tuple[str, int], ...]
    bytes: int  # of the data, up to the end of the last value

    @classmethod
    def of(cls, header: Header, contents: Contents) -> _Table:
        start = header.parts.data_at
        at = {entry.name: (entry.offset - start) // 8 for entry in contents.entries}
        plain = tuple(entry.name for entry in contents.entries if entry.kind is not Kind.HISTOGRAM)
        histograms = tuple((e.name, at[e.name]) for e in contents.entries if e.kind is Kind.HISTOGRAM)
        ends = [at[name] + 1 for name in plain] + [first + WORDS for _, first in histograms]
        words = np.array([at[name] for name in plain], dtype=np.intp)
        return cls(header.generation, contents, plain, words, histograms, 8 * max(ends, default=0))


class PageReader:
    """Reads the page ``path`` again and again. Raises OSError, PageError: also from :meth:`read`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with open_regular(path) as file:
            self._file = io.FileIO(os.dup(file.fileno()), "rb")  # a buffer would hold an earlier reading
        self._table: _Table | None = None
        self._head: tuple[bytes, int, Header] | None = None  # bytes, the file's size, and what they say
        self._latest: tuple[bytes, Reading] | None = None  # bytes of the data, and what they say
        self._pid = 0

    def read(self, *, settle: bool = True) -> Reading:
        """The page as it stands; with ``settle``, if it comes to rest within some readings, of one moment."""
        header, table = self._names()
        before = self._part(header.parts.data_at, table.bytes)
        settled = False
        tries = min(_SETTLE_TRIES, 1 + _SETTLE_BYTES // max(table.bytes, 1)) if settle else 0
        for _ in range(tries):
            time.sleep(SETTLE_PAUSE_S)
            after = self._part(header.parts.data_at, table.bytes)
            settled, before = after == before, after
            if settled:
                break
        return self._reading(header, table, before, settled)

    def _reading(self, header: Header, table: _Table, data: bytes, settled: bool) -> Reading:
        """What ``data`` says. Of a subject at rest it is what it was."""
        if self._latest is None or self._latest[0] != data or self._latest[1].contents is not table.contents:
            reading = Reading(header, table.contents, _values(table, data), _histograms(table, data), settled)
        else:
            latest = self._latest[1]
            reading = Reading(header, latest.contents, latest.values, latest.histograms, settled)
        self._latest = data, reading
        return reading

    def problems(self, reading: Reading) -> tuple[str, ...]:
        """What is wrong with the page of ``reading``, each in one sentence."""
        found = list(reading.contents.problems)
        if not reading.header.is_settled:
            found.append(
                "its table was being written to when it was last read: the newest value may be missing"
            )
        if self._pid and reading.header.pid != self._pid:
            found.append(f"process {reading.header.pid} wrote to the page of process {self._pid}")
        return tuple(found)

    def _names(self) -> tuple[Header, _Table]:
        """The header and the table that goes with it; if the writer died in a declaration, what came before."""
        for left in reversed(range(_TABLE_TRIES)):
            header = self._header()
            if self._table is not None and self._table.generation == header.generation and header.is_settled:
                return header, self._table
            if not header.is_settled and left:
                time.sleep(SETTLE_PAUSE_S)
                continue
            contents = parse_contents(
                header,
                self._part(header.parts.table_at, header.declared * ENTRY_BYTES),
                self._part(header.parts.laws_at, header.laws_used),
            )
            table = _Table.of(header, contents)
            after = self._header()
            if after.generation == header.generation and header.is_settled:
                self._table = table
                return after, table
        return header, table

    def _header(self) -> Header:
        head, size = self._read(0, HEADER_BYTES), os.fstat(self._file.fileno()).st_size
        # It changes with a declaration, a state and a heartbeat: at most looks it is as it was.
        if self._head is None or self._head[:2] != (head, size):
            self._head = head, size, parse_header(head, size)
        header = self._head[2]
        self._pid = self._pid or header.pid
        return header

    def _read(self, at: int, length: int) -> bytes:
        if _HAS_PREAD:
            return os.pread(self._file.fileno(), length, at)
        self._file.seek(at)
        return self._file.read(length)

    def _part(self, at: int, length: int) -> bytes:
        part = self._read(at, length) if length else b""
        if len(part) < length:
            raise PageError(f"{self._path}: truncated while it was read")
        return part

    def close(self) -> None:
        """Stop reading."""
        self._file.close()

    def __enter__(self) -> PageReader:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _values(table: _Table, data: bytes) -> dict[str, int | None]:
    values = np.frombuffer(data, dtype="<i8").take(table.words).tolist() if table.names else []
    return {name: None if value < _FAINT else value for name, value in zip(table.names, values, strict=True)}


def _histograms(table: _Table, data: bytes) -> dict[str, Histogram]:
    if not table.histograms:
        return {}
    words = np.frombuffer(data, dtype="<u8")
    return {name: Histogram.of_words(words[at : at + WORDS]) for name, at in table.histograms}
