"""What a test runner keeps of each call that it watches, kept small while a function is called 100,000 times.

pytest keeps every log record, every warning, every exception that nobody caught, and what is printed where it
is captured in memory: a function that logs would look like one that leaks.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from zcbench.subjects.inside.unraisable import Note, UnraisableWatch

MOST_BYTES = 2**20  # of the log; the newest stays


class Output:
    """What the function prints, in a file instead of the test runner's memory."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", errors="backslashreplace")
        self._cut = 0  # bytes of it that are there no more
        self.file = self._file

    def size(self) -> int:
        """Bytes that were printed. Cuts the file where it is large."""
        self._file.flush()
        size = self._file.tell()
        if size > MOST_BYTES:
            self._cut += size
            self._file.seek(0)
            self._file.truncate()
            size = 0
        return self._cut + size

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@contextlib.contextmanager
def quiet(output: Output, note: Note) -> Iterator[Callable[[], None]]:
    """Have nothing kept of what is called; gives what is to be called after each batch."""
    with contextlib.ExitStack() as stack:
        forget = [stack.enter_context(_logging(handler)) for handler in _keeping_handlers()]
        forget += [cut for stream in (sys.stdout, sys.stderr) if (cut := _in_memory(stream)) is not None]
        stack.enter_context(_hooks(note))
        stack.enter_context(contextlib.redirect_stdout(output.file))
        stack.enter_context(contextlib.redirect_stderr(output.file))
        stack.enter_context(warnings.catch_warnings())
        # A function of one's own comes before any list that the warnings are recorded in.
        warnings.showwarning = _print_warning

        def between() -> None:
            for one in forget:
                one()

        yield between


def _print_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(warnings.formatwarning(message, category, filename, lineno, line), end="", file=file or sys.stderr)


def _keeping_handlers() -> list[Any]:
    """The handlers of pytest's that keep log records."""
    pytest_logging = sys.modules.get("_pytest.logging")
    kind = getattr(pytest_logging, "LogCaptureHandler", None)
    return [] if kind is None else [one for one in logging.getLogger().handlers if isinstance(one, kind)]


@contextlib.contextmanager
def _logging(handler: Any) -> Iterator[Callable[[], None]]:
    """Let ``handler`` keep what it has, and for a while nothing more."""
    records, stream = handler.records, handler.stream

    def forget() -> None:
        handler.records, handler.stream = [], io.StringIO()

    forget()
    try:
        yield forget
    finally:
        handler.records, handler.stream = records, stream


def _in_memory(stream: Any) -> Callable[[], None] | None:
    """What cuts a ``stream`` in memory to its length of now: handlers made earlier still write to it."""
    buffer = getattr(stream, "buffer", None)
    if not isinstance(buffer, io.BytesIO):
        return None
    stream.flush()
    length = buffer.tell()

    def cut() -> None:
        stream.flush()
        buffer.seek(length)
        buffer.truncate()

    return cut


@contextlib.contextmanager
def _hooks(note: Note) -> Iterator[None]:
    """Note what nobody catches, instead of having it kept."""
    before = sys.unraisablehook, threading.excepthook
    UnraisableWatch(note)
    try:
        yield
    finally:
        sys.unraisablehook, threading.excepthook = before
