"""JSON: an object a line, an array of objects, columns as arrays; nested keys are joined by dots."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from zcbench.importers.blocks import TIME
from zcbench.importers.clocks import Clock
from zcbench.importers.format import LIKELY, POSSIBLE, Head, Row, Rows, reads
from zcbench.importers.text import Text
from zcbench.record.writer import RecordError

_BEGIN = re.compile(r"(?:[^{}]{1,120}\s)?\{\s*\"")
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
    return POSSIBLE if lines and lines[0][0] in "{[" else 0.0


@reads("json", "JSON Lines, an array of objects, or columns as arrays", sniff, guess=True)
def read(text: Text) -> Rows:
    """A row of each object."""
    two = [line.strip() for _, line in zip(range(2), _full(text), strict=False)]
    one = _object_of(two[0]) if two else None
    if one is not None and (len(two) > 1 or not _has_arrays(one)):
        yield from lines(text)
    elif _document(text):
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
    return any(isinstance(one, list) and len(one) > 1 for one in value.values())


def _document(text: Text) -> bool:
    return next((line.strip()[0] in "[{" for _, line in text.lines() if line.strip()), False)


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
    return flat(value), ""


def document(text: Text) -> Rows:
    """Rows of one JSON document."""
    try:
        value = json.loads(text.whole())
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{text.name}: not JSON ({error})") from error
    for number, row in enumerate(_records(value), 1):
        yield number, flat(row)


def _records(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))
        return
    lists = {key: one for key, one in value.items() if isinstance(one, list) and one}
    if not lists:
        yield value
        return
    tables = [one for one in lists.values() if isinstance(one[0], dict)]
    if tables:
        yield from _records(max(tables, key=len))
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
