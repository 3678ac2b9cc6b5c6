"""What a report is made of, whatever it is written in: sections of tables, paragraphs and quoted text.

Every text may come from the record, and is data: who writes it down escapes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Align = Literal["left", "right"]


@dataclass(frozen=True)
class Code:
    """Text as a machine would have it: a file's name, an option."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Text that must not be overlooked."""

    text: str


@dataclass(frozen=True)
class Link:
    """Text that leads to the section with this ``anchor``."""

    text: str
    anchor: str


@dataclass(frozen=True)
class Beside:
    """Text that leads to another report of this format, at ``stem`` (without suffix) from this one."""

    text: str
    stem: str


Span = str | Code | Strong | Link | Beside


@dataclass(frozen=True)
class Paragraph:
    """Some sentences."""

    spans: tuple[Span, ...]


def paragraph(*spans: Span) -> Paragraph:
    """A paragraph of ``spans``, one after the other."""
    return Paragraph(spans)


def with_code(said: str) -> list[Span]:
    """``said``, whose commands stand between backticks."""
    parts = said.split("`")
    return [Code(part) if at % 2 else part for at, part in enumerate(parts) if part]


@dataclass(frozen=True)
class Quoted:
    """Text shown as it is, in a fixed-width font; ``language`` for highlighting."""

    text: str
    language: str = "text"


@dataclass(frozen=True)
class Cell:
    """A table's cell. ``number`` is what it is sorted by, where its text would not do; ``outcome`` is what the
    text says, where it is one ("pass", "warn", ...)."""

    text: str
    number: float | None = None
    is_strong: bool = False
    outcome: str | None = None


@dataclass(frozen=True)
class Column:
    """A table's column; its title is empty in a table of names and values only."""

    title: str
    align: Align = "right"


@dataclass(frozen=True)
class Table:
    """Rows as wide as ``columns``."""

    name: str  # of the table, for those who cannot see where it stands
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def has_titles(self) -> bool:
        """Whether it has a header worth showing."""
        return any(column.title for column in self.columns)


Block = Paragraph | Quoted | Table


@dataclass(frozen=True)
class Section:
    """A part of the report under a heading of its own. ``figures`` are the names of those that belong to it."""

    title: str
    blocks: tuple[Block, ...]
    figures: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """As GitHub derives it from a heading."""
        return re.sub(r"[^\w\- ]", "", self.title.lower()).replace(" ", "-")


def columns(*titles: str) -> tuple[Column, ...]:
    """Columns by their titles: the numbers to the right, and those that begin with "<" to the left."""
    return tuple(
        Column(title.removeprefix("<"), "left" if title.startswith("<") else "right") for title in titles
    )
