"""The scoreboard: one small memory-mapped file of named 64-bit counters and log-bucket histograms.

The worker (native threads, Python threads) writes it with plain aligned 64-bit stores; the supervisor
and any viewer read it whenever they like. It survives the death of the writer: after SIGKILL the last
packet number is still there. The file describes itself, so a reader needs no knowledge of this version.

Layout, little-endian, every offset from the start of the file::

    0   char[8]  magic "ZCBOARD\\0"
    8   u32      version (1)
    12  u32      number of counters
    16  u32      number of histograms
    20  u32      offset of the counter table
    24  u32      offset of the histogram table
    28  u32      buckets per histogram (976)
    32  u64      size of the file in bytes

A table entry is 48 bytes: a NUL-padded name (40) and the u64 offset of its data. A counter's data is one
u64. A histogram's is count, sum, max (u64 each), one reserved u64, then the buckets (u64 each).
The native core parses the same tables (``_core/scoreboard.hpp``).

Buckets hold 16 steps an octave (relative width at most 1/16), as in HdrHistogram with 4 significant bits:
http://hdrhistogram.org. Values below 16 ns are exact.
"""

from __future__ import annotations

import difflib
import mmap
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zcbench.files import read_regular
from zcbench.quantities.measured import HISTOGRAMS
from zcbench.quantities.quantity import ON_PAGE, Origin
from zcbench.quantities.registry import ON_SCOREBOARD

MAGIC = b"ZCBOARD\0"
VERSION = 1
BUCKETS = 976
UNSET = 2**64 - 1  # a gauge nobody has measured; read back as None

_HEADER = struct.Struct("<8s6IQ")
_ENTRY = struct.Struct("<40sQ")
_LINE = 64
_HISTOGRAM_WORDS = 4 + BUCKETS
_SNAPSHOTS = 20  # of a page that somebody writes to, before its readings are called of several moments


class ScoreboardError(ValueError):
    """The file is not a scoreboard this version can read."""


def bucket_of(value_ns: int) -> int:
    """Index of the bucket that counts ``value_ns``; 0 <= index < 976."""
    if value_ns < 16:
        return max(value_ns, 0)
    exponent = min(value_ns, UNSET).bit_length() - 1
    return (exponent - 3) * 16 + ((value_ns >> (exponent - 4)) & 15)


def bucket_bounds() -> NDArray[np.float64]:
    """Upper bound (inclusive) of every bucket in ns, shape (976,)."""
    bounds = np.arange(BUCKETS, dtype=np.float64)
    index = np.arange(16, BUCKETS)
    exponent, step = index // 16 + 3, index % 16
    bounds[16:] = np.ldexp(16.0 + step + 1, exponent - 4) - 1
    return bounds


@dataclass(frozen=True)
class Histogram:
    """A reading of one histogram: ``buckets`` has shape (976,), times are in ns."""

    count: int
    total_ns: int
    max_ns: int
    buckets: NDArray[np.uint64]

    def percentile(self, percent: float) -> float | None:
        """The value (ns) at or below which ``percent`` of the readings lie; None without readings.

        It is the upper bound of a bucket, so at most 1/16 too high, and never above ``max_ns``.
        """
        total = int(self.buckets.sum())
        if total == 0:
            return None
        rank = max(1, int(np.ceil(percent / 100 * total)))
        index = int(np.searchsorted(np.cumsum(self.buckets), rank))
        bound = float(bucket_bounds()[index])
        return min(bound, float(self.max_ns)) if self.max_ns else bound

    def since(self, earlier: Histogram) -> Histogram:
        """The readings made after ``earlier`` (``max_ns`` is then the top non-empty bucket's bound)."""
        buckets = self.buckets - earlier.buckets
        used = np.flatnonzero(buckets)
        top = min(int(bucket_bounds()[used[-1]]), self.max_ns) if used.size else 0
        return Histogram(self.count - earlier.count, self.total_ns - earlier.total_ns, top, buckets)


def _layout() -> tuple[dict[str, int], dict[str, int], int]:
    """Offsets of counters and histograms, and the file's size. Each writer has cache lines of its own."""
    names = len(ON_SCOREBOARD) + len(HISTOGRAMS)
    offset = _align(_HEADER.size + names * _ENTRY.size)
    counters: dict[str, int] = {}
    for origin in ON_PAGE:
        for metric in (m for m in ON_SCOREBOARD if m.origin is origin):
            counters[metric.name] = offset
            offset += 8
        offset = _align(offset)
    histograms: dict[str, int] = {}
    for timing in HISTOGRAMS:
        histograms[timing.column] = offset
        offset = _align(offset + 8 * _HISTOGRAM_WORDS)
    return counters, histograms, offset


