"""Which lines of Python allocated what grew, from tracemalloc, while it is on."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

from zcbench.record.schema import EventKind

MOST_SITES = 10
_OURS = (tracemalloc.__file__, __file__, "<frozen importlib._bootstrap>")

Site = tuple[str, int]
Sites = dict[Site, tuple[int, int]]


class AllocationSites:
    """Allocations by file and line at one moment, and what of them grew until a later one."""

    def __init__(self) -> None:
        self._before: Sites | None = None

    @property
    def marked(self) -> bool:
        """Whether :meth:`mark` was called."""
        return self._before is not None

    def mark(self) -> None:
        """Take the first snapshot, reduced to two numbers a line: a whole one kept would be a leak itself."""
        self._before = _sites()

    def tell_growth(self, note: Callable[[str, str, dict[str, Any]], None]) -> None:
        """Note an event "allocations": the lines whose live memory grew most since the mark, largest first."""
        if self._before is None:
            return
        grown = []
        for (file, line), (size, count) in _sites().items():
            size_before, count_before = self._before.get((file, line), (0, 0))
            if size > size_before:
                grown.append((size - size_before, count - count_before, f"{file}:{line}"))
        grown.sort(reverse=True)
        sites = [
            {"site": site, "grown_bytes": size, "grown_blocks": count}
            for size, count, site in grown[:MOST_SITES]
        ]
        note(EventKind.ALLOCATIONS, f"{len(grown)} source lines whose memory grew", {"sites": sites})


def _sites() -> Sites:
    snapshot = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(inclusive=False, filename_pattern=name) for name in _OURS]
    )
    return {
        (frame.filename, frame.lineno): (stat.size, stat.count)
        for stat in snapshot.statistics("lineno")
        for frame in stat.traceback
    }
