"""Laws as text: "pool.captured == pool.returns + pool.in_flight".

::

    law      = sum ("==" | "<=" | ">=") sum
    sum      = product {("+" | "-") product}
    product  = factor {"*" factor}
    factor   = NUMBER | NAME | "-" factor | "(" sum ")"
    NAME     = word {"." word}, a word being letters, digits, "_" and ":" without a digit in front

A law speaks of quantities by their names. It is evaluated over single readings (Python's integers: exact), over
whole columns (arrays), and over ranges, which say what a law's difference can be while its terms move::

    law = parse_law("pool.captured == pool.returns + pool.in_flight")
    law.difference({"pool.captured": 10, "pool.returns": 7, "pool.in_flight": 3})  # 0
    law.holds(0)  # True
"""

from __future__ import annotations

import difflib
import functools
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

# Both stay far below Python's own limit of calls: a page's laws are somebody else's text.
LONGEST_LAW = 500  # characters: at most 250 terms
DEEPEST_LAW = 50  # brackets and signs within each other
LARGEST_NUMBER = 2**64  # no counter is larger
NAMES_SHOWN = 20  # in an error: a screen's worth

Relation = Literal["==", "<=", ">="]
_RELATIONS: dict[str, Relation] = {"==": "==", "<=": "<=", ">=": ">="}
_Operator = Literal["+", "-", "*"]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)(?![\w.:])"
    r"|(?P<name>[A-Za-z_][\w:]*(?:\.\w[\w:]*)*)|(?P<sign>==|<=|>=|[-+*()])|(?P<wrong>\S+))",
    re.ASCII,
)


class LawError(ValueError):
    """A law that cannot be understood, or names what is not there; says what would be right."""


@dataclass(frozen=True)
class Constant:
    """A number."""

    value: int | float


@dataclass(frozen=True)
class Name:
    """A quantity."""

    name: str


@dataclass(frozen=True)
class Operation:
    """``left operator right``."""

    operator: _Operator
    left: Expression
    right: Expression


Expression = Constant | Name | Operation


@dataclass(frozen=True)
class ParsedLaw:
    """A law, understood: ``left relation right``. ``text`` is how it was written."""

    text: str
    left: Expression
    relation: Relation
    right: Expression

    @property
    def names(self) -> tuple[str, ...]:
        """Every quantity that it speaks of, once, in its order."""
        return tuple(dict.fromkeys((*names_in(self.left), *names_in(self.right))))

    def named(self, full: Callable[[str], str]) -> ParsedLaw:
        """The same law with each name replaced by what ``full`` makes of it: "engine.drops" of "drops"."""
        return replace(self, left=_renamed(self.left, full), right=_renamed(self.right, full))

    def require(self, known: Iterable[str]) -> None:
        """Raise LawError if it names a quantity that is not in ``known``, with the nearest that are."""
        there = list(dict.fromkeys(known))
        for name in self.names:
            if name not in there:
                raise LawError(f"law {self.text!r}: nothing is named {name!r}; {_hint(name, there)}")

    def difference(self, values: Mapping[str, Any]) -> Any:
        """Left minus right: of numbers a number, of arrays an array (NaN where one of its readings is).

        None if a quantity is None or absent: a law whose terms are not all read is neither kept nor broken.
        """
        if any(values.get(name) is None for name in self.names):
            return None
        try:
            return value_of(self.left, values) - value_of(self.right, values)
        except OverflowError:  # a product of integers beyond every float, together with a fraction
            return math.nan

    def differences(self, low: Mapping[str, Any], high: Mapping[str, Any]) -> tuple[Any, Any] | None:
        """The least and the most that left minus right can be while each quantity is anything from ``low`` to
        ``high``; None if one is not read. It is the slack of a row whose counters were read one after another.
        (Interval arithmetic: exact where a quantity is named once, else wide, never narrow.)
        """
        if any(bounds.get(name) is None for name in self.names for bounds in (low, high)):
            return None
        (left_low, left_high), (right_low, right_high) = (
            _range(side, low, high) for side in (self.left, self.right)
        )
        return left_low - right_high, left_high - right_low

    def holds(self, difference: Any, slack: Any = 0) -> Any:
        """Whether left minus right is as the relation says, give or take ``slack``. NaN never holds."""
        match self.relation:
            case "==":
                return abs(difference) <= slack
            case "<=":
                return difference <= slack
            case ">=":
                return difference >= -slack

    def can_hold(self, differences: tuple[Any, Any]) -> Any:
        """Whether some difference of that range, as :meth:`differences` gives it, is as the relation says."""
        least, most = differences
        match self.relation:
            case "==":
                return (least <= 0) & (most >= 0)
            case "<=":
                return least <= 0
            case ">=":
                return most >= 0


def parse_law(text: str) -> ParsedLaw:
    """Understand ``text``. Raises LawError, which names the text, the place and what would be right."""
    if len(text) > LONGEST_LAW:
        raise LawError(f"law {text[:40]!r}...: {len(text):,} characters; at most {LONGEST_LAW:,}")
    return _Parser(text).law()


def parse_expression(text: str) -> Expression:
    """Understand a sum without a relation. Raises LawError."""
    if len(text) > LONGEST_LAW:
        raise LawError(f"{text[:40]!r}...: {len(text):,} characters; at most {LONGEST_LAW:,}")
    return _Parser(text).expression()


