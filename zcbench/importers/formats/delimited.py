"""Tables with a header line: commas, semicolons, tabs, bars or runs of spaces between cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

from zcbench.importers.blocks import TIME, timed
from zcbench.importers.cells import is_missing, number
from zcbench.importers.clocks import Clock, Moment, epoch_unit
from zcbench.importers.format import LIKELY, POSSIBLE, Head, Rows, reads
from zcbench.importers.losses import Losses
from zcbench.importers.text import WANTED, Text
from zcbench.record.writer import RecordError

SPACES = "  "  # one or more of them
_DELIMITERS = (",", ";", "\t", "|", SPACES)
# More than this share of lines that are no row is another form of log, not a table with a stray line.
MOST_STRAY = 0.1


def cells_of(line: str, delimiter: str) -> list[str]:
    """The cells of one line, stripped; quotes may hold delimiters."""
    if delimiter == SPACES:
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def delimiter_of(lines: Iterable[str]) -> str | None:
    """What separates the cells of ``lines``: the one that makes the most of them equally long; None if none."""
    best: tuple[float, int, str] | None = None
    sample = [line for line in lines if line.strip() and not line.lstrip().startswith("#")][:60]
    for rank, delimiter in enumerate(_DELIMITERS):
        try:
            counts = [len(cells_of(line, delimiter)) for line in sample]
        except csv.Error:
            continue
        usual = max(counts, key=counts.count, default=0)
        if usual < 2:
            continue
        share = counts.count(usual) / len(counts)
        if delimiter == SPACES and counts[0] != usual:
            continue  # a date and its time of day under one name
        score = (round(share, 2), -rank, delimiter)
        best = score if best is None else max(best, score)
    return None if best is None or best[0] < 0.5 else best[2]


def sniff(head: Head) -> float:
    """Likely where a header of words stands over lines with numbers."""
    lines = [line for line in head if line.strip() and not line.lstrip().startswith("#")]
    if not lines or lines[0].lstrip()[:1] in "{[":
        return 0.0
    delimiter = delimiter_of(lines)
    if delimiter is None:
        words, *rest = lines
        alone = all(number(line) or is_missing(line) for line in rest[:20])
        if rest and alone and not number(words):
            return POSSIBLE / 2
        return POSSIBLE / 10 if rest and re.fullmatch(r"\w{1,40}", words.strip()) else 0.0
    header = cells_of(lines[0], delimiter)
    titled = sum(number(cell) is None for cell in header) * 2 > len(header)
    below = [cells_of(line, delimiter) for line in lines[1:20]]
    numeric = any(number(cell) is not None for cells in below for cell in cells)
    if delimiter == SPACES:
        return POSSIBLE if titled and numeric else POSSIBLE / 3
    return LIKELY - 0.1 if titled and numeric else POSSIBLE


@reads("table", "CSV, TSV, semicolons, bars or columns of spaces, under a header line", sniff, guess=True)
def read(text: Text) -> Rows:
    """Every row below the header; comments, stray lines and a last line that is cut off are said."""
    delimiter = delimiter_of(text.head()) or "\t"
    header: list[str] | None = None
    commented: list[str] = []
    rows = 0
    strays: list[tuple[int, list[str]]] = []
    losses = Losses()
    last: tuple[int, list[str]] | None = None
    before: list[str] = []
    now: Any = None
    at: Any = None
    picked = _Picked(text)
    for line, cells, comment in _lines(text, delimiter):
        if len(cells) == 1 and (moment := _alone(cells[0].strip(), header)) is not None:
            now = moment
            continue
        if header is None and len(cells) <= 2 and cells[0].lower().startswith("sep="):
            continue  # what tells Excel the delimiter
        if comment:
            commented = _stripped(cells)
            continue
        if header is None:
            header, above = _header(text, line, _stripped(cells), commented)
            last, at = (line, cells) if above else None, now
            continue
        cells = cells[: len(header)] if len(cells) == len(header) + 1 and not cells[-1].strip() else cells
        again = cells[0].strip() == header[0] and _stripped(cells) == header
        if last is not None:
            if len(last[1]) == len(header):
                rows += 1
                before = last[1]
                yield last[0], timed(at, picked.row(header, last[1]) | losses.counts)
            elif not losses.stray(text, last[0], " ".join(last[1])):
                strays.append(last)
        last, at = None if again else (line, cells), now
        if again:
            text.remarks.add("the header comes again", text.where(line))
    if header is None or (last is None and not rows):
        raise RecordError(f"{text.name}: no row of readings below the header")
    if last is not None:
        last, before = (last[0], _stripped(last[1])), _stripped(before)
    if last is not None and (row := _last_row(text, header, last, before, losses, strays)) is not None:
        rows += 1
        yield last[0], timed(at, row)
    _leave_out(text, strays, header, rows)


class _Picked:
    """The cells of rows by their columns: of all, until it is known which are wanted."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._wanted: frozenset[str] | None = None
        self._places: list[tuple[str, int]] = []

    def row(self, header: list[str], cells: list[str]) -> dict[str, Any]:
        wanted = self._text.learned.get(WANTED)
        if wanted is not self._wanted or not self._places:
            self._wanted = wanted
            self._places = [(name, at) for at, name in enumerate(header) if wanted is None or name in wanted]
        return {name: cells[at].strip() for name, at in self._places}


