"""What a subject prints: kept in the run directory, bounded, its beginning and its end."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

LARGEST_LOG = 64 * 2**20  # of what is kept of a subject's output at any time
KEPT_OF_LOG = 2**20  # of its beginning, when it is cut
_CHUNK = 2**16  # a pipe's capacity on Linux

Listener = Callable[[bytes], None]


class OutputLog:
    """What a subject printed into a file: how much in all, while the file stays bounded."""

    def __init__(self, path: Path) -> None:
        self._path, self._cut = path, 0

    def size(self) -> int | None:
        """Bytes printed so far; None without the file. A log beyond LARGEST_LOG loses all but its beginning."""
        try:
            held = self._path.stat().st_size
            if held > LARGEST_LOG:
                # Opened for appending: the subject's next line comes behind the note.
                os.truncate(self._path, KEPT_OF_LOG)
                note = cut_note(held - KEPT_OF_LOG)
                with self._path.open("ab") as file:
                    file.write(note)
                self._cut += held - KEPT_OF_LOG - len(note)
                return self._cut + KEPT_OF_LOG + len(note)
        except OSError:
            return None
        return self._cut + held


def cut_note(size: int) -> bytes:
    """What stands in a log in place of ``size`` bytes."""
    return f"\n[zcbench: {size:,} bytes of output were cut out here]\n".encode()


class OutputPump:
    """Copies a pipe into a file, in a thread: never more than LARGEST_LOG of it, however fast it comes.

    Each of ``listeners`` is given every piece as it comes, in the pump's thread. What the disk refuses is
    counted, and still read: a subject must not wait for us.
    """

    def __init__(self, path: Path, descriptor: int, name: str) -> None:
        self._path, self._descriptor = path, descriptor
        self._size = self._held = 0
        self.listeners: list[Listener] = []
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def size(self) -> int:
        """Bytes printed so far."""
        return self._size

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the pipe, which comes when nobody holds its other end any more."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        with contextlib.suppress(OSError), self._path.open("ab", buffering=0) as file:
            while piece := self._read():
                with contextlib.suppress(OSError):
                    self._keep(file.fileno(), piece)
        while self._read():  # the file could not be opened
            pass
        os.close(self._descriptor)

    def _read(self) -> bytes:
        try:
            piece = os.read(self._descriptor, _CHUNK)
        except OSError:
            return b""
        self._size += len(piece)
        for listener in tuple(self.listeners):
            with contextlib.suppress(Exception):
                listener(piece)
        return piece

    def _keep(self, file: int, piece: bytes) -> None:
        if self._held + len(piece) > LARGEST_LOG:
            os.ftruncate(file, KEPT_OF_LOG)
            self._held = KEPT_OF_LOG + os.write(file, cut_note(self._held - KEPT_OF_LOG))
        self._held += os.write(file, piece)
