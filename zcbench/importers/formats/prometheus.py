"""Prometheus: the answer of query_range or query, and the text that an endpoint shows, again and again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from zcbench.importers.blocks import TIME
from zcbench.importers.clocks import Clock
from zcbench.importers.documents import values
from zcbench.importers.format import CERTAIN, LIKELY, Head, Rows, reads
from zcbench.importers.guess import guess
from zcbench.importers.text import Text
from zcbench.quantities.quantity import Better
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.writer import RecordError

COLUMNS = {
    "time": "elapsed_s:time",
    "process_resident_memory_bytes": "rss_bytes:bytes",
    "process_virtual_memory_bytes": "virtual_bytes:bytes",
    "process_open_fds": "fds",
    "process_threads": "threads",
    "process_num_threads": "threads",
    "process_files_open_files": "fds",
    "nodejs_heap_size_used_bytes": "v8.heap_bytes:bytes",
    "nodejs_external_memory_bytes": "v8.external_bytes:bytes",
    "nodejs_heap_size_total_bytes": "v8.heap_total_bytes:bytes",
    "go_memstats_heap_alloc_bytes": "go.heap_bytes:bytes",
    "go_memstats_sys_bytes": "go.sys_bytes:bytes",
    "go_goroutines": "go.goroutines",
    "jvm_threads_current": "threads",
    "jvm_threads_live_threads": "threads",
    "jvm_classes_loaded_classes": "jvm.classes",
    "container_memory_working_set_bytes": "cgroup_bytes:bytes",
    "container_memory_rss": "cgroup_anonymous_bytes:bytes",
    "dotnet_total_memory_bytes": "clr.heap_bytes:bytes",
    "DCGM_FI_DEV_FB_USED": "gpu_bytes:MiB",
}
IDENTITY = ("process_start_time_seconds",)
_SAMPLE = re.compile(
    r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>[^}]*)\})?\s+(?P<value>[+-]?(?:[\d.]+(?:[eE][+-]?\d+)?|Inf|NaN))"
    r"(?:\s+(?P<at>\d+(?:\.\d+)?))?\s*(?:#.*)?$"
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# How a counter's name ends, by Prometheus' own rule. One with labels is a column of each, and their sum too:
# what was dropped was dropped, for whichever reason.
_COUNTER = "_total"
_TYPED = re.compile(r"# TYPE (?P<name>\S+) counter\s*$")
_IN_MS = 1e11  # a time since 1970 above this is in milliseconds
# What tells targets apart; other labels name parts of one target.
_TARGET = ("instance", "pod", "container", "namespace", "job", "host", "name")


_SHAPES = re.compile(
    r'"resultType"|"timeseries":|"metric":\s*\{.*"(?:values?|timestamps)":|"target":.*"datapoints":', re.DOTALL
)


def _is_answer(head: Head) -> float:
    return CERTAIN if _SHAPES.search("\n".join(head[:40])[:4000]) else 0.0


@reads(
    "prometheus",
    "Prometheus: answers of /api/v1/query_range, query, remote read, export; Graphite's render",
    _is_answer,
    COLUMNS,
    labels=_TARGET,
    identity=IDENTITY,
    guess=True,
)
def answer(text: Text) -> Rows:
    """A row a target and time; series of several metrics of one target are columns."""
    rows: dict[tuple[tuple[str, ...], float], dict[str, Any]] = {}
    sums = Sums()
    for number, value in values(text):
        try:
            for labels, readings in series_of(value):
                _add(labels, readings, rows, sums)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordError(f"{text.where(number)}: not an answer of Prometheus ({error!r})") from error
    sums.tell(text)
    # One target after the other: times go on within each.
    for number, key in enumerate(sorted(rows), 1):
        yield number, {**sums.at(key), **rows[key]}


def _add(
    labels: Mapping[str, Any],
    readings: Iterable[tuple[Any, Any]],
    rows: dict[tuple[tuple[str, ...], float], dict[str, Any]],
    sums: Sums,
) -> None:
    """Put one series into the rows of its target."""
    target = {name: str(labels[name]) for name in _TARGET if name in labels}
    name = str(labels.get("__name__", "value"))
    parts = {k: v for k, v in labels.items() if k != "__name__" and k not in target}
    column = name + "".join(f"_{value}" for _, value in sorted(parts.items()))
    for at, value in readings:
        seconds = float(at) / (1000.0 if float(at) > _IN_MS else 1.0)
        key = (tuple(target.values()), seconds)
        rows.setdefault(key, {"time": seconds, **target})[column] = value
        if column != name and name.endswith(_COUNTER) and value is not None:
            sums.add(key, name, column, float(value))


def series_of(value: Any) -> Iterator[tuple[Mapping[str, Any], Iterable[tuple[Any, Any]]]]:
    """The labels and the (time, value) pairs of each series in what Prometheus and its kin answer."""
    if isinstance(value, dict) and "data" in value:
        result = value["data"]["result"]
        for one in result:
            yield from series_of(one)
    elif isinstance(value, dict) and "results" in value:
        for result in value["results"]:
            for one in result["timeseries"]:
                labels = {label["name"]: label["value"] for label in one["labels"]}
                yield labels, [(sample["timestamp"], sample["value"]) for sample in one["samples"]]
    elif "timestamps" in value:
        yield value["metric"], zip(value["timestamps"], value["values"], strict=True)
    elif "datapoints" in value:
        yield {"__name__": value["target"]}, [(at, reading) for reading, at in value["datapoints"]]
    else:
        yield value["metric"], value.get("values") or [value["value"]]


class Sums:
    """Counters with labels as one: what was dropped was dropped, for whichever reason.

    What was delivered is not added up: packets that reach two readers came to each of them once.
    """

    def __init__(self) -> None:
        self._at: dict[Any, dict[str, float]] = {}
        self._columns: dict[str, set[str]] = {}

    def add(self, key: Any, name: str, column: str, value: float) -> None:
        """Count one label's reading of the row ``key``."""
        row = self._at.setdefault(key, {})
        row[name] = row.get(name, 0.0) + value
        self._columns.setdefault(name, set()).add(column)

    def at(self, key: Any) -> dict[str, float]:
        """The sums of a row, of those that may be."""
        return {name: value for name, value in self._at.pop(key, {}).items() if self._is_one(name)}

    def _is_one(self, name: str) -> bool:
        found = guess(name)
        known = None if found is None else VOCABULARY.get(found.quantity)
        fault = known is not None and known.cumulative and known.better is Better.LOWER
        return fault or len(self._columns[name]) == 1

    def tell(self, text: Text) -> None:
        """Say which counters are several series, and how to choose."""
        for name, columns in self._columns.items():
            found = guess(name)
            if not self._is_one(name) and found is not None and found.quantity in VOCABULARY:
                first, *more = sorted(columns)
                text.remarks.add(
                    f"{name} has {1 + len(more)} series, which are not added up; choose one: "
                    f"--map {found.quantity}={first}",
                    text.name,
                )


