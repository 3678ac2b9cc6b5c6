"""The engine's page: the counters and histograms of the registry, mapped into memory.

The worker (native threads, Python threads) writes it with plain aligned 64-bit stores; the supervisor and any
viewer read it whenever they like. It survives the death of the writer: after SIGKILL the last packet number is
still there. Its layout is that of every page (:mod:`zcbench.page.layout`, docs/page.md); pages of version 1, of
older records, are read too. The native core parses the same table (``_core/scoreboard.hpp``).
"""

from __future__ import annotations

import difflib
import mmap
import os
import re
import time
from pathlib import Path

import numpy as np

from zcbench.files import read_regular
from zcbench.page import layout, version1
from zcbench.page.contents import parse_contents, parse_header
from zcbench.page.histogram import WORDS, Histogram, bucket_bounds, bucket_of
from zcbench.page.layout import (
    ENTRY_BYTES,
    HEADER_BYTES,
    HISTOGRAM_BYTES,
    WORD_BYTES,
    Entry,
    Geometry,
    Kind,
    PageError,
    aligned,
)
from zcbench.quantities.measured import HISTOGRAMS
from zcbench.quantities.quantity import ON_PAGE, Origin, Quantity
from zcbench.quantities.registry import ON_SCOREBOARD

__all__ = ["UNSET", "Histogram", "Scoreboard", "ScoreboardError", "bucket_bounds", "bucket_of"]

ScoreboardError = PageError
UNSET = 2**63  # layout.UNSET as an unsigned word: a gauge nobody has measured; read back as None

_SNAPSHOTS = 20  # of a page that somebody writes to, before its readings are called of several moments
_MANY_WRITERS = (Origin.SHARED, Origin.RETURNER)


def _entries() -> tuple[list[Entry], int]:
    """What the registry has on the page, and where its values end. Each writer has cache lines of its own."""
    offset = aligned(HEADER_BYTES + (len(ON_SCOREBOARD) + len(HISTOGRAMS)) * ENTRY_BYTES)
    found: list[Entry] = []
    for origin in ON_PAGE:
        for metric in (m for m in ON_SCOREBOARD if m.origin is origin):
            found.append(Entry(metric.name, metric.unit.name, _kind(metric), _writer(origin), offset))
            offset += WORD_BYTES
        offset = aligned(offset)
    for timing in HISTOGRAMS:
        found.append(Entry(timing.column, "ns", Kind.HISTOGRAM, "", offset))
        offset = aligned(offset + HISTOGRAM_BYTES)
    return found, offset


def _kind(metric: Quantity) -> Kind:
    return Kind.TOTAL if metric.cumulative else Kind.GAUGE


def _writer(origin: Origin) -> str:
    return "" if origin in _MANY_WRITERS else origin.value


class _Names(dict[str, int]):
    """Where each name's words begin; also by the shorter names that `zcbench metrics` prints, "delivery" for
    "delivery_ns" and "drops" for "engine.drops"."""

    def __missing__(self, name: str) -> int:
        if (full := _SHORT.get(name, "")) in self:
            return self[full]
        near = difflib.get_close_matches(name, [*self, *(n for n, f in _SHORT.items() if f in self)], 2)
        hint = f"did you mean {' or '.join(near)}?" if near else "`zcbench metrics` lists them"
        raise KeyError(f"the page has no {name!r}; {hint}")


def _short_names() -> dict[str, str]:
    """The other names of each word. Those of the engine and the consumer go without their first part."""
    names = [metric.name for metric in ON_SCOREBOARD] + [timing.column for timing in HISTOGRAMS]
    found = {re.sub(r"_(bytes|ns)$", "", name): name for name in names}
    found |= {name.partition(".")[2]: name for name in names if name.startswith(("consumer.", "engine."))}
    return {short: name for short, name in found.items() if short not in names}


_SHORT = _short_names()