def _stripped(cells: list[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _last_row(
    text: Text,
    header: list[str],
    last: tuple[int, list[str]],
    before: list[str],
    losses: Losses,
    strays: list[tuple[int, list[str]]],
) -> dict[str, Any] | None:
    """The row of the last line; None if it is cut off, or is none. Raises RecordError for a cut one alone."""
    line, cells = last
    if len(cells) != len(header) and losses.stray(text, line, " ".join(cells)):
        # No later row can tell of it.
        return {**dict(zip(header, before, strict=True)), **losses.counts} if before else None
    if len(cells) < len(header) or _cut(text, cells, before):
        if not before:
            raise RecordError(_count(text, last, header))
        text.remarks.add("the last line is cut off and left out", text.where(line))
        return None
    if len(cells) == len(header):
        return {**dict(zip(header, cells, strict=True)), **losses.counts}
    strays.append(last)
    return None


def _alone(cell: str, header: list[str] | None) -> Moment | None:
    """The date that a line of its own tells, of the rows below it; None where it is a cell."""
    if header is not None and len(header) == 1:
        return None
    return Clock().moment(cell) if number(cell) is None else None


def _leave_out(text: Text, strays: list[tuple[int, list[str]]], header: list[str], rows: int) -> None:
    """Say which lines are no rows. Raises RecordError where there are too many beside ``rows`` rows."""
    if len(strays) > max(1, MOST_STRAY * rows):
        share = f"{len(strays):,} of {len(strays) + rows:,} lines"
        raise RecordError(f"{_count(text, strays[0], header)} (so {share})")
    for row in strays:
        text.remarks.add("a line is no row and left out", text.where(row[0]))


def _lines(text: Text, delimiter: str) -> Iterator[tuple[int, list[str], bool]]:
    """Every line's cells, and whether it is a comment, of which the cells without its mark."""
    at = 0

    def raw() -> Iterator[str]:
        nonlocal at
        for at, line in text.lines():  # noqa: B007 - the number is read outside
            yield line

    if delimiter == SPACES:
        for line in raw():
            if line.strip():
                comment = line.lstrip().startswith("#")
                yield at, (line.lstrip("# ") if comment else line).split(), comment
        return
    reader = csv.reader(raw(), delimiter=delimiter)
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            comment = cells[0].lstrip().startswith("#")
            if comment:
                cells[0] = cells[0].strip().lstrip("# ")
            yield at, cells, comment
    except csv.Error as error:
        raise RecordError(f"{text.where(at)}: not a CSV line ({error})") from error


def _header(text: Text, line: int, cells: list[str], commented: list[str]) -> tuple[list[str], bool]:
    """The columns' names, and whether the line is a row itself: its names stand in a comment, or nowhere."""
    titled = not any(number(cell) for cell in commented) and any(number(cell) for cell in cells)
    if len(commented) == len(cells) and (titled or _is_row(cells)):
        return commented, True
    if _is_row(cells):
        text.remarks.add("no header; columns are called column1, column2, ...", text.where(line))
        names = [f"column{n}" for n in range(1, len(cells) + 1)]
        if sum(_is_time(cell) for cell in cells) == 1:
            names[[_is_time(cell) for cell in cells].index(True)] = TIME
        return names, True
    # A bar at either end of a line makes an empty name.
    header = [name.strip('"') or f"column{n}" for n, name in enumerate(cells, 1)]
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise RecordError(f"{text.where(line)}: column {doubled[0]!r} is there twice; rename one")
    return header, False


def _is_row(cells: list[str]) -> bool:
    return all(is_missing(cell) or number(cell) is not None or _is_time(cell) for cell in cells)


def _is_time(cell: str) -> bool:
    """Whether a cell can only be a time: a date, a time of day, or seconds since 1970."""
    read = number(cell)
    return (
        Clock().moment(cell) is not None
        if read is None
        else epoch_unit(read.value) is not None and not read.unit
    )


def _count(text: Text, row: tuple[int, list[str]], header: list[str]) -> str:
    return f"{text.where(row[0])}: {len(row[1])} cells, the header has {len(header)}"


def _cut(text: Text, cells: list[str], before: list[str]) -> bool:
    """Whether the last line's last cell may lack its end: no newline, and fewer digits than above it."""
    if not before or text.ends_with_newline():
        return False
    digits = [len(re.match(r"\d*", cell)[0]) for cell in (cells[-1], before[-1])]  # type: ignore[index]
    return 0 < digits[0] < digits[1]
