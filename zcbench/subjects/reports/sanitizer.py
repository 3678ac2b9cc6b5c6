"""Reports of the compilers' sanitizers: address, leak, thread, memory, undefined behaviour.

    ==PID==ERROR: AddressSanitizer: heap-use-after-free on address 0x... at pc 0x...
    READ of size 1 at 0x... thread T0
        #0 0x55d1 in main /src/parse.c:9
    SUMMARY: AddressSanitizer: heap-use-after-free /src/parse.c:9 in main

ThreadSanitizer begins with "WARNING: ThreadSanitizer: data race (pid=PID)"; its frames have no address.
UndefinedBehaviorSanitizer's report is one line, "parse.c:15:42: runtime error: signed integer overflow: ...".
"""

from __future__ import annotations

import re
from dataclasses import replace

from zcbench.subjects.reports.report import (
    BAD_ACCESS,
    LEAK,
    LONGEST_KIND,
    MOST_LINES,
    MOST_SITES,
    PLACE,
    RACE,
    UNDEFINED,
    UNINITIALISED,
    Frame,
    Report,
    own_place,
)

_HEAD = re.compile(
    r"==\d+==\s*(?:ERROR|WARNING): (\w+Sanitizer): (.+)|(?:WARNING|FATAL|ERROR): (ThreadSanitizer): (.+)"
)
_SUMMARY = re.compile(r"SUMMARY: (\w+Sanitizer): (.*)")
_LOST = re.compile(r"(Direct|Indirect) leak of (\d+) byte\(s\) in (\d+) object\(s\)")
_LOST_IN_ALL = re.compile(r"(\d+) byte\(s\) leaked in (\d+) allocation\(s\)")
_UNDEFINED = re.compile(r"(?:^|\s)(\S+:\d+:\d+): runtime error: (.+)")
_FRAME = re.compile(r"\s*#\d+\s+(?:0x[0-9a-f]+\s+)?(?:in\s+)?(.*)")
_MODULE = re.compile(r"\s*\((?:BuildId: [0-9a-f]+|[^()]*\+0x[0-9a-f]+|\[?[^()]*\]?\+0x[0-9a-f]+)\)\s*$")
_FUNCTION_AND_FILE = re.compile(rf"(.*?)\s+((?:/|[A-Za-z]:\\|\.{{1,2}}/).*{PLACE}|\S+{PLACE}|<null>)$")
# What of a heading tells of this one run: addresses, and what follows them.
_ADDRESSES = re.compile(r" on (?:unknown )?address.*| on 0x.*| \(0x.*|:? \(pc.*| \(pid=.*| in thread T.*")
_LEAKS = "detected memory leaks"


def frame(line: str) -> Frame | None:
    """The frame that ``line`` tells of; None if it is none."""
    found = _FRAME.fullmatch(line.rstrip())
    if found is None:
        return None
    text = found.group(1)
    while (shorter := _MODULE.sub("", text)) != text:
        text = shorter
    split = _FUNCTION_AND_FILE.fullmatch(text)
    if split is None:
        return Frame(text.strip() or "???", None)
    place = split.group(2)
    return Frame(split.group(1), None if place == "<null>" else place)


class SanitizerParser:
    """Takes a program's output line by line."""

    def __init__(self) -> None:
        self._report: Report | None = None
        self._stack: list[Frame] = []
        self._lost: list[tuple[int, int, list[Frame]]] = []
        self._sink = self._stack  # where the next frame goes
        self._lines = 0

    @property
    def is_inside(self) -> bool:
        """Whether a report has begun, and not ended."""
        return self._report is not None

    def take(self, line: str) -> Report | None:
        """The report that ``line`` ends, if it ends one."""
        if (head := _HEAD.search(line)) is not None:
            before, tool, kind = self.end(), head.group(1) or head.group(3), head.group(2) or head.group(4)
            self._begin(tool, kind)
            return before
        if (found := _UNDEFINED.search(line)) is not None:
            kind = found.group(2).strip()[:LONGEST_KIND]
            return Report("UndefinedBehaviorSanitizer", kind, UNDEFINED, found.group(1))
        if self._report is None:
            return None
        self._lines += 1
        if (summary := _SUMMARY.search(line)) is not None:
            self._sum_up(summary.group(2))
            return self.end()
        self._take_inside(line)
        return self.end() if self._lines > MOST_LINES else None

    def _begin(self, tool: str, heading: str) -> None:
        kind = _ADDRESSES.sub("", heading).strip().rstrip(":")[:LONGEST_KIND]
        self._report = Report(tool, kind, _cause(tool, kind))
        self._stack, self._lost, self._lines = [], [], 0
        self._sink = self._stack

    def _take_inside(self, line: str) -> None:
        if (lost := _LOST.search(line)) is not None:
            self._sink = []
            # What only lost blocks reach is lost with them: what matters is who lost the first.
            if lost.group(1) == "Direct":
                self._lost.append((int(lost.group(2)), int(lost.group(3)), self._sink))
        elif (found := frame(line)) is not None:
            self._sink.append(found)
        elif self._stack:
            self._sink = []  # the first stack says where; those that follow, who allocated and freed it

    def _sum_up(self, text: str) -> None:
        assert self._report is not None
        if (lost := _LOST_IN_ALL.search(text)) is not None:
            self._report = replace(self._report, size=int(lost.group(1)), blocks=int(lost.group(2)))

    def end(self) -> Report | None:
        """The report that had begun, as far as it came."""
        report, self._report = self._report, None
        if report is None:
            return None
        if report.cause != LEAK:
            return report.at(self._stack)
        return _with_sites(report, self._lost)


def _with_sites(report: Report, lost: list[tuple[int, int, list[Frame]]]) -> Report:
    size = report.size if report.size is not None else sum(one[0] for one in lost)
    blocks = report.blocks if report.blocks is not None else sum(one[1] for one in lost)
    sites = [(size, count, own_place(stack) or "an unknown place") for size, count, stack in lost]
    largest = sorted(sites, key=lambda site: -site[0])[:MOST_SITES]
    where = next((site for _, _, site in largest), None)
    return replace(report, size=size, blocks=blocks, sites=tuple(largest), where=where)


def _cause(tool: str, kind: str) -> str:
    if kind == _LEAKS:
        return LEAK
    if tool == "MemorySanitizer":
        return UNINITIALISED
    if tool == "ThreadSanitizer" and not kind.startswith(("heap-use", "SEGV", "BUS", "FPE", "ILL", "ABRT")):
        return RACE
    return UNDEFINED if tool == "UndefinedBehaviorSanitizer" else BAD_ACCESS
