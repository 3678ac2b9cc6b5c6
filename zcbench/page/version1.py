"""Pages of version 1, as records made before version 2 have them: they are read, never made.

Little-endian, every offset from the start of the file::

    0   char[8]  magic "ZCBOARD\\0"
    8   u32      version (1)
    12  u32      number of counters
    16  u32      number of histograms
    20  u32      offset of the counter table
    24  u32      offset of the histogram table
    28  u32      buckets per histogram (976)
    32  u64      size of the file in bytes

A table entry is 48 bytes: a NUL-padded name (40) and the u64 offset of its data. A counter is one u64, and all
ones say that nobody has measured it. A histogram is as in version 2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from zcbench.page.layout import BUCKETS, HISTOGRAM_BYTES, WORD_BYTES, PageError

MAGIC = b"ZCBOARD\0"
UNSET = 2**64 - 1  # nobody has measured it

_HEADER = struct.Struct("<8s6IQ")
_ENTRY = struct.Struct("<40sQ")


def tables(page: memoryview) -> tuple[dict[str, int], dict[str, int]]:
    """Where each counter and each histogram begins, in bytes. Raises PageError for a damaged page."""
    if page.nbytes < _HEADER.size:
        raise PageError(f"{page.nbytes} bytes are too few for a page")
    _, version, counters, histograms, at_counters, at_histograms, buckets, size = _HEADER.unpack_from(page)
    if version != 1 or buckets != BUCKETS:
        raise PageError(f"scoreboard version {version}; this zcbench reads 1")
    if page.nbytes < size:
        raise PageError(f"truncated: {page.nbytes} of {size} bytes")
    return (
        dict(_table(page, at_counters, counters, WORD_BYTES)),
        dict(_table(page, at_histograms, histograms, HISTOGRAM_BYTES)),
    )


def _table(page: memoryview, offset: int, entries: int, length: int) -> Iterator[tuple[str, int]]:
    if offset + entries * _ENTRY.size > page.nbytes:
        raise PageError("damaged: its tables do not fit in the page")
    for i in range(entries):
        name, at = _ENTRY.unpack_from(page, offset + i * _ENTRY.size)
        if at % WORD_BYTES or at + length > page.nbytes // WORD_BYTES * WORD_BYTES or not name.isascii():
            raise PageError("damaged: a table's entry leads out of the page")
        yield name.rstrip(b"\0").decode("ascii"), at
