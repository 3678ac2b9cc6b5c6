"""Reports of Go's race detector.

WARNING: DATA RACE
Read at 0x00c000014178 by goroutine 7:
  main.main.func1()
      /src/main.go:10 +0x3c
"""

from __future__ import annotations

import re

from zcbench.subjects.reports.report import MOST_LINES, RACE, Frame, Report

_HEAD = "WARNING: DATA RACE"
_PLACE = re.compile(r"\s+(\S.*\.(?:go|s|c|cc|cpp):\d+)(?: \+0x[0-9a-f]+)?\s*$")
_FUNCTION = re.compile(r"  (\S.*\))\s*$")


class GoRaceParser:
    """Takes a program's output line by line."""

    def __init__(self) -> None:
        self._lines = 0  # of the report, with its head; 0 outside
        self._function: str | None = None
        self._stack: list[Frame] = []
        self._is_whole = False

    @property
    def is_inside(self) -> bool:
        """Whether a report has begun, and not ended."""
        return self._lines > 0

    def take(self, line: str) -> Report | None:
        """The report that ``line`` ends, if it ends one."""
        if line.rstrip().endswith(_HEAD):
            before = self.end()
            self._lines, self._function, self._stack, self._is_whole = 1, None, [], False
            return before
        if not self._lines:
            return None
        self._lines += 1
        if (place := _PLACE.match(line)) is not None and self._function is not None:
            if not self._is_whole:
                self._stack.append(Frame(self._function.partition("(")[0], place.group(1)))
        elif (function := _FUNCTION.match(line)) is not None:
            self._function = function.group(1)
        elif not line.strip() and self._stack:
            self._is_whole = True
        return self.end() if line.startswith("=====") or self._lines > MOST_LINES else None

    def end(self) -> Report | None:
        """The report that had begun, as far as it came."""
        inside, self._lines = self._lines > 0, 0
        return Report("Go's race detector", "data race", RACE).at(self._stack) if inside else None
