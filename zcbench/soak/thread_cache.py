"""What malloc keeps by for a thread, filled: glibc counts it as in use, so that it would look like growth."""

from __future__ import annotations

import ctypes

# glibc's tcache: 64 sizes, 16 bytes apart, of which it keeps 7 blocks each. The first has 24 bytes to use.
SIZES = range(24, 24 + 64 * 16, 16)
BLOCKS = 7


def fill_thread_cache() -> None:
    """Fill the cache of this thread; what is taken out of it and given back then changes no count.

    Nothing is done where malloc is not glibc's.
    """
    try:
        libc = ctypes.CDLL(None)
        _ = libc.gnu_get_libc_version
        malloc, free = libc.malloc, libc.free
    except (AttributeError, OSError, TypeError):  # TypeError: Windows knows no CDLL(None)
        return
    malloc.argtypes, malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    free.argtypes, free.restype = [ctypes.c_void_p], None
    for size in SIZES:
        for block in [malloc(size) for _ in range(BLOCKS)]:
            free(block)
