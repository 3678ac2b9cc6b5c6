"""A cell of somebody else's table: a number as people and tools write it, with a unit or without."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

# What tools write where there is no reading (R, pandas, SQL, spreadsheets, docker); NaN is none either.
MISSING = frozenset(
    {"", "?", "*", "na", "n/a", "nan", "null", "nil", "none", "-", "--", "---", "\u2013", "\u2014", "n.a.",
     "unknown", "<unknown>", "inf", "+inf", "-inf", "infinity", "-infinity", "[n/a]", "#n/a",
     "[not supported]", "undefined"}
)  # fmt: skip
_SPACES = "\u00a0\u202f\u2009 '\u2019_"  # between groups of three digits
_NUMBER = re.compile(
    r"\s*[~\u2248<>]?\s*([+\-\u2212]?(?:\d[\d.,'\u2019_\u00a0\u202f\u2009]*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*",
    re.DOTALL,
)
_GROUPED = re.compile(r"(\d) (?=\d{3}(?!\d))")  # "1 234 567 K"
_UNDERSCORED = re.compile(r"[+-]?\d{1,3}(?:_\d{3})+(?:\.\d*)?")  # Python's f"{n:_}"
_UNIT = re.compile(r"[A-Za-z\u00b5\u03bc%/]{1,12}")

_SMALL_UNITS = ("b", "bytes", "k", "kb", "kib", "ko")
POINT, COMMA = ".", ","


@dataclass(frozen=True)
class Number:
    """A cell's number and its unit as written, "" for none."""

    value: float
    unit: str = ""


def is_missing(cell: Any) -> bool:
    """Whether a cell says that there is no reading."""
    if cell is None:
        return True
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return isinstance(cell, float) and not math.isfinite(cell)


def number(cell: Any, decimal: str = POINT) -> Number | None:
    """The number in ``cell``; None for what is none. Of "12MiB / 4GiB" and "5 (3%)" it is the first.

    ``decimal`` is what stands before the fraction; the other of "." and "," then groups digits.
    """
    if isinstance(cell, bool):
        return Number(float(cell))
    if isinstance(cell, int | float):
        try:
            return Number(float(cell))
        except OverflowError:  # JSON's numbers have no end
            return None
    if not isinstance(cell, str):
        return None
    if decimal == POINT:
        try:  # what nearly every cell is
            plain = float(cell)
        except ValueError:
            pass
        else:
            if "_" not in cell:
                return Number(plain)
            if not _UNDERSCORED.fullmatch(cell.strip()):
                return None  # Python's float() takes an "1_2", which is a name
    match = _NUMBER.fullmatch(_GROUPED.sub(r"\1", cell.strip().strip('"')))
    if match is None:
        return None
    value = _value(match[1], decimal)
    # "12M+" is macOS' top's: it grew since the last reading.
    unit = re.split(r"\s*\(|\s", match[2].rstrip("+"), maxsplit=1)[0]
    if value is None or (unit and not _UNIT.fullmatch(unit)):
        return None
    return Number(value, unit)


def _value(digits: str, decimal: str) -> float | None:
    group = COMMA if decimal == POINT else POINT
    plain = digits.replace("\u2212", "-")
    for mark in (group, *_SPACES):
        plain = plain.replace(mark, "")
    try:
        return float(plain.replace(decimal, POINT))
    except ValueError:
        return None


@dataclass
class Style:
    """How a column writes its fractions, learned cell by cell.

    "1,5" and "1.234,5" can only be decimal commas, "1,234,567" and "1,234.5" only groups. "1,234" alone is
    either: other cells of the column tell, and where none does, the table's other columns.
    """

    comma_decides: bool = False
    point_decides: bool = False
    either: bool = False
    grouped_by_point: bool = False  # "81.920", as far as one cell tells
    whole_units: bool = False  # "51,200 K": of such small units nobody writes fractions
    ungrouped: bool = False  # a whole number of four digits or more without a mark: this column groups nothing

    def see(self, cell: str) -> None:
        """Learn from one cell."""
        match = _NUMBER.fullmatch(cell.strip().strip('"'))
        if match is None:
            return
        digits = match[1].lstrip("+-\u2212")
        self.whole_units |= match[2].lower() in _SMALL_UNITS
        commas, points = digits.count(","), digits.count(".")
        if commas and points:
            if digits.rfind(",") > digits.rfind("."):
                self.comma_decides = True
            else:
                self.point_decides = True
        elif commas > 1 or points > 1:
            if commas:
                self.point_decides = True
            else:
                self.comma_decides = True
        elif commas:
            whole, _, rest = digits.partition(",")
            if len(rest) != 3 or not 1 <= len(whole) <= 3 or whole.startswith("0"):
                self.comma_decides = True
            else:
                self.either = True
        elif points:
            whole, _, rest = digits.partition(".")
            if len(rest) != 3 or not 1 <= len(whole) <= 3 or whole == "0":
                self.point_decides = True
            else:
                self.grouped_by_point = True
        elif len(digits) >= 4:
            self.ungrouped = True


def decimal_of(style: Style, table: Style, delimiter: str | None) -> str | None:
    """What stands before a column's fraction; None if the column and the table leave both open.

    ``delimiter`` is the table's: who separates by semicolons writes commas in numbers.
    """
    if style.comma_decides and style.point_decides:
        return None
    for one in (style, table):
        if one.comma_decides != one.point_decides:
            return COMMA if one.comma_decides else POINT
    if not style.either:
        return POINT
    if style.whole_units:
        return POINT
    if style.ungrouped or delimiter == ";":
        return COMMA
    return None if delimiter != "," else POINT
