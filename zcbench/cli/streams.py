"""stdin, stdout and stderr as they may be: closed, full, read by nobody, or knowing ASCII only.

What cannot be shown changes no verdict. It is remembered, and a command whose whole point is what it prints
says so at its end.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import sys
from dataclasses import dataclass
from typing import IO, Any

_WIDTH = "0*[1-9][0-9]{0,3}"  # of a terminal, in COLUMNS


class _Forgiving(io.RawIOBase):
    """Writes to a descriptor; once that fails, to nowhere."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.error: OSError | None = None

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        size = len(data)
        if self.error is None:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                raise
            except OSError as error:
                self.error = error
        return size


@dataclass(frozen=True)
class Streams:
    """What became of stdout."""

    _stdout: _Forgiving | None

    def problem(self) -> str | None:
        """Why not all of stdout was written; None if it was, or if its reader has seen enough."""
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        error = None if self._stdout is None else self._stdout.error
        if error is None or error.errno == errno.EPIPE:
            return None
        return error.strerror or type(error).__name__


def prepare() -> Streams:
    """Make the three streams such that nothing written to them raises."""
    _fill_closed()
    columns = os.environ.get("COLUMNS", "1")
    if not re.fullmatch(_WIDTH, columns):
        del os.environ["COLUMNS"]  # no width: as if it were not set
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, raw = _forgiving(sys.stdout, 1)
    sys.stderr, _ = _forgiving(sys.stderr, 2)
    return Streams(raw)


def _fill_closed() -> None:
    """Open the null device in place of a closed descriptor: else the next file opened would be stdout."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free descriptor: this one, as those below are open.
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            os.set_inheritable(descriptor, True)


def _is_on(stream: IO[str], descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError):
        return False


def _forgiving(stream: IO[str] | None, descriptor: int) -> tuple[Any, _Forgiving | None]:
    if stream is not None and not _is_on(stream, descriptor):
        return stream, None  # somebody has put their own in its place
    if isinstance(stream, io.TextIOWrapper) and os.name == "nt" and stream.isatty():
        stream.reconfigure(errors="backslashreplace")  # a Windows console takes UTF-16, not bytes
        return stream, None
    encoding = getattr(stream, "encoding", None) or "utf-8"
    raw = _Forgiving(descriptor)
    text = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=descriptor == 2 or raw.isatty(),
    )
    return text, raw
