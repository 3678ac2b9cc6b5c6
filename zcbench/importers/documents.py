"""The values of a JSON text, one at a time: a long array or many documents, never held whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from zcbench.importers.clocks import Clock, Moment
from zcbench.importers.text import SEARCHED, Text
from zcbench.record.writer import RecordError

BLOCK = 2**18  # characters that are read at once
LARGEST_VALUE = 512 * 2**20  # characters of one value
_BETWEEN = " \t\r\n,"


def values(text: Text) -> Iterator[tuple[int, Any]]:
    """Each element of an array, or each of several documents, with the line it begins at."""
    return ((line, value) for line, _, value in dated(text))


def dated(text: Text) -> Iterator[tuple[int, Moment | None, Any]]:
    """The same, each with the date that stands in a line before it.

    Other lines between documents are left out. Raises RecordError for what is no JSON,
    and where it ends too early before any value; a last value that is cut off is said.
    """
    decoder = json.JSONDecoder()
    source = _Source(text)
    found, inside = 0, False
    now: Moment | None = None
    while source.fill():
        first = source.buffer[source.at]
        if first == "[" and not inside:
            inside = True
            source.at += 1
            continue
        if first == "]" and inside:
            inside = False
            source.at += 1
            continue
        if not inside and first not in "{[":
            now = Clock().prefix(source.skip_line())[0] or now
            continue
        try:
            value, end = decoder.raw_decode(source.buffer, source.at)
        except RecursionError:
            raise RecordError(f"{text.where(source.line)}: JSON nested too deeply") from None
        except ValueError as error:
            if source.more():
                continue
            if not found:
                raise RecordError(f"{text.where(source.line)}: not JSON ({error})") from error
            text.remarks.add("the last value is cut off and left out", text.where(source.line))
            return
        found += 1
        yield source.line, now, value
        source.advance(end)


class _Source:
    """A text as a buffer that is filled as it is read; ``at`` is where, in ``line``."""

    def __init__(self, text: Text) -> None:
        self._blocks = text.blocks(BLOCK)
        self._text = text
        self.buffer, self.at, self.line = "", 0, 1
        self._asked = BLOCK

    def fill(self) -> bool:
        """Go to the next character that begins something; False at the end of the text."""
        while True:
            while self.at < len(self.buffer) and self.buffer[self.at] in _BETWEEN:
                self.line += self.buffer[self.at] == "\n"
                self.at += 1
            if self.at < len(self.buffer):
                return True
            if not self.more():
                return False

    def more(self) -> bool:
        """Read on, twice as much as the last time for the same value; False at the end of the text."""
        self.buffer, self.at = self.buffer[self.at :], 0
        if len(self.buffer) > LARGEST_VALUE:
            raise RecordError(f"{self._text.where(self.line)}: one JSON value of more than 512 MiB")
        read = 0
        while read < self._asked and (block := next(self._blocks, "")):
            self.buffer += block
            read += len(block)
        self._asked *= 2
        return read > 0

    def advance(self, end: int) -> None:
        """Go behind a value."""
        self.line += self.buffer.count("\n", self.at, end)
        self.at, self._asked = end, BLOCK

    def skip_line(self) -> str:
        """Go to the value in this line, or to the next line; what was skipped."""
        while (end := self.buffer.find("\n", self.at)) < 0 and self.more():
            pass
        end = len(self.buffer) if end < 0 else end
        begins = self.buffer.find("{", self.at, end)
        skipped = self.buffer[self.at : begins if begins >= 0 else end]
        self.at += len(skipped)
        return skipped[:SEARCHED]
