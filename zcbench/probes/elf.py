"""Which sections a program's file has: what a compiler leaves in it tells of its runtime."""

from __future__ import annotations

import struct

_MAGIC, _CLASS_64 = b"\x7fELF", 2
_HEADER_BYTES, _ENTRY_BYTES = 64, 64
_MOST_SECTIONS = 4096  # programs have some 30, object files one a function
_LARGEST_NAMES = 1 << 20  # bytes


def sections(path: str) -> frozenset[str]:
    """The names of the sections of the file ``path`` (elf(5)); none of a file that is no 64-bit ELF file, is
    damaged, or was stripped of them. Raises OSError."""
    with open(path, "rb") as file:  # noqa: PTH123
        header = file.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES or header[:4] != _MAGIC or header[4] != _CLASS_64:
            return frozenset()
        order = "<" if header[5] == 1 else ">"
        (at,) = struct.unpack_from(f"{order}Q", header, 40)
        size, count, names_number = struct.unpack_from(f"{order}HHH", header, 58)
        if size != _ENTRY_BYTES or not names_number < count <= _MOST_SECTIONS:
            return frozenset()
        try:
            file.seek(at)
            table = file.read(size * count)
            if len(table) < size * count:
                return frozenset()
            names_at, names_size = struct.unpack_from(f"{order}QQ", table, names_number * size + 24)
            file.seek(names_at)
            names = file.read(min(names_size, _LARGEST_NAMES))
        except (ValueError, OverflowError):  # an offset that no file has
            return frozenset()
    starts = (struct.unpack_from(f"{order}I", table, number * size)[0] for number in range(count))
    return frozenset(names[start:].split(b"\0", 1)[0].decode(errors="replace") for start in starts) - {""}
