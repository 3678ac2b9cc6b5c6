"""Which lines allocated native memory that was never freed, from memray, where it is installed."""

from __future__ import annotations

import importlib.util
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

TRACE_FILE = "memray.bin"
MOST_SITES = 10


def available() -> bool:
    """Whether memray can be used here (Linux and macOS: ``pip install zcbench[native]``)."""
    return importlib.util.find_spec("memray") is not None


class NativeSites:
    """Has memray follow every native allocation from a moment on, into a trace in the run directory.

    The supervisor reads it (:func:`read_sites`): memray 1.20 crashes when the process it followed does.
    """

    def __init__(self, directory: Path) -> None:
        import memray

        self._tracker: Any = memray.Tracker(directory / TRACE_FILE)
        self.marked = False

    def mark(self) -> None:
        """Begin to follow."""
        self._tracker.__enter__()
        self.marked = True

    def tell_growth(self, _note: Callable[[str, str, dict[str, Any]], None]) -> None:
        """Stop. What is not freed by now counts."""
        if self.marked:
            self._tracker.__exit__(None, None, None)


def read_sites(directory: Path) -> list[dict[str, str | int]] | None:
    """The places whose memory was not freed, largest first; None without a trace, which is removed."""
    file = directory / TRACE_FILE
    if not file.is_file():
        return None
    import memray

    sizes: Counter[str] = Counter()
    blocks: Counter[str] = Counter()
    with memray.FileReader(file) as reader:
        for record in reader.get_leaked_allocation_records(merge_threads=True):
            stack = record.stack_trace(max_stacks=1)
            site = f"{stack[0][1]}:{stack[0][2]}" if stack else "outside Python:0"
            if stack and stack[0][1] in (tracemalloc.__file__, __file__):
                continue
            sizes[site] += record.size
            blocks[site] += record.n_allocations
    file.unlink()
    return [
        {"site": site, "grown_bytes": size, "grown_blocks": blocks[site]}
        for site, size in sizes.most_common(MOST_SITES)
    ]
