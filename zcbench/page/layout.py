"""The layout of a page, version 2: where each thing stands. docs/page.md has the same as a table of bytes.

``include/zcpage.h`` defines it for C and C++; tests/page/ holds the two against each other.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import IntEnum
from mmap import mmap

MAGIC = b"ZCPAGE\0\0"
VERSION = 2
PAGE_VARIABLE = "ZCBENCH_PAGE"  # the environment variable that names the file
UNSET = -(2**63)  # a value that nobody has measured; read back as None

HEADER_BYTES = 256
ENTRY_BYTES = 128
LINE_BYTES = 64  # a cache line: each writer has lines of its own
WORD_BYTES = 8
BUCKETS = 976  # of a histogram: 16 steps an octave, exact below 16
HISTOGRAM_BYTES = WORD_BYTES * (4 + BUCKETS)

# Of a page that a subject fills while it runs. The file is 1 MiB: what the rest leaves is for the values.
CAPACITY = 4_096
LAWS_BYTES = 16_384
PAGE_BYTES = 1 << 20
LARGEST_BYTES = 1 << 28  # no page is as large: a file that says so is damaged

HEADER = struct.Struct("<8sIIQQ10IQQQQ24xQQ104xQ")
ENTRY = struct.Struct("<64s16s16sII24x")
NAME_BYTES, UNIT_BYTES, WRITER_BYTES = 64, 16, 16

# Offsets of what changes while the page is written to.
AT_GENERATION, AT_DECLARED, AT_LAWS_USED, AT_DATA_USED = 24, 40, 52, 64
AT_PID, AT_STARTED, AT_LOCK, AT_REFUSED = 72, 80, 88, 96
AT_HEARTBEAT, AT_STATE, AT_GENERATION_AGAIN = 128, 136, 248

# Letters, digits and "_", joined by ".": what a law and an expectation can name.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*")
NAME_RULE = f"at most {NAME_BYTES - 1} letters, digits and _, in parts joined by dots, a letter first"

assert HEADER.size == HEADER_BYTES
assert ENTRY.size == ENTRY_BYTES


class PageError(ValueError):
    """The file is no page, or one that cannot be read or written."""


class Kind(IntEnum):
    """What a value is. A total only rises; a constant is set once."""

    TOTAL = 1
    GAUGE = 2
    CONSTANT = 3
    HISTOGRAM = 4


class State(IntEnum):
    """How far the subject is, as it says itself."""

    STARTING = 0
    READY = 1
    DRAINING = 2
    DONE = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table: ``offset`` is where the value begins, in bytes from the start of the file.

    ``writer`` names the thread that writes it; "" says that any may.
    """

    name: str
    unit: str
    kind: Kind
    writer: str
    offset: int

    def packed(self) -> bytes:
        """The entry's 128 bytes. Raises PageError for a name, unit or writer that it cannot hold."""
        check_name(self.name)
        for what, text, room in (("unit", self.unit, UNIT_BYTES), ("writer", self.writer, WRITER_BYTES)):
            if len(text) >= room or not text.isascii() or not (text.isprintable() or not text):
                raise PageError(f"{self.name}: {what} {text!r} is not at most {room - 1} ASCII letters")
        return ENTRY.pack(self.name.encode(), self.unit.encode(), self.writer.encode(), self.kind, self.offset)


def check_name(name: str) -> None:
    """Raise PageError if a page cannot have a value of this ``name``."""
    if len(name) >= NAME_BYTES or not NAME.fullmatch(name):
        raise PageError(f"{name!r} is no name of a value; a name is {NAME_RULE}")


@dataclass(frozen=True, slots=True)
class Geometry:
    """The parts of a page: table, laws and data, each an offset and a size."""

    size: int
    capacity: int
    laws_at: int
    laws_bytes: int
    data_at: int
    data_bytes: int
    table_at: int = HEADER_BYTES


def geometry(capacity: int = CAPACITY, *, laws_bytes: int = LAWS_BYTES, size: int = PAGE_BYTES) -> Geometry:
    """A page of ``size`` bytes with room for ``capacity`` entries; the values get what is left."""
    laws_at = HEADER_BYTES + capacity * ENTRY_BYTES
    data_at = aligned(laws_at + laws_bytes)
    return Geometry(size, capacity, laws_at, laws_bytes, data_at, size - data_at)


def bucket_of(value: int) -> int:
    """Index of a histogram's bucket that counts ``value``; 0 <= index < 976."""
    if value < 16:
        return max(value, 0)
    exponent = min(value, 2**64 - 1).bit_length() - 1
    return (exponent - 3) * 16 + ((value >> (exponent - 4)) & 15)


def aligned(offset: int) -> int:
    """``offset`` or the next one at which a cache line begins."""
    return -(-offset // LINE_BYTES) * LINE_BYTES


def header(parts: Geometry) -> bytes:
    """The first bytes of an empty page; all the others are zero."""
    return HEADER.pack(
        MAGIC, VERSION, ENTRY_BYTES, parts.size, 0,
        parts.table_at, parts.capacity, 0,
        parts.laws_at, parts.laws_bytes, 0,
        parts.data_at, parts.data_bytes, 0, BUCKETS,
        0, 0, 0, 0, 0, State.STARTING, 0,
    )  # fmt: skip


def put(page: memoryview | mmap, at: int, value: int, length: int) -> None:
    """Write the number ``value`` into the ``length`` bytes at ``at``."""
    page[at : at + length] = value.to_bytes(length, "little")
