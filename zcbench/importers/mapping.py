"""Which of somebody else's columns is which metric, and in what unit."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zcbench.files import read_regular
from zcbench.quantities.quantity import Quantity
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.writer import RecordError

IGNORE = "ignore"  # --map ignore=COLUMN: not a quantity, whatever its name says
LARGEST = 2**63 - 1  # of a total: the page holds 64-bit counters, whose top value means "not measured"


@dataclass(frozen=True)
class Spec:
    """One ``--map``: ``text`` as given, our name, their column, and the unit, "" for none."""

    text: str
    ours: str
    theirs: str
    unit: str


def metric_named(name: str) -> Quantity:
    """The metric that ``name`` means. Raises RecordError with the nearest names."""
    found = VOCABULARY.named(name)
    if found is not None and found.is_sampled:
        return found
    unprefixed = [one for one in VOCABULARY.sampled if one.name.partition(".")[2] == name]
    if len(unprefixed) == 1:  # "hits" of "pool.hits"
        return unprefixed[0]
    near = VOCABULARY.near(name, (one.name for one in VOCABULARY.sampled))
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
        if not metric.is_on_page and metric.name not in OWED:
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
