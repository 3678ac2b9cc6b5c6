"""Listens to what a subject prints, and keeps the reports that stand in it."""

from __future__ import annotations

import re
import threading
from collections import deque

from zcbench.probes.probe import Notice
from zcbench.record.schema import EventKind
from zcbench.subjects.reports.golang import GoRaceParser
from zcbench.subjects.reports.report import LONGEST_LINE, Report
from zcbench.subjects.reports.sanitizer import SanitizerParser
from zcbench.subjects.reports.valgrind import ValgrindParser

MOST_REPORTS = 20  # that are told each; one bug has as many as it has callers
# What a piece of output has to hold, if a line of it is to begin a report. Looking for these in all that a
# program prints costs 0.1 ms for each 64 KiB.
_MARKS = (b"Sanitizer: ", b": runtime error: ", b"WARNING: DATA RACE")
_OF_PROCESS = re.compile(rb"==\d+==")  # Valgrind's lines begin so
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def _is_marked(text: bytes) -> bool:
    return any(mark in text for mark in _MARKS) or (b"==" in text and _OF_PROCESS.search(text) is not None)


class ReportListener:
    """Takes a subject's output piece by piece, in one thread; ``reports`` are the different ones so far."""

    def __init__(self) -> None:
        self._parsers = (SanitizerParser(), ValgrindParser(), GoRaceParser())
        self._rest = b""  # of a line that is not whole yet
        self._signatures: set[tuple[object, ...]] = set()
        self._waiting: deque[Notice] = deque()
        self._lock = threading.Lock()  # the end may come while somebody still holds the output open
        self.reports: list[Report] = []

    def hear(self, piece: bytes) -> None:
        """Take the next piece of the output; returns at once."""
        with self._lock:
            self._hear(piece)

    def _hear(self, piece: bytes) -> None:
        whole, newline, rest = (self._rest + piece).rpartition(b"\n")
        self._rest = rest[-LONGEST_LINE:]
        if newline and (self._is_inside or _is_marked(whole)):
            for line in whole.split(b"\n"):
                self._take(line)

    def end(self) -> None:
        """Take what was printed last, without a newline, and what a report lacks."""
        with self._lock:
            self._take(self._rest)
            self._rest = b""
            for parser in self._parsers:
                self._note(parser.end())

    def notices(self) -> list[Notice]:
        """The reports since the last call, as events."""
        with self._lock:
            waiting = [*self._waiting]
            self._waiting.clear()
        return waiting

    @property
    def _is_inside(self) -> bool:
        return any(parser.is_inside for parser in self._parsers)

    def _take(self, line: bytes) -> None:
        if len(line) > LONGEST_LINE or not (self._is_inside or _is_marked(line)):
            return
        text = _COLOURS.sub("", line.decode(errors="replace"))
        for parser in self._parsers:
            self._note(parser.take(text))

    def _note(self, report: Report | None) -> None:
        if report is None or report.signature in self._signatures or len(self.reports) >= MOST_REPORTS:
            return
        self._signatures.add(report.signature)
        self.reports.append(report)
        data = {
            "tool": report.tool,
            "fault": report.kind,
            "cause": report.cause,
            "where": report.where,
            "bytes": report.size,
            "blocks": report.blocks,
            "sites": [{"bytes": size, "blocks": count, "site": site} for size, count, site in report.sites],
        }
        self._waiting.append(Notice(EventKind.SANITIZER, report.sentence, data))
