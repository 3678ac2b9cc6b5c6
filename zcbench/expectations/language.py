"""The expectation language: "pool.hit_rate >= 90%", "p99(latency, last=5m) < 20ms", "rss < 1 GiB for=30s".

::

    expectation = term OP value ["for=" TIME]
    term        = NAME ["." STATISTIC] {"," WINDOW}  |  STATISTIC "(" NAME {"," WINDOW} ")"
    WINDOW      = "last=" TIME | "first=" TIME | "from=" TIME | "to=" TIME
    OP          = "<" | "<=" | ">" | ">=" | "==" | "!="

A NAME is any metric of the registry, without its unit where that is clear, or one of :data:`DERIVED` or
:data:`HISTOGRAMS`. A gauge without a statistic is meant at every sample; a total at the end, or its
increase in the window.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from zcbench.quantities import registry
from zcbench.quantities.registry import METRICS, TIMINGS
from zcbench.quantities.units import (
    UnitError,
    format_bytes,
    format_duration,
    parse_duration,
    parse_growth,
    parse_rate,
    parse_size,
)

Unit = Literal["bytes", "s", "ratio", "count", "per_s", "bytes_per_s"]
Kind = Literal["gauge", "total", "ratio", "histogram"]

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
PERCENTILES = ("p50", "p90", "p99", "p99.9", "max")
KEPT_PER_SAMPLE = ("p50", "p99", "max")  # of delivery latency and hold time, in samples.csv
_STATISTICS: Mapping[Kind, tuple[str, ...]] = {
    "gauge": ("max", "min", "mean", "last", "delta", "slope"),
    "total": ("last", "delta", "rate"),
    "ratio": ("mean",),
    "histogram": PERCENTILES,
}


class ExpectationError(ValueError):
    """An expectation that cannot be understood, or cannot come true; says what would be right."""


@dataclass(frozen=True)
class Quantity:
    """Something an expectation can name. ``column`` is its column in the samples, or its histogram."""

    name: str
    kind: Kind
    unit: Unit
    column: str
    scale: float  # of the column's numbers, to s, bytes, 1/s or 1
    meaning: str


@dataclass(frozen=True)
class Parsed:
    """An expectation, understood. Times in s; ``limit`` in the unit of what is compared."""

    text: str
    quantity: Quantity
    statistic: str | None
    operator: str
    limit: float
    unit: Unit
    last_s: float | None = None
    first_s: float | None = None
    from_s: float | None = None
    to_s: float | None = None
    for_s: float = 0.0

    @property
    def windowed(self) -> bool:
        """Whether it is about a part of the run."""
        return any(t is not None for t in (self.last_s, self.first_s, self.from_s, self.to_s))

    def holds(self, value: float) -> bool:
        """Whether ``value``, in ``unit``, is as expected."""
        return OPERATORS[self.operator](value, self.limit)


def _unit_of(unit: str) -> tuple[Unit, float]:
    match unit:
        case "bytes":
            return "bytes", 1.0
        case "ns":
            return "s", 1e-9
        case "s":
            return "s", 1.0
        case "packets/s":
            return "per_s", 1.0
    return "count", 1.0


def _quantities() -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for metric in METRICS:
        unit, scale = _unit_of(metric.unit)
        kind: Kind = "total" if metric.cumulative else "gauge"
        found[metric.name] = Quantity(metric.name, kind, unit, metric.column, scale, metric.meaning)
    for timing in TIMINGS:
        short = timing.name.removesuffix("_ns")
        found[short] = Quantity(short, "histogram", "s", timing.name, 1e-9, timing.meaning)
    for name, unit, column, meaning in DERIVED:
        kind = "ratio" if unit == "ratio" else "gauge"
        found[name] = Quantity(name, kind, unit, column, 1.0, meaning)
    return found


DERIVED: tuple[tuple[str, Unit, str, str], ...] = (
    ("pool.hit_rate", "ratio", "hit_rate", "hits / (hits + misses)"),
    ("cpu", "ratio", "cpu", "CPU time of the subject, as a share of one core"),
    ("missing", "count", "missing", "packets due and not delivered"),
)
QUANTITIES: Mapping[str, Quantity] = _quantities()
_SHORT = {
    **registry.ALIASES,
    "latency": "delivery",
    "hit_rate": "pool.hit_rate",
}
ALIASES: Mapping[str, str] = {
    **{re.sub(r"_(bytes|ns|s)$", "", n): n for n in QUANTITIES if re.search(r"_(bytes|ns|s)$", n)},
    **{n.partition(".")[2]: n for n in QUANTITIES if n.startswith(("consumer.", "engine."))},
    **_SHORT,
}


def parse(text: str) -> Parsed:
    """What ``text`` expects. Raises ExpectationError."""
    match = re.fullmatch(r"\s*(.+?)\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*", text, re.DOTALL)
    if match is None:
        raise ExpectationError(f"{text!r}: no comparison; write pool.hit_rate >= 90%")
    left, sign, right = match.groups()
    value, times = _trailing(text, right)
    term, inside = _term(text, left)
    quantity, statistic = _named(text, term)
    if set(times) & set(inside):
        raise ExpectationError(f"{text!r}: {sorted(set(times) & set(inside))[0]}= is there twice")
    times |= inside
    unit = _compared_unit(quantity, statistic)
    found = Parsed(
        text=" ".join(text.split()),
        quantity=quantity,
        statistic=statistic,
        operator=sign,
        limit=_value(text, quantity, unit, value),
        unit=unit,
        last_s=times.get("last"),
        first_s=times.get("first"),
        from_s=times.get("from"),
        to_s=times.get("to"),
        for_s=times.get("for", 0.0),
    )
    _check(found)
    return found


def _trailing(text: str, right: str) -> tuple[str, dict[str, float]]:
    value, *rest = re.split(r"\s+for\s*=", right, maxsplit=1)
    return value.strip(), ({"for": _time(text, "for", rest[0])} if rest else {})


def _time(text: str, name: str, value: str) -> float:
    try:
        return float(parse_duration(value, zero=name in ("from", "to")))
    except UnitError as error:
        raise ExpectationError(f"{text!r}: {name}=: {error}") from error


def _term(text: str, left: str) -> tuple[str, dict[str, float]]:
    """ "p99(latency, last=5m)" or "latency.p99, last=5m" as "latency.p99" and its windows."""
    match = re.fullmatch(r"([\w.]+)\s*\((.*)\)", left, re.DOTALL)
    function, arguments = match.groups() if match else ("", left)
    name, *options = (part.strip() for part in arguments.split(","))
    times: dict[str, float] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or key.strip() not in ("last", "first", "from", "to", "for"):
            raise ExpectationError(
                f"{text!r}: {option!r} is no window; write last=5m, first=1m, from=10s or to=20s"
            )
        if key.strip() in times:
            raise ExpectationError(f"{text!r}: {key.strip()}= is there twice")
        times[key.strip()] = _time(text, key.strip(), value)
    return f"{name}.{function}".rstrip("."), times


def _named(text: str, term: str) -> tuple[Quantity, str | None]:
    """The quantity and the statistic in ``term``: the longest name that is one."""
    parts = term.split(".")
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        quantity = QUANTITIES.get(name) or QUANTITIES.get(ALIASES.get(name, ""))
        if quantity is not None:
            return quantity, _statistic(text, quantity, ".".join(parts[count:]))
    known = [*QUANTITIES, *ALIASES]
    near = difflib.get_close_matches(term, known, 3, 0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "`zcbench metrics` lists what there is"
    raise ExpectationError(f"{text!r}: no metric {term!r}; {hint}")


def _statistic(text: str, quantity: Quantity, statistic: str) -> str | None:
    known = _STATISTICS[quantity.kind]
    if quantity.unit != "bytes":  # low-water marks are a rule about memory
        known = tuple(s for s in known if s != "slope")
    if statistic in known:
        return statistic
    if not statistic:
        if quantity.kind == "histogram":
            raise ExpectationError(f"{text!r}: which value of {quantity.name}? Write {quantity.name}.p99")
        return None
    near = difflib.get_close_matches(statistic, known, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ExpectationError(
        f"{text!r}: {quantity.name} has no {statistic!r}; {hint}there are {', '.join(known)}"
    )


def _compared_unit(quantity: Quantity, statistic: str | None) -> Unit:
    if statistic not in ("slope", "rate"):
        return quantity.unit
    match quantity.unit:
        case "bytes":
            return "bytes_per_s"
        case "s":
            return "ratio"  # seconds in a second: the share of the time
    return "per_s"


_WRITE: Mapping[Unit, str] = {
    "bytes": "bytes: write 64 MiB",
    "s": "a time: write 20ms",
    "ratio": "a share: write 90%",
    "count": "a number without a unit",
    "per_s": "a rate: write 100/s",
    "bytes_per_s": "a growth: write 1 MiB/h",
}


def _value(text: str, quantity: Quantity, unit: Unit, value: str) -> float:
    try:
        match unit:
            case "bytes":
                return 0.0 if value == "0" else float(parse_size(value))
            case "s":
                return float(parse_duration(value, zero=True))
            case "bytes_per_s":
                return 0.0 if value == "0" else float(parse_growth(value))
            case "per_s":
                return 0.0 if value == "0" else parse_rate(value)
            case "ratio":
                return float(value[:-1]) / 100 if value.endswith("%") else float(value)
            case "count":
                return float(value.replace(",", "").replace("_", ""))
    except ValueError as error:
        wrong = f"{text!r}: {value!r} cannot be compared with {quantity.name}, which is {_WRITE[unit]}"
        raise ExpectationError(wrong) from error


def _check(found: Parsed) -> None:
    """What can never fail, or never hold, is a mistake: the first one is raised."""
    for rule in _MISTAKES:
        if (mistake := rule(found)) is not None:
            raise ExpectationError(f"{found.text!r}: {mistake}")


def _no_number(found: Parsed) -> str | None:
    return None if math.isfinite(found.limit) else "not a finite number"


def _beyond_all(found: Parsed) -> str | None:
    limit, sign = found.limit, found.operator
    if found.quantity.name != "pool.hit_rate" or limit < 1 or (limit == 1 and sign not in (">", "<=")):
        return None
    return "a hit rate is at most 100%; write >= 99%"


def _no_whole_number(found: Parsed) -> str | None:
    if found.operator not in ("==", "!=") or not found.limit % 1 or not _is_whole(found):
        return None
    return f"{found.quantity.name} is a whole number"


def _below_zero(found: Parsed) -> str | None:
    limit, sign = found.limit, found.operator
    if found.statistic in ("slope", "delta") or found.quantity.name == "missing":
        return None
    if limit < 0 or (limit == 0 and sign == "<"):
        return f"{found.quantity.name} is never below 0; write == 0"
    return "that always holds; write > 0" if limit == 0 and sign == ">=" else None


def _windows(found: Parsed) -> str | None:
    """One window, and one that has an inside."""
    ways = [found.last_s, found.first_s, found.from_s if found.from_s is not None else found.to_s]
    if sum(way is not None for way in ways) > 1:
        return "one window: last=, first=, or from= and to="
    if found.to_s is not None and found.to_s <= (found.from_s or 0.0):
        return "to= must be after from= (the start without it)"
    return None


def _not_kept(found: Parsed) -> str | None:
    if not found.windowed or found.quantity.kind != "histogram":
        return None
    kept = found.quantity.column in ("delivery_ns", "hold_ns") and found.statistic in KEPT_PER_SAMPLE
    return None if kept else "of a part of a run only p50, p99 and max of latency and hold are kept"


def _not_of_samples(found: Parsed) -> str | None:
    if not found.for_s or per_sample(found):
        return None
    return "for= needs something that each sample has a value of"


_MISTAKES = (
    _no_number,
    _beyond_all,
    _no_whole_number,
    _below_zero,
    _windows,
    _not_kept,
    _not_of_samples,
)


def _is_whole(found: Parsed) -> bool:
    return found.unit == "count" and found.statistic != "mean"


def per_sample(found: Parsed) -> bool:
    """Whether each sample by itself says if it holds: what a running run can be stopped by."""
    quantity, statistic = found.quantity, found.statistic
    if quantity.kind == "histogram":
        return quantity.column in ("delivery_ns", "hold_ns") and statistic in KEPT_PER_SAMPLE
    return statistic in (None, "last") and quantity.column != "cpu"


def longest_s(found: Parsed) -> float:
    """How long a run must be for its window, s."""
    return max(found.last_s or 0, found.first_s or 0, found.from_s or 0, found.to_s or 0, found.for_s)


def show(value: float, unit: Unit) -> str:
    """A value as a person writes it."""
    match unit:
        case "bytes":
            return format_bytes(value)
        case "s":
            return format_duration(value)
        case "ratio":
            return f"{value * 100:.4g} %"
        case "bytes_per_s":
            return f"{format_bytes(value * 3600)}/h"
        case "per_s":
            return f"{value:,.4g}/s"
    return f"{value:,.6g}"
