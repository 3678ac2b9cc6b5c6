"""The expectation language: "pool.hit_rate >= 90%", "p99(latency, last=5m) < 20ms", "rss < 1 GiB for=30s".

::

    expectation = term OP value ["for=" TIME]
    term        = NAME ["." STATISTIC] {"," WINDOW}  |  STATISTIC "(" NAME {"," WINDOW} ")"
    WINDOW      = "last=" TIME | "first=" TIME | "from=" TIME | "to=" TIME
    OP          = "<" | "<=" | ">" | ">=" | "==" | "!="

A NAME is any quantity of the registry that a sample or a formula gives, or a histogram; without its unit where
that is clear, or by an alias. A gauge without a statistic is meant at every sample; a total at the end, or its
increase in the window.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zcbench.quantities.parsing import UnitError, parse_duration
from zcbench.quantities.quantity import Kind, Origin, Quantity
from zcbench.quantities.registry import STANDARD, VOCABULARY, Registry
from zcbench.quantities.units import BYTES, SHARE, S, Unit, unit_of

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
    Kind.GAUGE: ("max", "min", "mean", "last", "delta", "slope"),
    Kind.TOTAL: ("last", "delta", "rate"),
    Kind.RATIO: ("mean",),
    Kind.PACE: ("mean",),
    Kind.HISTOGRAM: PERCENTILES,
}


class ExpectationError(ValueError):
    """An expectation that cannot be understood, or cannot come true; says what would be right."""


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

    def shown(self, value: float) -> str:
        """``value`` as a person writes it, told apart from the limit: "98.999 %" where 99 % was asked for."""
        return self.unit.beside(value, self.limit)


def parse(text: str, known: Registry = VOCABULARY, *, own: bool = False) -> Parsed:
    """What ``text`` expects of the quantities in ``known``: a record's own, or all that there may be.

    With ``own`` a dotted name that is not known and looks like none may be one that the subject will bring.
    Raises ExpectationError.
    """
    match = re.fullmatch(r"\s*(.+?)\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*", text, re.DOTALL)
    if match is None:
        raise ExpectationError(f"{text!r}: no comparison; write pool.hit_rate >= 90%")
    left, sign, right = match.groups()
    value, times = _trailing(text, right)
    term, inside = _term(text, left)
    quantity, statistic = _named(text, term, known, value if own else None)
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


def _named(text: str, term: str, known: Registry, own_value: str | None) -> tuple[Quantity, str | None]:
    """The quantity and the statistic in ``term``: the longest name that is one. With ``own_value``, what it is
    compared with, a name may be the subject's own."""
    parts = term.split(".")
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        quantity = known.named(name)
        if quantity is not None and quantity.name in known.expectable:
            return quantity, _statistic(text, quantity, ".".join(parts[count:]))
    if own_value is not None and (own := _of_its_own(term, known, own_value)) is not None:
        return own
    near = known.near(term, known.expectable)
    hint = f"did you mean {', '.join(near)}?" if near else "`zcbench metrics` lists what there is"
    raise ExpectationError(f"{text!r}: no metric {term!r}; {hint}")


def _of_its_own(term: str, known: Registry, value: str) -> tuple[Quantity, str | None] | None:
    """A quantity that only the subject can tell of, taken for what ``value`` compares with; None if ``term``
    cannot be one, or is nearly the name of another."""
    name, _, last = term.rpartition(".")
    statistic = last if last in _STATISTICS[Kind.GAUGE] + _STATISTICS[Kind.TOTAL] else None
    name = term if statistic is None else name
    alike = difflib.get_close_matches(name, [*known.expectable, *known.aliases], 1, ALIKE)
    if "." not in name or alike or not re.fullmatch(r"[A-Za-z]\w*(\.\w+)+", name):
        return None
    units = (BYTES,) if statistic == "slope" else _GUESSED
    unit = next((unit for unit in units if _is_in(_in_unit(unit, statistic), value)), None)
    if unit is None:
        return None
    kind = Kind.TOTAL if statistic == "rate" else Kind.GAUGE
    return Quantity(name, unit, kind, Origin.SUBJECT, "what the subject brings by that name"), statistic


ALIKE = 0.8  # difflib's ratio: "pool.hit" and "pool.hits" have 0.94, "pool.depth" and "pool.slots" 0.6
_GUESSED = (unit_of("count"), SHARE, BYTES, S)


def _is_in(unit: Unit, value: str) -> bool:
    try:
        unit.parse(value)
    except ValueError:
        return False
    return True


def _statistic(text: str, quantity: Quantity, statistic: str) -> str | None:
    known = _STATISTICS[quantity.kind]
    if quantity.unit != BYTES:  # low-water marks are a rule about memory
        known = tuple(s for s in known if s != "slope")
    if statistic in known:
        return statistic
    if not statistic:
        if quantity.kind is Kind.HISTOGRAM:
            raise ExpectationError(f"{text!r}: which value of {quantity.name}? Write {quantity.name}.p99")
        return None
    near = difflib.get_close_matches(statistic, known, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ExpectationError(
        f"{text!r}: {quantity.name} has no {statistic!r}; {hint}there are {', '.join(known)}"
    )


def _compared_unit(quantity: Quantity, statistic: str | None) -> Unit:
    return _in_unit(quantity.unit.base, statistic)


def _in_unit(unit: Unit, statistic: str | None) -> Unit:
    return unit.per_second if statistic in ("slope", "rate") else unit


def _value(text: str, quantity: Quantity, unit: Unit, value: str) -> float:
    try:
        return unit.parse(value)
    except ValueError as error:
        wrong = f"{text!r}: {value!r} cannot be compared with {quantity.name}, which is {unit.written}"
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
    if found.quantity.kind is not Kind.RATIO or limit < 1 or (limit == 1 and sign not in (">", "<=")):
        return None
    return f"{found.quantity.name} is at most 100%; write >= 99%"


def _no_whole_number(found: Parsed) -> str | None:
    if found.operator not in ("==", "!=") or not found.limit % 1 or not _is_whole(found):
        return None
    return f"{found.quantity.name} is a whole number"


def _below_zero(found: Parsed) -> str | None:
    limit, sign = found.limit, found.operator
    if found.statistic in ("slope", "delta") or is_balance(found.quantity):
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
    if not found.windowed or found.quantity.kind is not Kind.HISTOGRAM or kept_as(found) is not None:
        return None
    return "of a part of a run only p50, p99 and max of latency and hold are kept"


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
    return found.unit.counts and found.statistic != "mean"


def per_sample(found: Parsed) -> bool:
    """Whether each sample by itself says if it holds: what a running run can be stopped by."""
    quantity, statistic = found.quantity, found.statistic
    if quantity.kind is Kind.HISTOGRAM:
        return kept_as(found) is not None
    return statistic in (None, "last") and quantity.kind is not Kind.PACE


def kept_as(found: Parsed) -> str | None:
    """The quantity that keeps a histogram's statistic at each sample; None where only the whole run has it."""
    name = f"{found.quantity.name}_{found.statistic}_ns"
    return name if name in STANDARD else None


def is_balance(quantity: Quantity) -> bool:
    """Whether it is what totals differ by: meant at the end, and perhaps below 0 until then."""
    return quantity.kind is Kind.GAUGE and quantity.formula is not None


def longest_s(found: Parsed) -> float:
    """How long a run must be for its window, s."""
    return max(found.last_s or 0, found.first_s or 0, found.from_s or 0, found.to_s or 0, found.for_s)
