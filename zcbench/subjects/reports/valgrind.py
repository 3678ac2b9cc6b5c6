"""Reports of Valgrind's tools: memcheck, helgrind, DRD.

    ==PID==
    ==PID== Invalid write of size 1
    ==PID==    at 0x109242: main (parse.c:9)
    ==PID==  Address 0x4a43043 is 3 bytes inside a block of size 10 free'd

A heading stands behind an empty line, its stack behind it. What is "possibly lost" is no report: each thread
that still runs at the end has some.
"""

from __future__ import annotations

import re

from zcbench.subjects.reports.report import (
    BAD_ACCESS,
    LEAK,
    LONGEST_KIND,
    RACE,
    UNINITIALISED,
    Frame,
    Report,
    own_place,
)

_LINE = re.compile(r"==(\d+)==(?: (.*))?$")
_FRAME = re.compile(r"   (?:at|by) 0x[0-9A-F]+: (.*?)(?: \(((?:in )?[^()]*)\))?$")
_LOST = re.compile(r"([\d,]+)(?: \([^()]*\))? bytes in ([\d,]+) blocks are definitely lost")
_LOST_IN_ALL = re.compile(r"\s+definitely lost: ([\d,]+) bytes in ([\d,]+) blocks")
_THREAD = re.compile(r"Thread \d+.*:$")
# Headings with a stack that tell of no fault.
_NO_FAULT = re.compile(
    r"Thread #\d+ was created|Process terminating|.* (possibly lost|still reachable|indirectly lost) in"
    r"|.*are (possibly lost|still reachable|indirectly lost)|This conflicts with"
    r"|Warning:|Memcheck|HEAP SUMMARY|LEAK SUMMARY|---"
)
_UNINITIALISED = ("uninitialised", "Uninitialised")
_OF_THREADS = ("data race", "lock order", "Thread #", "Conflicting", "mutex", "unlock", "rwlock", "semaphore")
TOOL = "Valgrind"


class ValgrindParser:
    """Takes a program's output line by line."""

    def __init__(self) -> None:
        self._heading: str | None = None
        self._may_begin = True  # the line before was empty
        self._stack: list[Frame] = []
        self._in_stack = False
        self._told_lost = False

    @property
    def is_inside(self) -> bool:
        """Whether a report has begun, and not ended."""
        return self._heading is not None

    def take(self, line: str) -> Report | None:
        """The report that ``line`` ends, if it ends one."""
        found = _LINE.search(line)
        if found is None:
            return None
        text = (found.group(2) or "").rstrip()
        if (lost := _LOST_IN_ALL.match(text)) is not None:
            return self._lost_in_all(*map(_number, lost.groups()))
        if (frame := _frame(text)) is not None:
            if self._heading is not None and (self._in_stack or not self._stack):
                self._stack.append(frame)
                self._in_stack = True
            return None
        self._in_stack = False
        if not text or text.startswith("---"):
            self._may_begin = True
            return self.end()
        if self._may_begin and not _THREAD.match(text):
            self._may_begin = False
            self._heading, self._stack = text, []
        return None

    def end(self) -> Report | None:
        """The report that had begun, as far as it came."""
        heading, self._heading = self._heading, None
        if heading is None or not self._stack or _NO_FAULT.match(heading):
            return None
        if (lost := _LOST.match(heading)) is not None:
            self._told_lost = True
            size, blocks = map(_number, lost.groups())
            where = own_place(self._stack)
            sites = ((size, blocks, where or "an unknown place"),)
            return Report(TOOL, "lost blocks", LEAK, where, size, blocks, sites)
        kind = re.sub(r"(?: by thread #?\d+)? at 0x[0-9A-Fa-f]+.*", "", heading)[:LONGEST_KIND]
        return Report(TOOL, kind, _cause(heading), own_place(self._stack))

    def _lost_in_all(self, size: int, blocks: int) -> Report | None:
        """Of blocks that --leak-check=summary, the default, does not tell one by one."""
        if not size or self._told_lost:
            return None
        return Report(TOOL, "lost blocks", LEAK, None, size, blocks)


def _frame(text: str) -> Frame | None:
    found = _FRAME.match(text)
    if found is None:
        return None
    place = found.group(2)
    return Frame(found.group(1), None if place is None or place.startswith("in ") else place)


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _cause(heading: str) -> str:
    if any(word in heading for word in _UNINITIALISED):
        return UNINITIALISED
    return RACE if any(word in heading for word in _OF_THREADS) else BAD_ACCESS
