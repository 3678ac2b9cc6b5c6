"""Files that may be something else: a pipe that nobody writes to, a device without end, a link to elsewhere."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import select
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_NON_BLOCKING = getattr(os, "O_NONBLOCK", 0)  # a pipe without a writer must not stop its reader
PATIENCE_S = 2.0  # for who writes to a pipe to begin


def _open_at_once(name: str, flags: int) -> int:
    return os.open(name, flags | _NON_BLOCKING)


def open_regular(path: Path) -> BinaryIO:
    """The regular file ``path`` (links followed), for reading. Raises OSError, also for another kind."""
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def open_at_once(path: Path) -> BinaryIO:
    """A regular file, or a pipe that somebody writes to, for reading. Raises OSError, also for a device."""
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115
    kind = os.fstat(file.fileno()).st_mode
    if stat.S_ISREG(kind):
        return file
    if stat.S_ISFIFO(kind) and select.select([file], [], [], PATIENCE_S)[0]:
        os.set_blocking(file.fileno(), True)
        return file
    file.close()
    what = "a pipe that nobody writes to" if stat.S_ISFIFO(kind) else "not a regular file"
    raise OSError(errno.EINVAL, what, str(path))


def read_regular(path: Path) -> bytes:
    """All of a regular file. Raises OSError."""
    with open_regular(path) as file:
        return file.read()


def let_all_write(path: Path, *, replace: bool = False) -> None:
    """Let any user write in the folder, or the file, ``path``, if root made it: a subject that root starts may
    become another user. In a folder each may remove its own files only, as in the system's for temporary ones,
    unless any may ``replace`` what is there: a process that becomes another program as another user does.

    Raises OSError.
    """
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        path.chmod(0o666 if not path.is_dir() else 0o777 if replace else 0o1777)


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


@contextlib.contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock file ``path`` (made if need be, and left); False if another process does.

    The system drops it with the process that holds it. Where a file system has no locks, nobody is kept out.
    """
    with path.open("ab") as file:
        try:
            _lock(file.fileno())
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                yield False
                return
        yield True


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write_out(path: Path, data: bytes) -> None:
    """Write to the file that somebody has named, as :func:`write_whole`; into a pipe or a device, as it is.

    Raises OSError, also for a pipe that nobody reads.
    """
    if not path.exists() or path.is_file():
        write_whole(path, data)
        return
    with open(path, "wb", opener=_open_at_once) as file:
        os.set_blocking(file.fileno(), True)
        file.write(data)
