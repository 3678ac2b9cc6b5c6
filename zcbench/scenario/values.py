"""Reading one value by the type of its key."""

from __future__ import annotations

import difflib
import math
import re
import shlex
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from zcbench.quantities.parsing import Duration, Growth, Rate, Size, decode_unit, parse_speed


@dataclass(frozen=True, slots=True)
class Value:
    """A value as given, and where."""

    value: Any
    origin: str  # "file", "default", or the flag or variable
    is_text: bool  # from a flag or variable: read by the type of its key


class Text(str):
    """A value that is kept as text, and may be written as a number."""


class WrongTypeError(ValueError):
    """The value is not of its key's type; the message says of which it is not."""


def convert(key: str, kind: Any, given: Value) -> Any:
    """``given`` as a value of ``kind``. Raises WrongTypeError or UnitError."""
    if get_origin(kind) is Literal:
        return _choice(key, [str(choice) for choice in get_args(kind)], given.value)
    kinds = [k for k in get_args(kind) if k is not types.NoneType]
    if get_origin(kind) is tuple:
        return _list(kinds[0], given)
    if {*kinds} == {str, int}:
        return _name_or_index(given)
    if kinds:  # X | None
        return convert(key, kinds[0], given)
    if kind in (Duration, Size, Rate, Growth):
        return decode_unit(kind, given.value)
    if kind is float and key == "source.speed" and given.is_text:
        return parse_speed(given.value)
    if key == "subject.rate" and isinstance(given.value, str):
        return _events_per_s(given.value)
    return _READ_AS.get(kind, _text)(given)


def _choice(key: str, choices: list[str], value: Any) -> Any:
    if value in choices:
        return value
    noun = key.partition(".")[0] if key.endswith(".kind") else None
    there = f"there are {', '.join(choices)}" if noun else f"use {', '.join(choices)}"
    problem = f"no {noun} {shown(value)}" if noun else f"{shown(value)} is not known"
    raise WrongTypeError(f"{problem}{did_you_mean(str(value), choices)}; {there}")


def _name_or_index(given: Value) -> Any:
    """A device: its index or a part of its name."""
    if given.is_text:
        return int(given.value) if re.fullmatch(r"[0-9]{1,6}", given.value) else given.value
    return _exactly(given.value, (str, int), "a device's name or its index")


def _yes_or_no(given: Value) -> Any:
    if given.is_text and given.value.lower() in BOOLEANS:
        return BOOLEANS[given.value.lower()]
    return _exactly(given.value, (bool,), "true or false")


def _whole_number(given: Value) -> Any:
    value = given.value
    if given.is_text and re.fullmatch(r"[+-]?[0-9]{1,3}(,[0-9]{3})+|[+-]?[0-9_]{1,30}", value):
        value = int(value.replace(",", "").replace("_", "") or -1)
    return _exactly(value, (int,), "a whole number")


def _any_number(given: Value) -> float:
    if given.is_text:
        return _number(given.value)
    return _number(_exactly(given.value, (float, int), "a number"))


def _text(given: Value) -> Any:
    return _exactly(given.value, (str,), "text")


_READ_AS: Mapping[Any, Callable[[Value], Any]] = {
    bool: _yes_or_no,
    int: _whole_number,
    float: _any_number,
    Text: lambda given: str(_exactly(given.value, (str, int, float), "text or a number")),
}


def _list(kind: type, given: Value) -> tuple[Any, ...]:
    """A list of ``kind`` (str or int); as text, words as a shell splits them, numbers with commas too."""
    value = given.value
    if isinstance(value, str):
        try:
            words = value.strip("[] ").replace(",", " ") if kind is int else value
            value = [] if value == NOTHING else shlex.split(words)
        except ValueError as error:
            raise WrongTypeError(f"{shown(value)} cannot be split into words: {error}") from None
        if kind is int:
            value = [int(word) if re.fullmatch(r"[0-9]{1,9}", word) else word for word in value]
    if not isinstance(value, list):
        raise WrongTypeError(f"{shown(value)} is not a list, nor text")
    what = "a whole number" if kind is int else "text"
    return tuple(_exactly(item, (kind,), f"{what}, as every item must be") for item in value)


NOTHING = "none"  # as text, an empty list
BOOLEANS = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip


def _exactly(value: Any, accepted: tuple[type, ...], what: str) -> Any:
    # A bool is an int to Python, and never a number to a person.
    if isinstance(value, accepted) and (bool in accepted or not isinstance(value, bool)):
        return value
    raise WrongTypeError(f"{shown(value)} is not {what}")


def _events_per_s(text: str) -> float:
    """Events a second: "100/s", "90/min", "100". Raises WrongTypeError."""
    match = re.fullmatch(r"([0-9_,.]{1,20})(?: */ *(s|min|h))?", text.strip())
    if match is None:
        raise WrongTypeError(f"{shown(text)} is not a rate; write 100/s")
    return _number(match[1].replace(",", "")) / {"s": 1, "min": 60, "h": 3600}[match[2] or "s"]


def _number(value: str | float) -> float:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise WrongTypeError(f"{shown(value)} is not a finite number")
    return number


def shown(value: Any) -> str:
    """A value as an error echoes it: as TOML would write it, in one short line."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, bool):
        return str(value).lower()
    shown = repr(value) if isinstance(value, str | list | float | int) else str(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def did_you_mean(value: str, choices: Iterable[str]) -> str:
    """ " (did you mean 'tone'?)", or nothing."""
    close = difflib.get_close_matches(value, list(choices), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
