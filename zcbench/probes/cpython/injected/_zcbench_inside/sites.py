"""Which lines of Python allocated what grew: tracemalloc's snapshot early, compared with later ones.

Python traces from its start (PYTHONTRACEMALLOC). What grew is written into a file beside the page, again and
again: nobody knows how the process will end.
"""

from __future__ import annotations

import os
from time import monotonic_ns, thread_time_ns

TYPE_CHECKING = False  # as mypy knows it; typing is no small import
if TYPE_CHECKING:
    from typing import Any

MOST_SITES = 10
MARKED_AFTER_NS = 5_000_000_000  # what comes before is the start's
TOLD_AFTER_NS = 5_000_000_000  # the first time; then at twice the time each, up to LONGEST_NS
LONGEST_NS = 30_000_000_000


class Sites:
    """Live memory by line of this process, early; :meth:`tell` writes what of it grew into ``folder``."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._mark_at = monotonic_ns() + MARKED_AFTER_NS
        self._tell_every = TOLD_AFTER_NS
        self._tell_at = 0
        self._before: dict[tuple[str, int], tuple[int, int]] | None = None

    def look(self) -> None:
        """Do what is due. To be called right after a collection, where there are any."""
        now = monotonic_ns()
        if self._before is None:
            if now >= self._mark_at:
                self._before = _live()
                self._tell_at = now + self._tell_every
        elif now >= self._tell_at:
            began = thread_time_ns()
            self.tell()
            self._tell_every = min(2 * self._tell_every, LONGEST_NS)
            # Reading a large heap takes seconds of CPU time: at most a twentieth of a core.
            self._tell_at = monotonic_ns() + max(self._tell_every, 20 * (thread_time_ns() - began))

    def tell(self) -> None:
        """Write the lines whose live memory grew most since the mark, largest first; nothing without a mark."""
        if self._before is None:
            return
        import json

        grown: list[tuple[int, int, str]] = []
        for (name, line), (size, count) in _live().items():
            size_before, count_before = self._before.get((name, line), (0, 0))
            if size > size_before:
                grown.append((size - size_before, count - count_before, f"{name}:{line}"))
        grown.sort(reverse=True)
        told: dict[str, Any] = {
            "lines": len(grown),
            "sites": [
                {"site": site, "grown_bytes": size, "grown_blocks": count}
                for size, count, site in grown[:MOST_SITES]
            ],
        }
        path = os.path.join(self._folder, f"{os.getpid()}.sites")
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(told, file)
        os.replace(f"{path}.new", path)


def _live() -> dict[tuple[str, int], tuple[int, int]]:
    """Bytes and blocks by file and line, without what reading them takes."""
    import tracemalloc

    ours = os.path.join(os.path.dirname(__file__), "*")
    names = (tracemalloc.__file__, ours, "<frozen importlib._bootstrap>")
    snapshot = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(inclusive=False, filename_pattern=name) for name in names]
    )
    return {
        (frame.filename, frame.lineno): (statistic.size, statistic.count)
        for statistic in snapshot.statistics("lineno")
        for frame in statistic.traceback
    }
