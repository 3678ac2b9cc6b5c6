"""Which of somebody else's columns is which metric, and in what unit."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zcbench.files import read_regular
from zcbench.quantities.registry import ALIASES, BY_NAME, METRICS, ON_PAGE, Metric
from zcbench.record.writer import RecordError

# What others call things, beside our own names, columns, and either without its unit.
_ALIASES = {
    **ALIASES,
    "time": "elapsed_s",
    "heap_bytes": "native_heap_bytes",
    "cpu_s": "cpu_user_s",
}
_KIBI = {unit: 1024.0**n for n, unit in enumerate(("kib", "mib", "gib", "tib"), 1)}
_KILO = {unit: 1000.0**n for n, unit in enumerate(("kb", "mb", "gb", "tb"), 1)}
_BYTES = {"b": 1.0, "bytes": 1.0, **_KIBI, **_KILO}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0}
_UNITS: Mapping[str, Mapping[str, float]] = {
    "bytes": _BYTES,
    "s": _SECONDS,
    "ns": {unit: seconds * 1e9 for unit, seconds in _SECONDS.items()},
}
# Dates and times of day, for elapsed_s alone: their first reading is our 0.
ISO = "iso"
_CLOCKS = {ISO: 1.0, "unix": 1.0, "unix_ms": 1e-3, "unix_ns": 1e-9}
# What at a name's end can only be a unit: "latency_min" is as likely a minimum, "free_b" a second one.
_SUFFIXES = {*_KIBI, *_KILO, "bytes", "s", "ms", "us", "µs", "ns"}
_FOREIGN_SUFFIXES = {*_SUFFIXES, "percent", "pct"} - {"s"}
LARGEST = 2**63 - 1  # of a total: the page holds 64-bit counters, whose top value means "not measured"


@dataclass(frozen=True)
class Column:
    """Their column ``theirs`` is our ``metric`` after multiplication with ``factor``.

    A ``clock`` ("iso", "unix", ...) tells a date or time of day, of which only differences count.
    """

    metric: Metric
    theirs: str
    factor: float
    clock: str | None = None

    def value(self, cell: Any) -> float:
        """A cell in our unit; of a clock, seconds since 1970. Raises ValueError or TypeError."""
        if self.clock != ISO:
            return float(cell) * self.factor
        moment = datetime.fromisoformat(cell.strip())
        # Without a zone, any will do for differences; the machine's own may change it in mid-run.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def metric_named(name: str) -> Metric:
    """The metric that ``name`` means. Raises RecordError with the nearest names."""
    wanted = _ALIASES.get(name, name)
    for metric in METRICS:
        short = re.sub(r"_(bytes|s|ns)$", "", metric.name)
        if wanted in (metric.name, metric.column, short):
            return metric
    unprefixed = [metric for metric in METRICS if metric.name.partition(".")[2] == wanted]
    if len(unprefixed) == 1:  # "drops" of "engine.drops"
        return unprefixed[0]
    known = [*BY_NAME, *_ALIASES, *(re.sub(r"_(bytes|s|ns)$", "", name) for name in BY_NAME)]
    near = difflib.get_close_matches(name, dict.fromkeys(known), 3, 0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "`zcbench metrics` lists them"
    raise RecordError(f"no metric {name!r}; {hint}")


def columns_of(specs: Iterable[str], theirs: Sequence[str]) -> tuple[Column, ...]:
    """Columns from "OURS=THEIRS[:UNIT]" texts; their columns that have our names are taken as they are.

    Raises RecordError for an unknown name on either side, an unknown unit, or something mapped twice.
    """
    found: dict[str, Column] = {}
    for spec in specs:
        ours, equals, rest = spec.partition("=")
        name, _, unit = rest.rpartition(":") if ":" in rest and rest not in theirs else (rest, "", "")
        name = name.strip() if equals else ours.strip()
        if name not in theirs:
            near = difflib.get_close_matches(name, theirs, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise RecordError(f"--map {spec}: no column {name!r}; {hint}there are {', '.join(theirs)}")
        metric = metric_named(ours.strip())
        if metric.column in found:
            raise RecordError(f"--map {spec}: {metric.name} is mapped twice")
        found[metric.column] = _column(spec, metric, name, unit.strip().lower())
    for name in theirs:
        ours_too = next((m for m in METRICS if name in (m.name, m.column)), None)
        if ours_too is not None and ours_too.column not in found:
            found[ours_too.column] = Column(ours_too, name, 1.0)
    return tuple(found.values())


def _column(spec: str, metric: Metric, theirs: str, unit: str) -> Column:
    units = _UNITS.get(metric.unit, {})
    clocks = _CLOCKS if metric.name == "elapsed_s" else {}
    if unit in clocks:
        return Column(metric, theirs, clocks[unit], unit)
    if unit and unit not in units:
        there = ", ".join([*units, *clocks]) or f"none: {metric.name} is in {metric.unit}"
        raise RecordError(f"--map {spec}: no unit {unit!r} for {metric.name}; there are {there}")
    if unit:
        return Column(metric, theirs, units[unit])
    # heap_mib, latency_ms: the unit many people put at a name's end.
    suffix = theirs.lower().rpartition("_")[2]
    if suffix in _FOREIGN_SUFFIXES and suffix not in units:
        raise RecordError(
            f"--map {spec}: {theirs} looks like {suffix}, {metric.name} is in {metric.unit}"
            + (f"; if it is, say which unit: {metric.name}={theirs}:{metric.unit}" if units else "")
        )
    return Column(metric, theirs, units.get(suffix, 1.0) if suffix in _SUFFIXES else 1.0)


def totals_of(specs: Iterable[str]) -> dict[str, float]:
    """Closing totals from "METRIC=VALUE" texts. Raises RecordError."""
    found: dict[str, float] = {}
    for spec in specs:
        name, equals, text = spec.partition("=")
        try:
            value = float(text.replace(",", "").replace("_", ""))
        except ValueError:
            value = math.nan
        if not equals or not math.isfinite(value):
            raise RecordError(f"--total {spec}: not METRIC=NUMBER, as in pool.hits=10")
        metric = metric_named(name.strip())
        if metric.origin not in ON_PAGE and metric.name not in OWED:
            raise RecordError(
                f"--total {spec}: {metric.name} has no closing total; give it as a column (--map)"
            )
        if not 0 <= value <= LARGEST or value != int(value):
            raise RecordError(f"--total {spec}: {metric.name} is a whole number, 0 or more")
        if metric.name in found:
            raise RecordError(f"--total {spec}: {metric.name} is given twice")
        found[metric.name] = value
    return found


# Totals that lie on no page: they go into the last row.
OWED = ("due",)
_KEYS = ("map", "totals", "name", "slots", "duration", "rate", "ended", "require")


def read_mapping(path: Path) -> dict[str, Any]:
    """A mapping file: tables [map] and [totals], and the flags' names at the top. Raises RecordError."""
    try:
        data = tomllib.loads(read_regular(path).decode("utf-8-sig"))
    except OSError as error:
        raise RecordError(f"--mapping {path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"--mapping {path}: not TOML: {error}") from error
    unknown = sorted(set(data) - set(_KEYS))
    if unknown:
        near = difflib.get_close_matches(unknown[0], _KEYS, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise RecordError(f"--mapping {path}: unknown key {unknown[0]!r}; {hint}there are {', '.join(_KEYS)}")
    for table in ("map", "totals"):
        if not isinstance(data.get(table, {}), dict):
            raise RecordError(f"--mapping {path}: {table} is a table: write [{table}] above its lines")
    return data
