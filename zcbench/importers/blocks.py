"""Columns under a header of known words, as ps, top, vmstat and many others print them, again and again."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from zcbench.importers.clocks import Clock
from zcbench.importers.format import Head, Rows, Sniff
from zcbench.importers.losses import Losses
from zcbench.importers.text import Text

TIME = "time"  # the cell in which these readers give a row's time, where a line or a stamp above tells it


def header_of(line: str, known: Collection[str], least: int) -> list[str] | None:
    """The words of ``line`` if ``least`` of them or more are ``known``, and hardly another."""
    words = line.split()
    found = sum(word in known for word in words)
    return words if found >= least and found * 4 >= len(words) * 3 else None


def has_header(known: Collection[str], least: int, confidence: float, *required: str) -> Sniff:
    """A sniff: whether a line of the head is a header of ``known`` words, with all those ``required``."""

    def sniff(head: Head) -> float:
        for line in head:
            words = header_of(Clock().prefix(line)[1], known, least)
            if words is not None and all(word in words for word in required):
                return confidence
        return 0.0

    return sniff


def stamped_lines(text: Text) -> Iterator[tuple[int, float | None, str]]:
    """Each line that says more than a time, with the time before it or on the last line that said one.

    Times are seconds of which only differences count; midnights are bridged by whoever reads on.
    """
    yield from stamped(text.short_lines())


def stamped(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, float | None, str]]:
    """The same of some lines with their numbers."""
    clock = Clock()
    now: Any = None
    for number, line in lines:
        if (banner := _BANNER.match(line)) is not None and (moment := clock.moment(banner["time"])) is not None:
            now = moment
            continue
        moment, rest = clock.prefix(line)
        if moment is None and len(alone := line.strip()) <= LONGEST_STAMP and _ALONE.match(alone):
            moment = clock.moment(line)
            # A row of numbers alone looks like a time, and is none.
            rest = rest if moment is None else ""
        now = moment or now
        if rest.strip():
            yield number, now, rest


# "=== 2026-11-28 03:30:00 ===", "Date: Sat Nov 28 03:30:01 2026": a line that says the time of those below
_BANNER = re.compile(
    r"\s*(?:[=#*-]{2,}\s*(?P<key>[A-Za-z]+\s*[:=]\s*)?|(?:date|time|timestamp|sample at|datum|zeit)\s*[:=]\s+)"
    r"(?P<time>[^=#*]{5,40}?)\s*[=#*-]*\s*$",
    re.IGNORECASE,
)
LONGEST_STAMP = 60  # characters of a line that is a time alone
_ALONE = re.compile(r"\[?[A-Z]?[a-z]*,? ?[\d:., /TZAPM+-]{5,40}\]?$")


def blocks(
    text: Text, known: Collection[str], least: int = 2, last_is_free: bool = False, free: str = ""
) -> Rows:
    """Rows under each header of ``known`` words; the header may come again, and with other columns.

    With ``last_is_free`` the last column may hold spaces (a command), or the column called ``free``. Lines that
    fit no header are left out.
    """
    header: list[str] | None = None
    losses = Losses()
    for number, now, line in stamped_lines(text):
        words = header_of(line, known, least)
        if words is not None:
            header = words
            continue
        if header is None:
            continue
        cells = line.split(None, len(header) - 1) if last_is_free else line.split()
        if free in header and len(cells) > len(header):
            at, more = header.index(free), len(cells) - len(header) + 1
            cells[at : at + more] = [" ".join(cells[at : at + more])]
        whose = cells[header.index("PID")] if "PID" in header and len(cells) == len(header) else "0"
        if len(cells) != len(header) or not whose.isdigit() or not any(cell[:1].isdigit() for cell in cells):
            if not losses.stray(text, number, line):
                text.remarks.add("a line that is no row is left out", text.where(number))
            continue
        row: dict[str, Any] = dict(zip(header, cells, strict=True)) | losses.counts
        if now is not None:
            row[TIME] = now
        yield number, row


def matches(text: Text, pattern: re.Pattern[str]) -> Iterator[tuple[int, Any, re.Match[str]]]:
    """Each line in which ``pattern`` is found, and the time that the log gives it; the others are left out."""
    for number, now, line in stamped_lines(text):
        match = pattern.search(line)
        if match is None:
            text.remarks.add("a line that is no reading is left out", text.where(number))
            continue
        yield number, now, match


def fields(text: Text, pattern: re.Pattern[str], *, of_one_time: bool = False) -> Rows:
    """Rows of lines that are one field each, ``name`` and ``value`` in ``pattern``; others are left out.

    A row ends where a name comes again; with ``of_one_time`` also where another time is told.
    """
    row: dict[str, Any] = {}
    begin, at = 1, None
    for number, now, line in stamped_lines(text):
        match = pattern.match(line)
        if match is None:
            continue
        if row and (match["name"] in row or (of_one_time and now != at)):
            yield begin, timed(at, row)
            row = {}
        if not row:
            begin, at = number, now
        row[match["name"]] = match["value"]
    if row:
        yield begin, timed(at, row)


def timed(now: Any, cells: dict[str, Any]) -> dict[str, Any]:
    """``cells`` with the time of their line, where it has one."""
    return cells if now is None else {TIME: now, **cells}