def _align(offset: int) -> int:
    return -(-offset // _LINE) * _LINE


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
    """A mapped scoreboard: :meth:`create` it (also without a file), or :meth:`open` one read-only.

    ``buffer`` is the whole page (writable when created); pass it to an engine. ``words`` is the same page
    as a u64 memoryview: ``words[board.index["pool.hits"]]`` is the cheapest way to read or store a counter.
    Each counter has one writer (see :class:`zcbench.quantities.registry.Origin`); a reader needs no lock.
    """

    def __init__(self, buffer: memoryview) -> None:
        self.buffer = buffer
        if buffer.nbytes < _HEADER.size:
            raise ScoreboardError(f"{buffer.nbytes} bytes are too few for a scoreboard")
        magic, version, counters, histograms, at_counters, at_histograms, buckets, size = _HEADER.unpack_from(
            buffer
        )
        if magic != MAGIC:
            raise ScoreboardError("no scoreboard magic at its start")
        if version != VERSION or buckets != BUCKETS:
            raise ScoreboardError(f"scoreboard version {version}; this zcbench reads {VERSION}")
        if buffer.nbytes < size:
            raise ScoreboardError(f"truncated: {buffer.nbytes} of {size} bytes")
        self.words = buffer.cast("B")[: buffer.nbytes // 8 * 8].cast("Q")
        self.index = self._table(at_counters, counters, 1)
        self._histograms = self._table(at_histograms, histograms, _HISTOGRAM_WORDS)

    def _table(self, offset: int, entries: int, words: int) -> dict[str, int]:
        """Where each name's ``words`` begin, in words. Raises ScoreboardError for a damaged table."""
        if offset + entries * _ENTRY.size > self.buffer.nbytes:
            raise ScoreboardError("damaged: its tables do not fit in the page")
        found = _Names()
        for i in range(entries):
            name, at = _ENTRY.unpack_from(self.buffer, offset + i * _ENTRY.size)
            if at % 8 or at // 8 + words > len(self.words) or not name.isascii():
                raise ScoreboardError("damaged: a table's entry leads out of the page")
            found[name.rstrip(b"\0").decode("ascii")] = at // 8
        return found

    @classmethod
    def create(cls, path: Path | None = None) -> Scoreboard:
        """A new page: the file ``path`` (must not exist), or anonymous memory. Gauges start unset."""
        counters, histograms, size = _layout()
        if path is None:
            mapped = mmap.mmap(-1, size)
        else:
            with path.open("x+b") as file:
                file.truncate(size)
                mapped = mmap.mmap(file.fileno(), size)
        at_histograms = _HEADER.size + len(counters) * _ENTRY.size
        _HEADER.pack_into(
            mapped, 0, MAGIC, VERSION, len(counters), len(histograms),
            _HEADER.size, at_histograms, BUCKETS, size,
        )  # fmt: skip
        for i, (name, offset) in enumerate((counters | histograms).items()):
            _ENTRY.pack_into(mapped, _HEADER.size + i * _ENTRY.size, name.encode(), offset)
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
                raise ScoreboardError(f"{path}: {error}") from error
        return cls(memoryview(mapped))

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
        return None if value == UNSET else value

    def __setitem__(self, name: str, value: int) -> None:
        self.words[self.index[name]] = value

    def name_of(self, name: str) -> str:
        """The name in full: "engine.drops" for "drops". Raises KeyError for one that the page does not have."""
        return name if name in self.index else _SHORT.get(name, name)

    def counters(self) -> dict[str, int | None]:
        """Every counter and gauge by name; None where it was never measured."""
        words = self.words
        return {n: None if words[i] == UNSET else words[i] for n, i in self.index.items()}

    def histogram(self, name: str) -> Histogram:
        """A copy of the histogram ``name`` as it stands now; empty if the page, an older one, has none."""
        at = self._histograms.get(name, self._histograms.get(_SHORT.get(name, "")))
        if at is None:
            return Histogram(0, 0, 0, np.zeros(BUCKETS, np.uint64))
        words = np.frombuffer(self.words[at : at + _HISTOGRAM_WORDS], dtype=np.uint64)
        return Histogram(int(words[0]), int(words[1]), int(words[2]), words[4:].copy())

    def record(self, name: str, value_ns: int) -> None:
        """Count one reading in the histogram ``name`` (one writer at a time, under the caller's lock)."""
        at, words = self._histograms[name], self.words
        words[at] += 1
        words[at + 1] += value_ns
        if value_ns > words[at + 2]:
            words[at + 2] = value_ns
        words[at + 4 + bucket_of(value_ns)] += 1
