"""Any command's table again and again: words that name columns, rows below them, dates between."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from zcbench.importers.blocks import stamped, stamped_lines, timed
from zcbench.importers.cells import is_missing, number
from zcbench.importers.format import POSSIBLE, Head, Rows, reads
from zcbench.importers.guess import guess
from zcbench.importers.losses import Losses
from zcbench.importers.text import SEARCHED, Text
from zcbench.quantities.names import ELAPSED_S

_RULE = re.compile(r"[\s=\u2500-\u257f+-]*[=\u2500-]{2}[\s=\u2500-\u257f+-]*$")
Line = tuple[int, Any, str]


_BOX = re.compile(r"^\s*[\u2502\u2503|](?P<cells>.*)[\u2502\u2503|]\s*$")


def _unboxed(line: str) -> str:
    """A line without the box that pm2, MySQL and others draw around their tables' cells."""
    match = _BOX.match(line)
    return line if match is None else "\t".join(map(str.strip, re.split("[\u2502\u2503|]", match["cells"])))


def _cells(line: str) -> list[str]:
    """Cells apart by tabs or by two spaces and more."""
    return [cell.strip() for cell in re.split(r"\t|\s{2,}", line.strip())]


def _is_header(line: str) -> bool:
    """Whether a line is words alone, of which one names a reading."""
    names = _cells(line)
    names = names if len(names) > 1 else line.split()
    found = [guess(name) for name in names]
    words = all(number(name) is None and not is_missing(name) and len(name) <= 40 for name in names)
    return words and not re.search(r"[=:]\s|[=:]$", line) and any(g and g.quantity != ELAPSED_S for g in found)


def _fitting(header: str, line: str) -> dict[str, str] | None:
    """A row's cells by the names in ``header``, apart by two spaces or by one; None if it does not fit."""
    if line.split()[0].endswith(":"):
        return None  # "Total: 1 processes, 35 lwps" below a table
    for split in (_cells, str.split):
        names, cells = split(header), split(line)
        if len(names) == len(set(names)) == len(cells) and any(number(cell) for cell in cells):
            return dict(zip(names, cells, strict=True))
    # A last column of words with spaces in it
    names = header.split()
    cells = line.split(None, len(names) - 1)
    fits = len(names) == len(set(names)) == len(cells) > 1 and any(number(cell) for cell in cells[:-1])
    return dict(zip(names, cells, strict=True)) if fits else None


def _row(header: str, now: Any, line: str) -> dict[str, Any] | None:
    """A row with its time: the one above it, or before it, if that is what the first column is called for."""
    first, _, others = header.strip().partition(" ")
    told = guess(first)
    if now is not None and told is not None and told.quantity == ELAPSED_S:
        row = _fitting(others.strip(), line)
        return None if row is None else {first: now, **row}
    row = _fitting(header, line)
    return None if row is None else timed(now, row)


def _rows(lines: Iterable[Line]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Each row with its time; a line that is none as it is."""
    header = ""
    for at, now, boxed in lines:
        line = _unboxed(boxed)
        if _RULE.match(line):
            continue
        row = _row(header, now, line) if header else None
        if row is not None:
            yield at, row
        elif _is_header(line):
            header = line
        else:
            yield at, line


def _sniff(head: Head) -> float:
    """Possible where rows under a header of known words are most lines, and more than a table has below one."""
    rows = [row for _, row in _rows(stamped(enumerate(line[:SEARCHED] for line in head)))]
    fit = sum(isinstance(row, dict) for row in rows)
    return POSSIBLE + 0.2 if fit > 1 and fit * 2 > len(rows) else 0.0


@reads("loop", "a table that any command prints, again and again with dates between", _sniff, guess=True)
def read(text: Text) -> Rows:
    """A row of each line that fits the header above it."""
    losses = Losses()
    for at, row in _rows(stamped_lines(text)):
        if isinstance(row, dict):
            yield at, row | losses.counts
        elif not losses.stray(text, at, row):
            text.remarks.add("a line that is no row is left out", text.where(at))
