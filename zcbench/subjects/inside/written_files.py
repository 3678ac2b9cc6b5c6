"""Which files the worker's process made and left: from Python's own audit events, not from a look at folders.

Another process that writes into the same folder raises no event here, and is not blamed. Files that native
code or a child makes are seen in the temporary folder alone (:mod:`zcbench.soak.disk`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

MOST_PATHS = 1000  # kept; when there are more, those that are gone are forgotten first
MOST_NAMES = 5
# What Python itself keeps: compiled modules, and the file that becomes one.
_OF_PYTHON = "__pycache__"


class WrittenFiles:
    """Notes each file that is made from its making on, outside ``temporary``."""

    def __init__(self, temporary: Path) -> None:
        self._temporary = str(temporary) + os.sep
        self._paths: dict[str, None] = {}
        self._more = 0  # beyond MOST_PATHS
        sys.addaudithook(self._on_event)  # of which none can be taken out again

    def left(self) -> dict[str, Any]:
        """How many of them are there now, their bytes, and the first names."""
        sizes = {path: size for path in list(self._paths) if (size := _size(path)) is not None}
        return {
            "files": len(sizes) + self._more,
            "bytes": sum(sizes.values()),
            # No folders: a record names no place on the machine.
            "names": [Path(path).name for path in list(sizes)[:MOST_NAMES]],
        }

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        # Every event of the process comes here: the first comparison is all that most may cost.
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & os.O_CREAT:
                self._add(path)
        elif event in ("os.rename", "os.link"):
            self._add(arguments[1])
        elif event == "os.remove":
            self._paths.pop(_absolute(arguments[0]) or "", None)

    def _add(self, given: Any) -> None:
        path = _absolute(given)
        if path is None or path.startswith(self._temporary) or _OF_PYTHON in path:
            return
        if path in self._paths or os.path.lexists(path):  # it was there before
            return
        if len(self._paths) >= MOST_PATHS:
            for gone in [known for known in list(self._paths) if not os.path.lexists(known)]:
                self._paths.pop(gone, None)
        if len(self._paths) >= MOST_PATHS:
            self._more += 1
        else:
            self._paths[path] = None


def _absolute(given: Any) -> str | None:
    """``given`` as an absolute path; None for a descriptor, or what is no path."""
    if isinstance(given, int):
        return None
    try:
        return os.path.abspath(os.fsdecode(given))  # noqa: PTH100 - once an event, and a Path is dear
    except (TypeError, ValueError, OSError):
        return None


def _size(path: str) -> int | None:
    try:
        return os.lstat(path).st_size
    except OSError:
        return None
