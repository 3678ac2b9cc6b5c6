"""A list, as its reader wants it: a table on a terminal, a line an entry in a pipe, JSON for a program."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from zcbench.foreign import one_line

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One column: the ``key`` of its values in a row, and the ``title`` over them on a terminal.

    The value of the key ``also`` stands behind each in brackets, where there is one.
    """

    key: str
    title: str
    right: bool = False
    also: str | None = None

    def text(self, row: Row) -> str:
        """The value as it is printed: nothing for what is missing, a list with commas between."""
        text = _text(row.get(self.key))
        more = _text(row.get(self.also)) if self.also is not None else ""
        return f"{text} ({more})" if more else text


def _text(value: object) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return one_line(str(value))


def show_list(columns: Sequence[Column], rows: Sequence[Row], as_json: bool = False) -> None:
    """Print ``rows`` on stdout; JSON has all that is in them, the others what ``columns`` name.

    In a pipe columns are apart by two spaces at least, without titles, and nothing is ever cut.
    """
    if as_json:
        click.echo(json.dumps([dict(row) for row in rows], indent=2))
    elif rows and _is_terminal():
        _print_table(columns, rows)
    else:
        lines = [[column.text(row) for column in columns] for row in rows]
        click.echo("".join(f"{line}\n" for line in _aligned(columns, lines)), nl=False)


def _is_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def _aligned(columns: Sequence[Column], lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column.right else cell.ljust(width)
            for column, cell, width in zip(columns, line, widths, strict=True)
            if width
        ).rstrip()
        for line in lines
    ]


def _print_table(columns: Sequence[Column], rows: Sequence[Row]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[column.text(row) for column in columns] for row in rows]
    used = [at for at in range(len(columns)) if any(line[at] for line in cells)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for at in used:
        column = columns[at]
        # A name is what gets copied: it is the last to be broken.
        table.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=at == used[0],
        )
    for line in cells:
        table.add_row(*(Text(line[at]) for at in used))
    Console().print(table)
