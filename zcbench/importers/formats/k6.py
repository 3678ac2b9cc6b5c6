"""k6: --out csv (one reading a row) and --out json (points): iterations, those dropped, checks that failed."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator

from zcbench.importers.format import Rows, matching, reads
from zcbench.importers.text import Text

# How a metric of k6's is counted: each row of these is one more, or its value is.
_DELIVERED, _DROPPED = "iterations", "dropped_iterations"
_COLUMNS = {
    "time": "elapsed_s:time",
    "iterations": "engine.delivered",
    "dropped": "engine.drops",
}


@reads(
    "k6-csv",
    "k6 run --out csv",
    matching(r"^metric_name,timestamp,metric_value,"),
    _COLUMNS,
    deltas=("iterations", "dropped"),
)
def read(text: Text) -> Rows:
    """A row a second in which iterations ended or were dropped: how many of each."""
    yield from _seconds(_csv(text))


def _csv(text: Text) -> Iterator[tuple[int, str, str, float]]:
    numbers: list[int] = []

    def lines() -> Iterator[str]:
        for number, line in text.lines():
            numbers.append(number)
            yield line

    for row in csv.DictReader(lines()):
        name, at, value = row.get("metric_name"), row.get("timestamp"), row.get("metric_value")
        if name in (_DELIVERED, _DROPPED) and at:
            yield numbers[-1], str(name), at, _number(value)


@reads(
    "k6-json",
    "k6 run --out json",
    matching(r'^\{"(?:metric|type)":.*"(?:Point|Metric)"'),
    _COLUMNS,
    deltas=("iterations", "dropped"),
)
def points(text: Text) -> Rows:
    """The same of its JSON lines."""
    yield from _seconds(_json(text))


def _json(text: Text) -> Iterator[tuple[int, str, str, float]]:
    for number, line in text.lines():
        try:
            point = json.loads(line)
            name, data = point["metric"], point["data"]
            if point["type"] == "Point" and name in (_DELIVERED, _DROPPED):
                yield number, name, str(data["time"]), _number(data["value"])
        except (ValueError, KeyError, TypeError, RecursionError):
            if line.strip():
                text.remarks.add("a line that is no point is left out", text.where(number))


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return 0.0


def _seconds(points: Iterator[tuple[int, str, str, float]]) -> Rows:
    """Points of one time stamp, to the second, are one row."""
    now, begin, sums = "", 1, {"iterations": 0.0, "dropped": 0.0}
    for number, name, at, value in points:
        second = at.partition(".")[0]
        if second != now and now:
            yield begin, {"time": now, **sums}
            sums = {"iterations": 0.0, "dropped": 0.0}
        if second != now:
            now, begin = second, number
        sums["iterations" if name == _DELIVERED else "dropped"] += value
    if now:
        yield begin, {"time": now, **sums}
