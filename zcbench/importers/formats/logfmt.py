"""Lines of key=value, as many services and scripts log them, with a time before or as a key."""

from __future__ import annotations

import re

from zcbench.importers.blocks import stamped_lines, timed
from zcbench.importers.format import LIKELY, Head, Rows, reads
from zcbench.importers.text import SEARCHED, Text

_PAIR = re.compile(
    r'(?<![^\s,;|(])([A-Za-z_][\w.-]*)\s?[=:]\s?("[^"]*"|[\d.,]+\s(?:[kKMGT]i?B|[bB]ytes)\b|[^\s,;|)]+)'
)
_NUMBER = re.compile(r"[+-]?[\d.,]+\s?[A-Za-z%]*$")


def _numeric(line: str) -> int:
    return sum(_NUMBER.match(value) is not None for _, value in _PAIR.findall(line[:SEARCHED]))


def _sniff(head: Head) -> float:
    """Likely where most lines have a key=number, and none begins as JSON."""
    lines = [line for line in head if line.strip()]
    found = sum(_numeric(line) > 0 and "=" in line for line in lines)
    return LIKELY - 0.05 if found * 2 > len(lines) and lines[0].lstrip()[:1] not in "{[" else 0.0


@reads("logfmt", "lines of key=value, with times", _sniff, guess=True)
def read(text: Text) -> Rows:
    """A row of each line with numbers; lines without are left out."""
    for number, now, line in stamped_lines(text):
        pairs = {key: value.strip('"') for key, value in _PAIR.findall(line)}
        if not _numeric(line):
            text.remarks.add("a line that is no reading is left out", text.where(number))
            continue
        row = timed(now, {})
        yield number, row | {key: value for key, value in pairs.items() if key not in row}
