"""Markdown tables, as in most bug reports; psql's, sqlite's and MySQL's boxes too."""

from __future__ import annotations

import re

from zcbench.importers.format import CERTAIN, Rows, matching, reads
from zcbench.importers.text import Text

_RULE = re.compile(r"\s*[|+]?\s*:?[-=\u2500]{2,}:?\s*([|+\u253c]\s*:?[-=\u2500]*:?\s*)+$")


@reads(
    "markdown",
    "Markdown tables, and psql's and sqlite's boxes",
    matching(_RULE, confidence=CERTAIN - 0.05),
    guess=True,
)
def read(text: Text) -> Rows:
    """The rows of the first table; a second one under the same header goes on with it."""
    header: list[str] | None = None
    above: list[str] = []
    for number, line in text.short_lines():
        if _RULE.match(line):
            header = header or [cell for cell in above if cell] or None
            continue
        cells = [cell.strip().strip("`*") for cell in re.split(r"[|\u2502]", line.strip().strip("|\u2502"))]
        if header is None or len(cells) != len(header) or cells == header:
            if header is not None and "|" in line and cells != header:
                text.remarks.add("a line is no row and left out", text.where(number))
            above = cells
            continue
        yield number, dict(zip(header, cells, strict=True))
