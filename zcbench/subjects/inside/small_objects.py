"""What Python's small-object allocator (pymalloc) holds, size class by size class, from its own statistics.

``sys._debugmallocstats`` prints them on stderr; here the same function of CPython's writes into a stream in
memory. A reading takes 0.05 ms with 20,000 blocks, 0.4 ms with 2,000,000. Objects above 512 bytes are
malloc's, and in its own counts; pymalloc's arenas are mapped by itself, and in none of them.
"""

from __future__ import annotations

import ctypes
import re
import sysconfig
from collections.abc import Callable
from typing import Any

# "class  size  num pools  blocks in use  avail blocks"; a class without pools has no line.
_CLASS = re.compile(rb"^ *\d+ +(\d+) +\d+ +(\d+) +\d+$", re.MULTILINE)
_MALLOC = (b"malloc", b"malloc_debug")  # names of Python's allocators that are malloc alone

Blocks = dict[int, int]


def reader() -> Callable[[], Blocks] | None:
    """A function that gives the blocks in use by their size in bytes; None where nobody counts them.

    It gives an empty dict where Python has no such allocator (``PYTHONMALLOC=malloc``): then all is malloc's.
    It raises ValueError while tracemalloc, which knows the bytes itself, stands before the allocator. None on
    Windows, whose C library has no stream in memory, on Pythons without the statistics, and on free-threaded
    ones, whose allocator is another.
    """
    if sysconfig.get_config_var("Py_GIL_DISABLED"):  # mimalloc, for small objects and large ones
        return None
    try:
        print_stats = ctypes.pythonapi._PyObject_DebugMallocStats
        allocator = ctypes.pythonapi._PyMem_GetCurrentAllocatorName
        libc = ctypes.CDLL(None)
        open_stream, close_stream, free = libc.open_memstream, libc.fclose, libc.free
    except (AttributeError, OSError, TypeError):  # TypeError: Windows knows no CDLL(None)
        return None
    print_stats.argtypes, print_stats.restype = [ctypes.c_void_p], ctypes.c_int
    allocator.argtypes, allocator.restype = [], ctypes.c_char_p
    pointers: list[Any] = [ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t)]
    open_stream.argtypes, open_stream.restype = pointers, ctypes.c_void_p
    close_stream.argtypes = free.argtypes = [ctypes.c_void_p]

    def read() -> Blocks:
        text, size = ctypes.c_void_p(), ctypes.c_size_t()
        stream = open_stream(ctypes.byref(text), ctypes.byref(size))
        if not stream:
            raise MemoryError("no stream in memory for the statistics of Python's small objects")
        try:
            known = print_stats(stream)
        finally:
            close_stream(stream)
        try:
            blocks = parse(ctypes.string_at(text.value or 0, size.value)) if known else {}
        finally:
            free(text)
        if not blocks and (known or allocator() not in _MALLOC):
            raise ValueError("Python's allocator tells nothing of its small objects")
        return blocks

    return read


def parse(statistics: bytes) -> Blocks:
    """The blocks in use by their size, out of what ``sys._debugmallocstats`` prints."""
    return {int(size): int(in_use) for size, in_use in _CLASS.findall(statistics)}
