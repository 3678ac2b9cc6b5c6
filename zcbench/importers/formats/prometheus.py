"""Prometheus: the answer of query_range or query, and the text that an endpoint shows, again and again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from zcbench.importers.blocks import TIME
from zcbench.importers.clocks import Clock
from zcbench.importers.format import CERTAIN, LIKELY, Head, Rows, reads
from zcbench.importers.text import Text
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
# What tells targets apart; other labels name parts of one target.
_TARGET = ("instance", "pod", "container", "namespace", "job", "host", "name")


def _is_answer(head: Head) -> float:
    text = "\n".join(head[:5])[:2000]
    return CERTAIN if '"resultType"' in text else 0.0


@reads(
    "prometheus",
    "Prometheus: answers of /api/v1/query_range",
    _is_answer,
    COLUMNS,
    labels=_TARGET,
    identity=IDENTITY,
    guess=True,
)
def answer(text: Text) -> Rows:
    """A row a target and time; series of several metrics of one target are columns."""
    try:
        data = json.loads(text.whole())["data"]
        result = data["result"]
        if not isinstance(result, list):
            raise TypeError("no result")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordError(f"{text.name}: not an answer of Prometheus ({error})") from error
    rows: dict[tuple[tuple[str, ...], float], dict[str, Any]] = {}
    sums: dict[tuple[tuple[str, ...], float], dict[str, float]] = {}
    for series in result:
        labels = series.get("metric", {})
        target = {name: labels[name] for name in _TARGET if name in labels}
        name = column = str(labels.get("__name__", "value"))
        parts = {k: v for k, v in labels.items() if k != "__name__" and k not in target}
        column += "".join(f"_{value}" for _, value in sorted(parts.items()))
        for at, value in series.get("values") or [series.get("value", (0, None))]:
            key = (tuple(target.values()), float(at))
            rows.setdefault(key, {"time": float(at), **target})[column] = value
            if column != name and name.endswith(_COUNTER) and value is not None:
                of_labels = sums.setdefault(key, {})
                of_labels[name] = of_labels.get(name, 0.0) + float(value)
    # One target after the other: times go on within each.
    for number, key in enumerate(sorted(rows), 1):
        yield number, {**sums.get(key, {}), **rows[key]}


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
    sums: dict[str, float] = {}
    counters: set[str] = set()
    begin = 1
    for number, line in text.short_lines():
        match = _SAMPLE.match(line)
        moment = None if match or line.startswith(("# TYPE", "# HELP")) else Clock().moment(line.lstrip("# "))
        column = None if match is None else _column(match)
        if (typed := _TYPED.match(line)) is not None:
            counters.add(typed["name"])
        if line.startswith("# EOF") or moment is not None or (column is not None and column in row):
            yield begin, {**sums, **row}
            row, sums, begin = {}, {}, number
        if moment is not None:
            row[TIME] = moment
        if match is not None and column is not None:
            name = match["name"]
            row[column] = match["value"]
            if column != name and (name.endswith(_COUNTER) or name in counters):
                sums[name] = sums.get(name, 0.0) + float(match["value"])
            if match["at"] and TIME not in row:
                row[TIME] = float(match["at"]) / (1000.0 if float(match["at"]) > 1e11 else 1.0)
    yield begin, {**sums, **row}


def _column(match: re.Match[str]) -> str:
    labels = dict(_LABEL.findall(match["labels"] or ""))
    return match["name"] + "".join(f"_{value}" for _, value in sorted(labels.items()))