def _is_exposition(head: Head) -> float:
    typed = sum(line.startswith(("# TYPE ", "# HELP ")) for line in head)
    samples = sum(_SAMPLE.match(line) is not None for line in head)
    if typed and samples:
        return CERTAIN - 0.05
    return LIKELY if samples > 1 and samples * 2 > len([line for line in head if line.strip()]) else 0.0


@reads(
    "exposition",
    "what a metrics endpoint shows (Prometheus, OpenMetrics), scraped again and again",
    _is_exposition,
    COLUMNS,
    identity=IDENTITY,
    guess=True,
)
def exposition(text: Text) -> Rows:
    """A row a scrape: a new one begins with a date, "# EOF", or a metric that was there already."""
    for number, row in _scrapes(text):
        if len(row) > (TIME in row):
            yield number, row


def _scrapes(text: Text) -> Iterator[tuple[int, dict[str, Any]]]:
    row: dict[str, Any] = {}
    sums = Sums()
    counters: set[str] = set()
    begin = 1
    for number, line in text.short_lines():
        match = _SAMPLE.match(line)
        moment = None if match or line.startswith(("# TYPE", "# HELP")) else Clock().moment(line.lstrip("# "))
        column = None if match is None else _column(match)
        if (typed := _TYPED.match(line)) is not None:
            counters.add(typed["name"])
        if line.startswith("# EOF") or moment is not None or (column is not None and column in row):
            yield begin, {**sums.at(begin), **row}
            row, begin = {}, number
        if moment is not None:
            row[TIME] = moment
        if match is not None and column is not None:
            name = match["name"]
            row[column] = match["value"]
            if column != name and (name.endswith(_COUNTER) or name in counters):
                sums.add(begin, name, column, float(match["value"]))
            if match["at"] and TIME not in row:
                row[TIME] = float(match["at"]) / (1000.0 if float(match["at"]) > _IN_MS else 1.0)
    yield begin, {**sums.at(begin), **row}
    sums.tell(text)


def _column(match: re.Match[str]) -> str:
    labels = dict(_LABEL.findall(match["labels"] or ""))
    return match["name"] + "".join(f"_{value}" for _, value in sorted(labels.items()))
