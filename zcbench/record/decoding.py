"""Reading lines and documents that may be damaged: each kind with one error, or one word for "unreadable"."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from zcbench.foreign import brief
from zcbench.record.schema import Event, EventKind
from zcbench.typed import prepared

T = TypeVar("T")

LARGEST_READING = 2.0**64  # a counter's; beyond it the squares of readings would leave float64
# Cheaper than to look at every number; a name may hold as many digits.
_LONG_NUMBER = re.compile(b"[0-9]{20}")
# Ten years: beyond any run, and well below the 1.7e9 s that have passed since 1970.
LONGEST_S = 10 * 365 * 86_400.0


class DamagedError(ValueError):
    """Bytes that are not the JSON they should be; says what is wrong with them."""


def decode(data: bytes | str, kind: type[T]) -> T:
    """The JSON document ``data`` as ``kind``. Raises DamagedError, also for a number that is none of ours."""
    try:
        if _LONG_NUMBER.search(data if isinstance(data, bytes) else data.encode(errors="replace")):
            _check_numbers(msgspec.json.decode(data))
        return msgspec.json.decode(data, type=prepared(kind))
    except RecursionError as error:
        raise DamagedError("nested too deep") from error
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise DamagedError(str(error)) from error


def _check_numbers(document: Any) -> None:
    """Every integer of ``document`` can be made a float and divided. Raises DamagedError."""
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, int) and abs(part) > LARGEST_READING:
            raise DamagedError(f"{brief(str(part), 24)} is larger than any number of a record")


class _Collection(msgspec.Struct):
    pause_ns: float = 0.0


class _Open(msgspec.Struct):
    fds: int | None = None
    threads: int | None = None
    children: int | None = None
    fd_names: list[str] = []
    thread_names: list[str] = []
    child_names: list[str] = []
    fd_counts: dict[str, int] = {}
    thread_counts: dict[str, int] = {}
    child_counts: dict[str, int] = {}


class _Site(msgspec.Struct):
    site: str
    grown_bytes: int
    grown_blocks: int


class _Sites(msgspec.Struct):
    sites: list[_Site] = []


class _Files(msgspec.Struct):
    files: int = 0
    bytes: int = 0
    names: list[str] = []
    whole: bool = True


class _SmallObjects(msgspec.Struct):
    blocks: dict[int, int] = {}  # by the size of their class, bytes


# What is read out of the data of an event of this kind; other kinds' data is nobody's.
_DATA: Mapping[str, type[msgspec.Struct]] = {
    EventKind.GC: _Collection,
    EventKind.RESOURCES: _Open,
    EventKind.SMALL_OBJECTS: _SmallObjects,
    EventKind.TEMPORARY_FILES: _Files,
    EventKind.WRITTEN_FILES: _Files,
    EventKind.ALLOCATIONS: _Sites,
    EventKind.NATIVE_ALLOCATIONS: _Sites,
}


def decode_event(line: bytes | str) -> Event:
    """A line of ``events.jsonl`` or ``worker.jsonl``. Raises DamagedError, also for data unlike its kind's."""
    event = decode(line, Event)
    if not abs(event.elapsed_s) <= LONGEST_S:
        raise DamagedError(f"{event.elapsed_s} s are no time of a run")
    if event.kind in _DATA:
        try:
            msgspec.convert(event.data, prepared(_DATA[event.kind]), str_keys=True)
        except msgspec.ValidationError as error:
            raise DamagedError(str(error)) from error
    return event


_TOO_LARGE = LARGEST_READING.__lt__  # of millions of cells: a function in C


def readings(line: str) -> list[float] | None:
    """The cells of a line of ``samples.csv``, NaN where there is none; None if it cannot be one.

    Our own lines have no quotes, and one that damage has put there must not swallow the lines below it.
    """
    try:
        values = [float(cell) if cell else math.nan for cell in line.split(",")]
    except ValueError:
        return None
    # A NaN passes: to be written out is as good as to be missing.
    return None if any(map(_TOO_LARGE, map(abs, values))) else values
