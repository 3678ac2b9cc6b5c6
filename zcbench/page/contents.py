"""What a page says, from its bytes. They are hostile: a subject may write anything into its page.

A header that cannot be is an error; an entry or a law that cannot be is left out and named.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from zcbench.page.layout import (
    BUCKETS,
    ENTRY,
    ENTRY_BYTES,
    HEADER,
    HEADER_BYTES,
    HISTOGRAM_BYTES,
    LARGEST_BYTES,
    MAGIC,
    NAME,
    VERSION,
    WORD_BYTES,
    Entry,
    Geometry,
    Kind,
    PageError,
    State,
)

_NAMED = 5  # problems named one by one: a page of noise has thousands
_LAW_LETTERS = 1_000  # of one law


@dataclass(frozen=True, slots=True)
class Header:
    """The first 256 bytes, checked: every part lies in the file.

    ``is_settled`` is False while the table is being written to: what it holds is then not to be trusted yet.
    ``started_ns`` is since 1970; ``state`` is None for a number that is none.
    """

    parts: Geometry
    declared: int
    laws_used: int
    generation: int
    is_settled: bool
    pid: int
    started_ns: int
    refused: int
    heartbeat: int
    state: State | None


@dataclass(frozen=True, slots=True)
class Contents:
    """The names of a page: its ``entries`` in their order, its ``laws``, and what of both was left out."""

    entries: tuple[Entry, ...]
    laws: tuple[str, ...]
    problems: tuple[str, ...]


def parse_header(page: bytes | memoryview, size: int) -> Header:
    """The header of a page in a file of ``size`` bytes. Raises PageError."""
    if len(page) < HEADER_BYTES:
        raise PageError(f"{size} bytes are too few for a page")
    (
        magic, version, entry_bytes, file_bytes, generation,
        table_at, capacity, declared, laws_at, laws_bytes, laws_used,
        data_at, data_bytes, _data_used, buckets, pid, started_ns,
        _lock, refused, heartbeat, state, again,
    ) = HEADER.unpack_from(page)  # fmt: skip
    if magic != MAGIC:
        raise PageError("no magic of a page at its start")
    if version != VERSION or entry_bytes != ENTRY_BYTES or buckets != BUCKETS:
        raise PageError(f"a page of version {version}; this zcbench reads 1 and {VERSION}")
    if file_bytes > LARGEST_BYTES:
        raise PageError(f"damaged: no page has {file_bytes} bytes")
    if size < file_bytes:
        raise PageError(f"truncated: {size} of {file_bytes} bytes")
    spans = [
        (HEADER_BYTES, table_at, capacity * ENTRY_BYTES),
        (HEADER_BYTES, laws_at, laws_bytes),
        (HEADER_BYTES, data_at, data_bytes),
    ]
    for least, at, length in spans:
        if at < least or at % WORD_BYTES or at + length > file_bytes:
            raise PageError("damaged: its tables do not fit in the page")
    if declared > capacity or laws_used > laws_bytes:
        raise PageError("damaged: more is declared than its tables have room for")
    parts = Geometry(file_bytes, capacity, laws_at, laws_bytes, data_at, data_bytes, table_at)
    known = State(state) if state in tuple(State) else None
    settled = generation == again
    return Header(parts, declared, laws_used, generation, settled, pid, started_ns, refused, heartbeat, known)


def parse_contents(header: Header, table: bytes | memoryview, laws: bytes | memoryview) -> Contents:
    """The entries in ``table`` and the laws in ``laws``, the used part of each."""
    problems: list[str] = []
    entries = tuple(_entries(header, table, problems))
    texts = tuple(_laws(bytes(laws), problems))
    if header.state is None:
        problems.append("its state is none of starting, ready, draining and done")
    if header.refused:
        problems.append(
            f"{header.refused} declarations or laws were refused: no room, no name, or one name of two kinds"
        )
    if len(problems) > _NAMED:
        problems[_NAMED:] = [f"and {len(problems) - _NAMED} more like these"]
    return Contents(entries, texts, tuple(problems))


def _entries(header: Header, table: bytes | memoryview, problems: list[str]) -> Iterator[Entry]:
    names: set[str] = set()
    taken = _Spans()
    first, last = header.parts.data_at, header.parts.data_at + header.parts.data_bytes
    for number in range(min(header.declared, len(table) // ENTRY_BYTES)):
        raw_name, raw_unit, raw_writer, raw_kind, offset = ENTRY.unpack_from(table, number * ENTRY_BYTES)
        name = _text(raw_name)
        if name is None or not NAME.fullmatch(name):
            problems.append(f"entry {number} has no name that can be read; it is left out")
            continue
        if raw_kind not in tuple(Kind):
            problems.append(f"{name} is of kind {raw_kind}, which this zcbench does not know; it is left out")
            continue
        kind = Kind(raw_kind)
        length = HISTOGRAM_BYTES if kind is Kind.HISTOGRAM else WORD_BYTES
        if offset % WORD_BYTES or not first <= offset <= last - length:
            problems.append(f"{name} leads out of the page; it is left out")
            continue
        if name in names:
            problems.append(f"{name} is declared twice; the second is left out")
            continue
        if (other := taken.add(offset, length, name)) is not None:
            problems.append(f"{name} lies in the memory of {other}; it is left out")
            continue
        names.add(name)
        yield Entry(name, _text(raw_unit) or "", kind, _text(raw_writer) or "", offset)


class _Spans:
    """Parts of the file that have an owner."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._owners: dict[int, tuple[int, str]] = {}  # by start: the end, and whose

    def add(self, start: int, length: int, owner: str) -> str | None:
        """Give the part to ``owner``; who has some of it already, if anybody does."""
        at = bisect_left(self._starts, start)
        for near in self._starts[max(0, at - 1) : at + 1]:
            end, other = self._owners[near]
            if near < start + length and start < end:
                return other
        self._starts.insert(at, start)
        self._owners[start] = (start + length, owner)
        return None


def _text(field: bytes) -> str | None:
    """What stands in a field up to its first NUL; None if it has none, or is not printable ASCII."""
    text, end, _ = field.partition(b"\0")
    if not end or not text.isascii():
        return None
    found = text.decode("ascii")
    return found if found.isprintable() else None


def _laws(text: bytes, problems: list[str]) -> Iterator[str]:
    known: set[str] = set()
    for raw in text.split(b"\n"):
        law = raw.decode("utf-8", errors="replace").strip()
        if not law or law in known:
            continue
        known.add(law)
        if not law.isprintable() or len(law) > _LAW_LETTERS or "\ufffd" in law:
            problems.append("a law is no text that can be read; it is left out")
            continue
        yield law