class _Parser:
    """Recursive descent over the tokens of one law."""

    def __init__(self, text: str) -> None:
        self._text, self._depth, self._at = text, 0, 0
        self._tokens: list[tuple[str, str]] = []
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup or "wrong"
            if kind == "wrong":
                raise self._error(_remedy(match[kind]))
            self._tokens.append((kind, match[kind]))

    def law(self) -> ParsedLaw:
        """The whole text."""
        left = self._sum()
        relation = self._relation()
        right = self._sum()
        if self._at < len(self._tokens):
            extra = self._tokens[self._at][1]
            more = extra in _RELATIONS
            raise self._error(
                "two relations; write two laws" if more else f"{extra!r} where + - or * belongs, or the end"
            )
        law = ParsedLaw(self._text, left, relation, right)
        if not law.names:
            raise self._error("names no quantity")
        return law

    def expression(self) -> Expression:
        """The whole text, which has no relation."""
        found = self._sum()
        if self._at < len(self._tokens):
            raise self._error(f"{self._tokens[self._at][1]!r} where + - or * belongs, or the end")
        return found

    def _relation(self) -> Relation:
        token = self._next("== or <= or >=")
        if token not in _RELATIONS:
            raise self._error(f"{token!r} where ==, <= or >= belongs")
        return _RELATIONS[token]

    def _sum(self) -> Expression:
        return self._chain(("+", "-"), lambda: self._chain(("*",), self._factor))

    def _chain(self, operators: tuple[_Operator, ...], operand: Callable[[], Expression]) -> Expression:
        left = operand()
        while self._at < len(self._tokens) and (sign := self._tokens[self._at][1]) in operators:
            self._at += 1
            left = Operation(sign, left, operand())
        return left

    def _factor(self) -> Expression:
        kind, token = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        self._next("a number or a name")
        if kind == "number":
            if (number := _number(token)) > LARGEST_NUMBER:
                raise self._error(f"{token} is more than any counter holds")
            return Constant(number)
        if kind == "name":
            return Name(token)
        if token not in ("-", "("):
            raise self._error(f"{token!r} where a number or a name belongs")
        self._depth += 1
        if self._depth > DEEPEST_LAW:
            raise self._error(f"more than {DEEPEST_LAW} brackets and signs within each other")
        if token == "-":
            inner: Expression = Operation("-", Constant(0), self._factor())
        else:
            inner = self._sum()
            if (closing := self._next("a closing bracket")) != ")":
                raise self._error(f"{closing!r} where a closing bracket belongs")
        self._depth -= 1
        return inner

    def _next(self, wanted: str) -> str:
        if self._at >= len(self._tokens):
            raise self._error(f"ends where {wanted} belongs")
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _error(self, message: str) -> LawError:
        return LawError(f"law {self._text!r}: {message}; a law is A == B + C, with + - * and ==, <=, >=")


def _remedy(token: str) -> str:
    if token[0] == "=":
        return f"{token!r}; for equality write =="
    if token[0] in "<>!":
        return f"{token!r}; write <= or >="
    if token[0] == "/":
        return "no division: multiply the other side"
    return f"{token!r} is no name, no number and no sign"


def _hint(name: str, there: list[str]) -> str:
    near = difflib.get_close_matches(name, there, 3, 0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    if not there:
        return "nothing is measured by name"
    more = f" and {len(there) - NAMES_SHOWN:,} more" if len(there) > NAMES_SHOWN else ""
    return f"there are {', '.join(there[:NAMES_SHOWN])}{more}"


def _number(token: str) -> int | float:
    digits = token.replace("_", "")
    return int(digits) if digits.isdigit() else float(digits)


def names_in(expression: Expression) -> tuple[str, ...]:
    """The quantities in it, in their order, perhaps more than once."""
    match expression:
        case Name(name):
            return (name,)
        case Operation(_, left, right):
            return (*names_in(left), *names_in(right))
    return ()


def _renamed(expression: Expression, full: Callable[[str], str]) -> Expression:
    match expression:
        case Name(name):
            return Name(full(name))
        case Operation(operator, left, right):
            return Operation(operator, _renamed(left, full), _renamed(right, full))
    return expression


def value_of(expression: Expression, values: Mapping[str, Any]) -> Any:
    """Its value: of numbers a number, of arrays an array. Raises KeyError, TypeError for what is missing."""
    match expression:
        case Constant(value):
            return value
        case Name(name):
            return values[name]
        case Operation(operator, left, right):
            a, b = value_of(left, values), value_of(right, values)
            return a + b if operator == "+" else a - b if operator == "-" else a * b


def _range(expression: Expression, low: Mapping[str, Any], high: Mapping[str, Any]) -> tuple[Any, Any]:
    match expression:
        case Constant(value):
            return value, value
        case Name(name):
            return low[name], high[name]
        case Operation(operator, left, right):
            (a, b), (c, d) = _range(left, low, high), _range(right, low, high)
            if operator == "+":
                return a + c, b + d
            if operator == "-":
                return a - d, b - c
            products = (a * c, a * d, b * c, b * d)
            return _extreme(products, least=True), _extreme(products, least=False)


def _extreme(values: tuple[Any, ...], *, least: bool) -> Any:
    """The least or the most: of numbers a number (integers stay exact), of arrays one, elementwise."""
    if any(isinstance(value, np.ndarray) for value in values):
        return functools.reduce(np.minimum if least else np.maximum, values)
    return min(values) if least else max(values)
