"""What malloc has live in this process, by the page of the malloc meter that is preloaded into it.

The supervisor reads that too, at its samples; right after a collection there is no garbage in it.
zcbench/probes/malloc/page.h has the layout.
"""

from __future__ import annotations

import os
import struct

FOLDER_VARIABLE = "ZCBENCH_MALLOC_DIR"
_MAGIC, _VERSION, _BYTES = b"ZCMALLOC", 3, 16_384
_LINE, _SHARED_AT = 64, 256
_HEAD = struct.Struct("=8s7Q152xQ")  # the last: an allocator of the program's own, if it brings one
_UNCOUNTED = 3  # flags by which nothing is counted
_SHARD = struct.Struct("=16x2Q32x")  # bytes allocated, bytes freed


def live_bytes() -> int | None:
    """Bytes that malloc has given out and not got back; None where nothing is metered."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return None
    try:
        file = os.open(os.path.join(folder, f"{os.getpid()}.page"), os.O_RDONLY)
    except OSError:
        return None
    try:
        content = os.read(file, _BYTES)
    finally:
        os.close(file)
    return parse(content)


def parse(content: bytes) -> int | None:
    """The bytes that the page in ``content`` says are live; None if it is none, or counts nothing."""
    if len(content) < _BYTES:
        return None
    magic, version, _pid, _made, used, _blocks, live, flags, own = _HEAD.unpack_from(content)
    end = _SHARED_AT + (used + 1) * _LINE
    if magic != _MAGIC or version != _VERSION or flags & _UNCOUNTED or own or end > _BYTES:
        return None
    for allocated, freed in _SHARD.iter_unpack(content[_SHARED_AT:end]):
        live += allocated - freed
    return live if live > 0 else None
