"""This process's page: docs/page.md has its layout. A small one, for names that are known from the start."""

from __future__ import annotations

import ctypes
import os
import struct
import time

TOTAL, GAUGE, HISTOGRAM = 1, 2, 4
UNSET = -(2**63)

_VERSION, _BUCKETS, _LINE = 2, 976, 64
_HEADER = struct.Struct("<8sIIQQ10IQQQQ24xQQ104xQ")
_ENTRY = struct.Struct("<64s16s16sII24x")
_HISTOGRAM_BYTES = 8 * (4 + _BUCKETS)
_PROT_READ_WRITE, _MAP_SHARED = 3, 1


class Page:
    """The page in the file ``path``, made with all of ``names``: (name, unit, kind). Raises OSError.

    The file is mapped through ctypes: Python's own ``mmap`` would keep a descriptor open, which a program that
    closes all of them gives to another file. Nothing is unmapped before the process ends.
    """

    def __init__(self, path: str, names: list[tuple[str, str, int]]) -> None:
        self.path = path
        self.pid = os.getpid()
        content, self._words_at = _content(names)
        beside = f"{path}.new"
        descriptor = os.open(beside, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, content)
            address = _map(descriptor, len(content))
        finally:
            os.close(descriptor)
        os.replace(beside, path)  # whole, or not there
        self._words = (ctypes.c_int64 * (len(content) // 8)).from_address(address)

    def set(self, name: str, value: int) -> None:
        """Write a value."""
        self._words[self._words_at[name]] = value

    def add(self, name: str, n: int = 1) -> None:
        """Add to a total, in the one thread that writes it."""
        self._words[self._words_at[name]] += n

    def record(self, name: str, value: int) -> None:
        """Count ``value`` in a histogram, in the one thread that writes it."""
        words, at = self._words, self._words_at[name]
        words[at + 4 + _bucket_of(value)] += 1
        words[at + 1] += value
        words[at + 2] = max(words[at + 2], value)
        words[at] += 1


def _content(names: list[tuple[str, str, int]]) -> tuple[bytes, dict[str, int]]:
    """The page as it begins, and where each value lies, in words."""
    table_at = _HEADER.size
    laws_at = data_at = table_at + _ENTRY.size * len(names)
    entries, offsets, at = [], {}, data_at
    for name, unit, kind in names:
        entries.append(_ENTRY.pack(name.encode(), unit.encode(), b"", kind, at))
        offsets[name] = at // 8
        length = _HISTOGRAM_BYTES if kind == HISTOGRAM else 8
        at += -(-length // _LINE) * _LINE
    header = _HEADER.pack(
        b"ZCPAGE\0\0", _VERSION, _ENTRY.size, at, 1,
        table_at, len(names), len(names),
        laws_at, 0, 0,
        data_at, at - data_at, at - data_at, _BUCKETS,
        os.getpid(), time.time_ns(), 0, 0, 0, 1, 1,
    )  # fmt: skip
    content = bytearray(b"".join([header, *entries]).ljust(at, b"\0"))
    for name, _unit, kind in names:
        if kind == GAUGE:
            struct.pack_into("<q", content, offsets[name] * 8, UNSET)
    return bytes(content), offsets


def _map(descriptor: int, length: int) -> int:
    """The address at which ``length`` bytes of the file lie."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
    ]  # fmt: skip
    address = libc.mmap(None, length, _PROT_READ_WRITE, _MAP_SHARED, descriptor, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "the page cannot be mapped")
    return int(address)


def _bucket_of(value: int) -> int:
    if value < 16:
        return max(value, 0)
    exponent = value.bit_length() - 1
    return (exponent - 3) * 16 + ((value >> (exponent - 4)) & 15)
