"""Exceptions that Python prints and forgets: in finalisers, and in threads nobody joins."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from zcbench.record.schema import EventKind

MOST_EVENTS = 20  # each with its traceback; a finaliser that fails fails for every packet

Note = Callable[[str, str, dict[str, Any]], None]


class UnraisableWatch:
    """Notes each as an event "unraisable", the first 20 with their traceback, and lets Python print it."""

    def __init__(self, note: Note) -> None:
        self._note, self._count = note, 0
        sys.unraisablehook = self._on_unraisable
        threading.excepthook = self._on_thread

    def _on_unraisable(self, event: Any) -> None:
        # Never keep event.object: that would resurrect what was being finalised.
        where = f"in {type(event.object).__name__}" if event.object is not None else ""
        self._tell(event.exc_type, event.exc_value, event.exc_traceback, where)
        sys.__unraisablehook__(event)

    def _on_thread(self, args: threading.ExceptHookArgs) -> None:
        where = f"in thread {args.thread.name}" if args.thread is not None else "in a thread"
        self._tell(args.exc_type, args.exc_value, args.exc_traceback, where)
        threading.__excepthook__(args)

    def _tell(
        self,
        kind: type[BaseException],
        error: BaseException | None,
        tb: TracebackType | None,
        where: str,
    ) -> None:
        self._count += 1
        if self._count > MOST_EVENTS or issubclass(kind, SystemExit):
            return
        message = "".join(traceback.format_exception_only(kind, error)).strip()
        text = "".join(traceback.format_exception(kind, error, tb))
        self._note(EventKind.UNRAISABLE, f"{message} {where}".strip(), {"traceback": text})