class Scoreboard:
    """The mapped page of an engine: :meth:`create` it (also without a file), or :meth:`open` one read-only.

    ``buffer`` is the whole page (writable when created); pass it to an engine. ``words`` is the same page
    as a memoryview of unsigned words: ``words[board.index["pool.hits"]]`` is the cheapest way to read or store
    a counter; no count is below 0. Each has one writer (:class:`zcbench.quantities.registry.Origin`); a reader
    needs no lock.
    ``problems`` says what of a damaged page was left out.
    """

    def __init__(self, buffer: memoryview) -> None:
        """Raises PageError if ``buffer`` is no page."""
        self.buffer = buffer
        self.words = buffer.cast("B")[: buffer.nbytes // WORD_BYTES * WORD_BYTES].cast("Q")
        self.problems: tuple[str, ...] = ()
        if bytes(buffer[:8]) == version1.MAGIC:
            self._unset = version1.UNSET
            counters, histograms = version1.tables(buffer)
        else:
            self._unset = UNSET
            counters, histograms = self._tables()
        self.index = _Names({name: at // WORD_BYTES for name, at in counters.items()})
        self._histograms = {name: at // WORD_BYTES for name, at in histograms.items()}

    def _tables(self) -> tuple[dict[str, int], dict[str, int]]:
        header = parse_header(self.buffer, self.buffer.nbytes)
        parts = header.parts
        table = self.buffer[parts.table_at :][: header.declared * ENTRY_BYTES]
        contents = parse_contents(header, table, b"")
        self.problems = contents.problems
        counters = {e.name: e.offset for e in contents.entries if e.kind is not Kind.HISTOGRAM}
        return counters, {e.name: e.offset for e in contents.entries if e.kind is Kind.HISTOGRAM}

    @classmethod
    def create(cls, path: Path | None = None) -> Scoreboard:
        """A new page: the file ``path`` (must not exist), or anonymous memory. Gauges start unset."""
        entries, size = _entries()
        table_end = HEADER_BYTES + len(entries) * ENTRY_BYTES
        parts = Geometry(size, len(entries), table_end, 0, aligned(table_end), size - aligned(table_end))
        if path is None:
            mapped = mmap.mmap(-1, size)
        else:
            with path.open("x+b") as file:
                file.truncate(size)
                mapped = mmap.mmap(file.fileno(), size)
        mapped[:HEADER_BYTES] = layout.header(parts)
        mapped[HEADER_BYTES:table_end] = b"".join(entry.packed() for entry in entries)
        layout.put(mapped, layout.AT_DATA_USED, parts.data_bytes, 4)
        layout.put(mapped, layout.AT_DECLARED, len(entries), 4)
        board = cls(memoryview(mapped))
        for metric in ON_SCOREBOARD:
            if metric.origin is Origin.PROBE:
                board.words[board.index[metric.name]] = UNSET
        return board

    @classmethod
    def open(cls, path: Path, *, writable: bool = False) -> Scoreboard:
        """Map the scoreboard at ``path``; read-only unless ``writable`` (the worker's case)."""
        with path.open("r+b" if writable else "rb") as file:
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            try:
                mapped = mmap.mmap(file.fileno(), 0, access=access)
            except ValueError as error:  # an empty file cannot be mapped
                raise PageError(f"{path}: {error}") from error
        board = cls(memoryview(mapped))
        if writable:
            layout.put(board.buffer, layout.AT_STARTED, time.time_ns(), 8)
            layout.put(board.buffer, layout.AT_PID, os.getpid(), 8)
        return board

    @classmethod
    def snapshot(cls, path: Path) -> tuple[Scoreboard, bool]:
        """A copy of the page at ``path``, and whether it is of one moment: two readings were the same.

        The copy does not change under its reader, as a page does whose worker still runs, nor can it be
        truncated under it. Raises OSError, ScoreboardError.
        """
        before = read_regular(path)
        for _ in range(_SNAPSHOTS):
            page = read_regular(path)
            if page == before:
                return cls(memoryview(bytearray(page))), True
            before = page
        return cls(memoryview(bytearray(before))), False

    def __getitem__(self, name: str) -> int | None:
        value = self.words[self.index[name]]
        return self._reading(value)

    def _reading(self, word: int) -> int | None:
        """What a word says: a counter that was taken from more often than it was added to is below 0."""
        if word < UNSET:
            return word
        return None if word == self._unset else word - 2**64

    def __setitem__(self, name: str, value: int) -> None:
        self.words[self.index[name]] = self._unset if value == UNSET else value
        if name == "phase" and value != UNSET and self._unset == UNSET:  # what every page says of itself
            self.words[layout.AT_STATE // WORD_BYTES] = value

    def name_of(self, name: str) -> str:
        """The name in full: "engine.drops" for "drops". Raises KeyError for one that the page does not have."""
        return name if name in self.index else _SHORT.get(name, name)

    def counters(self) -> dict[str, int | None]:
        """Every counter and gauge by name; None where it was never measured."""
        words, reading = self.words, self._reading
        return {n: word if (word := words[i]) < UNSET else reading(word) for n, i in self.index.items()}

    def histogram(self, name: str) -> Histogram:
        """A copy of the histogram ``name`` as it stands now; empty if the page, an older one, has none."""
        at = self._histograms.get(name, self._histograms.get(_SHORT.get(name, "")))
        if at is None:
            return Histogram.empty()
        return Histogram.of_words(np.frombuffer(self.words[at : at + WORDS], dtype=np.uint64))

    def record(self, name: str, value_ns: int) -> None:
        """Count one reading in the histogram ``name`` (one writer at a time, under the caller's lock)."""
        at, words = self._histograms[name], self.words
        words[at] += 1
        words[at + 1] += value_ns
        if value_ns > words[at + 2]:
            words[at + 2] = value_ns
        words[at + 4 + bucket_of(value_ns)] += 1
