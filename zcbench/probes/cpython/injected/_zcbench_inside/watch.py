"""The runtime's own garbage collections, and exceptions that nobody could catch, counted as they happen."""

from __future__ import annotations

import gc
import itertools
import os
import sys
from time import monotonic_ns

from .page import Page

TYPE_CHECKING = False  # as mypy knows it; typing is no small import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Watch:
    """Counts onto ``page`` from :meth:`begin` to :meth:`end`. ``read`` is called right after a full collection
    that the harness did not ask for."""

    def __init__(self, page: Page, read: Callable[[], None] | None) -> None:
        self._page, self._read = page, read
        self._began = self._collections = self._full = self._pause_ns = 0
        self._unraisable = itertools.count(1)  # next() is atomic; finalisers may run in any thread
        self._hook_before: Callable[[Any], Any] | None = None
        self.forcing = False  # the harness collects

    def begin(self) -> None:
        """Take part in collections, and stand before the hook of unraisable exceptions."""
        gc.callbacks.append(self._on_gc)
        self._hook_before = sys.unraisablehook
        sys.unraisablehook = self._on_unraisable

    def end(self) -> None:
        """Leave both; a hook that was put before ours since stays, and ours behind it."""
        if self._on_gc in gc.callbacks:
            gc.callbacks.remove(self._on_gc)
        if sys.unraisablehook == self._on_unraisable and self._hook_before is not None:
            sys.unraisablehook = self._hook_before

    def publish(self) -> None:
        """Write what was counted onto the page. Collections are many and short: each only counts."""
        if self._page.pid == os.getpid():  # else a fork that Python was not told of
            self._page.set("runtime.collections", self._collections)
            self._page.set("runtime.pause_ns", self._pause_ns)
            # Last: whoever sees the count sees the reading that belongs to it.
            self._page.set("runtime.full_collections", self._full)

    def _on_gc(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = monotonic_ns()
            return
        self._pause_ns += monotonic_ns() - self._began
        self._collections += 1
        if info["generation"] == 2:
            if self._read is not None and not self.forcing and self._page.pid == os.getpid():
                self._read()
            self._full += 1
            self.publish()

    def _on_unraisable(self, event: Any) -> Any:
        if self._page.pid == os.getpid():
            self._page.set("python.unraisable", next(self._unraisable))
        hook = self._hook_before
        return None if hook is None else hook(event)
