"""What a foreign format is, and which one a file is written in.

A format is a module in ``zcbench/importers/formats`` whose reader is marked with :func:`reads`, or an entry
point of the group ``zcbench.importers`` that names such a reader::

    @reads("mytool", title="mytool's log", sniff=starts_with(r"mytool \\d"), columns={"mem": "rss_bytes:KiB"})
    def read(text: Text) -> Rows:
        for line, words in ...:
            yield line, {"time": words[0], "mem": words[1]}
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from zcbench import plugins
from zcbench.importers import formats as builtin
from zcbench.importers.text import SEARCHED, Text
from zcbench.record.writer import RecordError

GROUP = "zcbench.importers"
CERTAIN, LIKELY, POSSIBLE = 1.0, 0.8, 0.3  # how sure a format is that it wrote a file's head

# A row's cells by column name; values as written, or numbers. With the line it begins at.
Row = Mapping[str, Any]
Rows = Iterator[tuple[int, Row]]
Head = list[str]
Sniff = Callable[[Head], float]


@dataclass(frozen=True)
class Format:
    """A form of readings, and what is known of its columns.

    ``columns`` maps their column to ours and its unit ("rss_bytes:KiB"), as ``--map`` does. ``labels`` are the
    columns that say whose row it is, ``identity`` those whose change is a restart (a pid, a start time),
    ``deltas`` those that hold what each row added.
    """

    name: str
    title: str
    sniff: Sniff
    read: Callable[[Text], Rows]
    columns: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    deltas: frozenset[str] = frozenset()
    guess: bool = False  # columns that are not in ``columns`` are guessed by their names


def reads(
    name: str,
    title: str,
    sniff: Sniff,
    columns: Mapping[str, str] | None = None,
    labels: tuple[str, ...] = (),
    identity: tuple[str, ...] = (),
    deltas: tuple[str, ...] = (),
    guess: bool = False,
) -> Callable[[Callable[[Text], Rows]], Format]:
    """Make a function that reads a log's rows a :class:`Format`."""

    def made(read: Callable[[Text], Rows]) -> Format:
        return Format(name, title, sniff, read, columns or {}, labels, identity, frozenset(deltas), guess)

    return made


def matching(*patterns: str | re.Pattern[str], confidence: float = CERTAIN) -> Sniff:
    """A sniff that is ``confidence`` sure if a line of the head matches one of ``patterns``."""
    compiled = [re.compile(pattern) for pattern in patterns]

    def sniff(head: Head) -> float:
        found = any(pattern.search(line[:SEARCHED]) for line in head for pattern in compiled)
        return confidence if found else 0.0

    return sniff


@cache
def builtins() -> tuple[Format, ...]:
    """Every format that comes with zcbench, by name."""
    found = []
    for module in pkgutil.iter_modules(builtin.__path__):
        values = vars(import_module(f"{builtin.__name__}.{module.name}")).values()
        found += [value for value in values if isinstance(value, Format)]
    return tuple(sorted({one.name: one for one in found}.values(), key=lambda one: one.name))


def names() -> list[str]:
    """The names that ``--format`` takes."""
    return sorted({one.name for one in builtins()} | set(plugins.names(GROUP)))


def named(name: str) -> Format:
    """The format called ``name``. Raises RecordError with the names there are."""
    for one in builtins():
        if one.name == name:
            return one
    if name in plugins.names(GROUP) or ":" in name:
        try:
            theirs = plugins.load("format", GROUP, name)
        except LookupError as error:
            raise RecordError(f"--format {name}: {error.args[0]}") from error
        if isinstance(theirs, Format):
            return theirs
        raise RecordError(
            f"--format {name}: not a zcbench.importers.format.Format; mark its reader with @reads"
        )
    raise RecordError(f"--format {name}: no such format; there are {', '.join(names())}")


def recognise(text: Text) -> Format:
    """The format that is surest of having written ``text``. Raises RecordError if none is."""
    head = text.head()
    if not any(line.strip() for line in head):
        raise RecordError(f"{text.name}: the file is empty")
    known = list(builtins())
    known += [named(name) for name in plugins.names(GROUP) if name not in {one.name for one in known}]
    confidence, sure = max(((one.sniff(head), one) for one in known), key=lambda found: found[0])
    if confidence <= 0:
        raise RecordError(
            f"{text.name}: no table and no log of a tool that is known (`zcbench ingest --list-formats`); "
            "CSV with a header line and a column of times is always read"
        )
    return sure
