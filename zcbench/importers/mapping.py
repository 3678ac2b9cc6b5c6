"""Which of somebody else's columns is which metric, and in what unit."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
IGNORE = "ignore"  # --map ignore=COLUMN: not a quantity, whatever its name says
_KIBI = {unit: 1024.0**n for n, unit in enumerate(("kib", "mib", "gib", "tib"), 1)}
_KILO = {unit: 1000.0**n for n, unit in enumerate(("kb", "mb", "gb", "tb"), 1)}
_KUBERNETES = {unit: 1024.0**n for n, unit in enumerate(("ki", "mi", "gi", "ti"), 1)}
_BYTES = {"b": 1.0, "bytes": 1.0, **_KIBI, **_KILO, **_KUBERNETES, "pages": 4096.0}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "d": 86_400.0}
UNITS: Mapping[str, dict[str, float]] = {
    "bytes": _BYTES,
    "s": _SECONDS,
    "ns": {unit: seconds * 1e9 for unit, seconds in _SECONDS.items()},
}
LARGEST = 2**63 - 1  # of a total: the page holds 64-bit counters, whose top value means "not measured"


@dataclass(frozen=True)
class Spec:
    """One ``--map``: ``text`` as given, our name, their column, and the unit, "" for none."""

    text: str
    ours: str
    theirs: str
    unit: str


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


def parse_spec(spec: str, theirs: Sequence[str]) -> Spec:
    """The parts of "OURS=THEIRS[:UNIT]", or of a name that is both. Raises RecordError for an unknown one."""
    ours, equals, rest = spec.partition("=")
    name, _, unit = rest.rpartition(":") if ":" in rest and rest not in theirs else (rest, "", "")
    name = name.strip() if equals else ours.strip()
    if name not in theirs:
        near = difflib.get_close_matches(name, theirs, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise RecordError(f"--map {spec}: no column {name!r}; {hint}there are {', '.join(theirs)}")
    return Spec(spec, ours.strip(), name, unit.strip())


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
