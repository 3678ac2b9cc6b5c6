"""JSON: an object a line, an array of objects, columns as arrays; nested keys are joined by dots."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from zcbench.importers.blocks import TIME, timed
from zcbench.importers.clocks import Clock
from zcbench.importers.documents import dated
from zcbench.importers.format import LIKELY, POSSIBLE, Head, Row, Rows, reads
from zcbench.importers.formats.logfmt import pairs
from zcbench.importers.text import SEARCHED, Text
from zcbench.record.writer import RecordError

_BEGIN = re.compile(r"(?:[^{}]{1,120}\s)?\{\s*\"")
_MESSAGES = ("MESSAGE", "message", "msg", "log")
# As far as one line tells: a log's "[2026-11-28" and "[INFO]" begin no array.
_ARRAY = re.compile(r'\{|\[\s*$|\[\s*[\[{"]|\[\s*-?\d[\d.]*\s*(?:,|\]\s*$)')
DEEPEST = 8  # of nested keys
MOST_COLUMNS = 2000  # of one object; more is data, not readings
# More lines that are no object than this share are another form of log.
MOST_STRAY = 0.5


def sniff(head: Head) -> float:
    """Likely where a line is an object, possible where the text begins as an array or object."""
    lines = [line.strip() for line in head if line.strip()]
    # A log may put its time and level before each object.
    objects = sum(_BEGIN.match(line) is not None and line.rstrip(",").endswith("}") for line in lines)
    if objects * 2 > len(lines):
        return LIKELY
    # or under a date
    begin = any(_ARRAY.match(line) for line in lines[:1]) or "{" in lines[1:2]
    return POSSIBLE if begin else 0.0


@reads("json", "JSON Lines, an array of objects, or columns as arrays", sniff, guess=True)
def read(text: Text) -> Rows:
    """A row of each object."""
    two = [line.strip() for _, line in zip(range(2), _full(text), strict=False)]
    one = _object_of(two[0]) if two else None
    if one is not None and (len(two) > 1 or not _has_arrays(one)):
        yield from lines(text)
    elif two and (_ARRAY.match(two[0]) or two[1:] == ["{"]):
        yield from document(text)
    else:
        yield from lines(text)


def _full(text: Text) -> Iterator[str]:
    return (line for _, line in text.lines() if line.strip())


def _object_of(line: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(line.rstrip(","))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _has_arrays(value: Mapping[str, Any]) -> bool:
    lists = any(isinstance(one, list) and len(one) > 1 for one in value.values())
    return lists or next(_of_names(value), None) is not None


def lines(text: Text) -> Rows:
    """A row of each line that is an object; others are left out and said, unless they are most."""
    rows = stray = 0
    broken: tuple[int, str] | None = None
    for number, line in text.lines():
        if not line.strip():
            continue
        row, problem = _object(line)
        if row is None:
            stray += 1
            broken = (number, problem)
            text.remarks.add("a line that is no JSON object is left out", text.where(number))
            continue
        rows += 1
        moment = Clock().prefix(line)[0] if not line.lstrip().startswith("{") else None
        yield number, row if moment is None or TIME in row else {TIME: moment, **row}
    if broken is not None and stray >= max(1, MOST_STRAY * rows):
        raise RecordError(f"{text.where(broken[0])}: not a JSON line ({broken[1]})")


def _object(line: str) -> tuple[Row | None, str]:
    """The object in a line, a log's words before it left out; or why there is none."""
    start = line.find("{")
    try:
        value = json.loads(line[max(start, 0) :].rstrip().rstrip(","))
    except (ValueError, RecursionError) as error:
        return None, str(error)
    if start < 0 or not isinstance(value, dict):
        return None, "not an object; JSON Lines has one in each line"
    return _with_message(flat(value)), ""


def _with_message(row: dict[str, Any]) -> dict[str, Any]:
    """A row, and the readings that the text of its message names: what docker, journald and loggers wrap."""
    for name in _MESSAGES:
        text = row.get(name)
        if isinstance(text, str) and text:
            try:
                inner = json.loads(text) if text.lstrip()[:1] == "{" else None
            except (ValueError, RecursionError):
                inner = None
            said = flat(inner) if isinstance(inner, dict) else pairs(Clock().prefix(text[:SEARCHED])[1])
            return {**said, **row}
    return row


def document(text: Text) -> Rows:
    """Rows of one JSON document, or of several: an array is never held whole."""
    read = dated(text)
    first = list(islice(read, 2))
    if len(first) == 1 and isinstance(first[0][2], dict):
        yield from ((first[0][0], flat(row)) for row in _records(first[0][2]))
        return
    names: list[str] = []
    for number, now, value in chain(first, read):
        if isinstance(value, dict):
            yield number, timed(now, flat(value))
        elif isinstance(value, list) and not names:
            names = [str(name) for name in value]  # [["time", "rss"], [0, 4096], ...]
        elif isinstance(value, list) and len(value) == len(names):
            yield number, dict(zip(names, value, strict=True))


def _of_names(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Rows of lists beside a list of names, whatever both are called: {"columns": [...], "data": [[...]]}."""
    if isinstance(value, dict):
        heads = [[_named(name) for name in one] for one in value.values() if isinstance(one, list)]
        for rows in value.values():
            if isinstance(rows, list) and rows and all(isinstance(row, list) for row in rows):
                names = next((h for h in heads if len(h) == len(rows[0]) and all(h)), None)
                if names is not None:
                    of = value.get("tags") if isinstance(value.get("tags"), dict) else {}
                    yield from ({**(of or {}), **dict(zip(names, row, strict=False))} for row in rows)
                    return
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner if depth < DEEPEST else ():
        if isinstance(one, dict | list):
            yield from _of_names(one, depth + 1)


def _named(name: Any) -> str | None:
    """The name of a column, itself or of what describes it."""
    if isinstance(name, dict):
        name = name.get("name") or name.get("text") or name.get("label")
    return name if isinstance(name, str) else None


def _records(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    named = _of_names(value)
    if (one := next(named, None)) is not None:
        yield one
        yield from named
        return
    lists = {key: one for key, one in value.items() if isinstance(one, list) and one}
    if not lists:
        yield value
        return
    tables = [one for one in lists.values() if isinstance(one[0], dict)]
    if tables:
        yield from (one for one in max(tables, key=len) if isinstance(one, dict))
        return
    longest = max(map(len, lists.values()))
    for row in range(longest):
        yield {key: one[row] if row < len(one) else None for key, one in lists.items()}


def flat(value: Mapping[str, Any]) -> dict[str, Any]:
    """``value`` with nested keys joined by dots: {"mem": {"rss": 1}} is {"mem.rss": 1}."""
    found: dict[str, Any] = {}
    _flatten(value, "", 0, found)
    return found


def _flatten(value: Mapping[str, Any], prefix: str, depth: int, found: dict[str, Any]) -> None:
    for key, one in value.items():
        name = f"{prefix}{key}"
        if isinstance(one, dict) and depth < DEEPEST:
            _flatten(one, f"{name}.", depth + 1, found)
        elif not isinstance(one, list) and len(found) < MOST_COLUMNS:
            found[name] = one
