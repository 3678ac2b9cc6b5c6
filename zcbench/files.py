"""Files that may be something else: a pipe that nobody writes to, a device without end, a link to elsewhere."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path
from typing import BinaryIO

_NON_BLOCKING = getattr(os, "O_NONBLOCK", 0)  # a pipe without a writer must not stop its reader


def _open_at_once(name: str, flags: int) -> int:
    return os.open(name, flags | _NON_BLOCKING)


def open_regular(path: Path) -> BinaryIO:
    """The regular file ``path`` (links followed), for reading. Raises OSError, also for another kind."""
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_regular(path: Path) -> bytes:
    """All of a regular file. Raises OSError."""
    with open_regular(path) as file:
        return file.read()


def write_whole(path: Path, data: bytes) -> None:
    """Write ``path`` whole or not at all: beside it, then renamed. A link there is replaced, not followed.

    Raises OSError.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None
        raise
