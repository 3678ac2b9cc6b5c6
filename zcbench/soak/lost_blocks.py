"""Which places in a program lose what they allocate, from LeakSanitizer, preloaded: its report at the end."""

from __future__ import annotations

import ctypes.util
import sys
from pathlib import Path
from typing import Self

from zcbench.record.reader import read_events
from zcbench.record.schema import EVENTS_FILE, EventKind


def find_tool() -> LostBlocks | None:
    """LeakSanitizer, where its library is installed (Linux)."""
    name = ctypes.util.find_library("lsan") if sys.platform == "linux" else None
    return None if name is None else LostBlocks(name)


class LostBlocks:
    """See :class:`zcbench.soak.tracing.Tool`. What is still reachable at the end is not lost, and not told."""

    name = "LeakSanitizer"
    what = "whose memory nobody can reach any more"

    def __init__(self, library: str) -> None:
        self._library = library
        self.sites: list[dict[str, str | int]] = []
        self.error: str | None = (
            "LeakSanitizer reported no lost block: it looks when a program ends by itself, or handles the "
            "signal that ends it, and something may still point to what is kept; apt install heaptrack "
            "libjemalloc2"
        )

    @property
    def variables(self) -> dict[str, str]:
        """See :class:`Tool`. Its exit code stays the program's own."""
        return {"LD_PRELOAD": self._library, "LSAN_OPTIONS": "exitcode=0"}

    def look(self, directory: Path) -> None:
        """See :class:`Tool`."""
        for event in read_events(directory / EVENTS_FILE, []):
            if event.kind == EventKind.SANITIZER:
                self.sites += [
                    {"site": one["site"], "grown_bytes": one["bytes"], "grown_blocks": one["blocks"]}
                    for one in event.data.get("sites", [])
                ]
        self.sites.sort(key=lambda one: -int(one["grown_bytes"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to be put away."""
