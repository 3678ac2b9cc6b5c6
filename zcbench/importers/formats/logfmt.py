"""Lines that name their readings: key=value, "RSS: 8192 KB", "memory usage 50 MB"; times before or above."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from zcbench.importers.blocks import TIME, stamped_lines, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.format import LIKELY, POSSIBLE, Head, Rows, reads
from zcbench.importers.guess import KINDS, QUALIFIERS, SURE, guess
from zcbench.importers.labels import is_label
from zcbench.importers.losses import Losses, tell, told_in
from zcbench.importers.text import SEARCHED, Text
from zcbench.importers.words import words
from zcbench.quantities.names import ELAPSED_S
from zcbench.quantities.registry import VOCABULARY

_BYTES = r"\s?(?:[kKMGT]i?[Bb]?|[KMG]o|[bB]ytes|B)\b"
_DIGITS = r"[+-]?\d+(?:[.,'_\u00a0]\d+)*(?:[eE][+-]?\d+)?"
_NUMBER = rf"{_DIGITS}(?:{_BYTES}|\s?(?:ms|us|\u00b5s|ns|s)\b|\s?%)?"
_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}[T ]\d{1,2}:\d\d(?::\d\d[.,\d]*)?(?:\s?[AP]M)?Z?"
_KEY = r"(?:[^\W\d][\w./-]* ){0,4}[^\W\d][\w./-]*(?:\s?[\[(][A-Za-z%]{1,7}[\])])?"
_BEFORE, _AFTER = r"(?<![^\s,;|(\[\]{'])", r"(?=[\s,;|)\]}']|[.](?:\s|$)|$)"
# "key=value" has one word before its sign, "key: value" up to three.
_PAIR = re.compile(
    rf"{_BEFORE}(?P<key>{_KEY})'?\s*(?P<sign>[=:])\s*"
    rf"(?P<value>\"[^\"]*\"|{_DATE}{_AFTER}|{_NUMBER}{_AFTER}|[^\s,;|)\]}}=]*[^\s,;|)\]}}=:]{_AFTER})"
)
# Without a sign only sizes with their unit are readings.
_BARE = re.compile(rf"{_BEFORE}(?P<key>{_KEY}) (?P<value>{_DIGITS}{_BYTES})")
_LINKS = words("is of at to was now are uses using")  # between a name and its value
# "51200 KB RSS", "12 fds"
_BEHIND = re.compile(rf"{_BEFORE}(?P<value>{_DIGITS}(?:{_BYTES})?) (?P<key>[A-Za-z]\w*){_AFTER}")
_LETTER = re.compile(r"[^\W\d_]")
_IS_READING = re.compile(rf"(?:{_NUMBER}|{_DATE})$")
_IS_NUMBER = re.compile(rf"{_NUMBER}$")
# "[pid 4411]", and syslog's "engine[4411]:"
_PID = re.compile(r"\b[Pp][Ii][Dd][ =:#]{1,2}(\d+)\b|(?<!\S)[A-Za-z][\w./-]{0,40}\[(\d+)\]:")
MOST_KEYS = 500  # different ones in a log; more are words of its messages
# What a number before its name may be: of counts nobody can tell whether they are of this line or of all.
_LEVELS = {one.name for one in VOCABULARY.sampled if not one.cumulative} - {ELAPSED_S}
# What Go programs print of runtime.MemStats, by the names of its fields.
_GO = {"TotalAlloc", "NumGC"}


@lru_cache(4096)
def _name(text: str, sign: str) -> str:
    """Of the words before a value those that name it: "INFO worker RSS" is "RSS", "max RSS" is itself."""
    parts = text.split()
    while len(parts) > 1 and parts[-1].lower() in _LINKS:
        parts.pop()
    if sign == "=" or len(parts) == 1:
        return parts[-1]
    for first in range(len(parts)):
        name = " ".join(parts[first:])
        found = guess(name)
        other = first and parts[first - 1].lower() in QUALIFIERS | KINDS
        if found is not None and found.rank < SURE and not other:
            return name
    return " ".join(parts)


@lru_cache(4096)
def _is_known(name: str) -> bool:
    """Whether a name says which reading it is, other than a time."""
    found = guess(name)
    return found is not None and found.quantity != ELAPSED_S and (found.rank < SURE or "." in name)


def pairs(line: str) -> dict[str, str]:
    """Each name in a line with its value: "RSS: 8192 KB, fds=12" is {"RSS": "8192 KB", "fds": "12"}."""
    found: dict[str, str] = {}
    if _LETTER.search(line) is None:
        return found  # a row of numbers
    for match in _PAIR.finditer(line):
        found.setdefault(_name(match["key"], match["sign"]), match["value"].strip('"'))
    for match in _BARE.finditer(line):
        name = _name(match["key"], " ")
        if _is_known(name):
            found.setdefault(name, match["value"])
    for match in _BEHIND.finditer(line):
        level = guess(match["key"])
        if level is not None and level.rank < SURE and level.quantity in _LEVELS:
            found.setdefault(match["key"], match["value"])
    if found and (whose := _PID.search(line)) is not None:
        found.setdefault("pid", whose[1] or whose[2])
    if found.keys() >= _GO and "Alloc" in found:
        found["HeapAlloc"] = found.pop("Alloc")
    return found


def is_number(value: str | int) -> bool:
    """Whether what is said of a name is a reading."""
    return isinstance(value, int) or _IS_NUMBER.match(value) is not None


def _sniff(head: Head) -> float:
    """Likely where most lines have key=number, or many a known name; possible where such lines come again."""
    lines = [line[:SEARCHED] for line in head if line.strip()]
    if not lines or lines[0].lstrip()[:1] == "{":
        return 0.0
    found = [pairs(Clock().prefix(line)[1]) for line in lines[:100]]
    numeric = [[name for name, value in one.items() if is_number(value)] for one in found]
    known = [name for names in numeric for name in names if _is_known(name)]
    if sum(any(map(_is_known, names)) for names in numeric) * 4 > len(found):
        return LIKELY + 0.03
    if sum(bool(names) and "=" in line for names, line in zip(numeric, lines, strict=False)) * 2 > len(found):
        return LIKELY - 0.05
    return POSSIBLE + 0.1 if len(set(known)) < len(known) else 0.0


@reads("logfmt", "lines that name their readings: key=value, RSS: 8192 KB", _sniff, guess=True)
def read(text: Text) -> Rows:
    """A row of each line with readings; lines of the same time and of other names go on with it.

    With what messages between them tell of losses so far.
    """
    row: dict[str, Any] = {}
    begin, at = 1, None
    losses = told_in(text)
    lost: dict[str, int] = {}
    for number, now, found in _lines(text, losses):
        if row and (now != at or not row.keys().isdisjoint(found)):
            if any(map(is_number, row.values())):
                yield begin, timed(at, row | lost)
            row = {}
        if not row:
            begin, at = number, now
        row |= found
        lost = {} if losses is None else dict(losses.counts)
    if any(map(is_number, row.values())):
        yield begin, timed(at, row | ({} if losses is None else losses.counts))


def _lines(text: Text, losses: Losses | None) -> Iterator[tuple[int, Any, dict[str, Any]]]:
    """Each line with readings, or with a label of a block of them; losses are counted as they come."""
    keys: set[str] = set()
    for number, now, line in stamped_lines(text):
        told = None if losses is None else losses.see(line)
        if losses is not None and told is not None:
            tell(text, told, number)
        found = pairs(line)
        kept = any(_IS_READING.match(value) for value in found.values()) or any(map(is_label, found))
        if not kept and told is None:
            text.remarks.add("a line that is no reading is left out", text.where(number))
        if kept and len(keys) < MOST_KEYS:
            keys.update(found)
        said: dict[str, Any] = {name: value for name, value in found.items() if kept and name in keys}
        if now is not None:
            said.pop(TIME, None)
        if losses is not None and told is not None and now is not None:
            said |= losses.counts  # a row of its own: the next reading may be far, or never come
        if said:
            yield number, now, said
