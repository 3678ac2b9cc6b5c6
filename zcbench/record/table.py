"""Somebody else's table, row by row: CSV or JSON Lines, of any tool and language."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from zcbench.record.writer import RecordError

Row = dict[str, Any]
_SNIFFED = 64 * 1024  # characters looked at to tell commas from semicolons and tabs


@dataclass(frozen=True)
class Table:
    """The columns of a file, in their order; :meth:`rows` reads it once more, a row at a time."""

    path: Path
    columns: tuple[str, ...]
    is_json: bool

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Each row with its line number. Raises RecordError for a line that is none."""
        with _open(self.path) as file:
            yield from _json_rows(self.path, file) if self.is_json else _csv_rows(self.path, file)


def open_table(path: Path) -> Table:
    """Look at a file's first rows. Raises RecordError if it is missing, empty, or no table."""
    with _open(path) as file:
        start = file.read(_SNIFFED).lstrip()
    if not start:
        raise RecordError(f"{path}: the file is empty")
    is_json = start[0] in "{["
    table = Table(path, (), is_json)
    first = next(table.rows(), None)
    if first is None:
        raise RecordError(f"{path}: no row of readings below the header")
    return Table(path, tuple(first[1]), is_json)


def _open(path: Path) -> IO[str]:
    try:
        return path.open(encoding="utf-8-sig", errors="replace", newline="")
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error


def _csv_rows(path: Path, file: IO[str]) -> Iterator[tuple[int, Row]]:
    start = file.read(_SNIFFED)
    file.seek(0)
    try:
        dialect: Any = csv.Sniffer().sniff(start, delimiters=",;\t")
    except csv.Error:  # a single column
        dialect = csv.excel
    reader = csv.reader(file, dialect)
    header = [name.strip() for name in next(reader, [])]
    doubled = {name for name in header if header.count(name) > 1}
    if doubled:
        raise RecordError(f"{path}:1: column {sorted(doubled)[0]!r} is there twice; rename one")
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise RecordError(
                f"{path}:{reader.line_num}: {len(cells)} cells, the header has {len(header)}"
            )
        yield reader.line_num, dict(zip(header, cells, strict=True))


def _json_rows(path: Path, file: IO[str]) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise RecordError(f"{path}:{number}: not a JSON line ({error})") from error
        if not isinstance(row, dict):
            raise RecordError(f"{path}:{number}: not an object; JSON Lines has one in each line")
        yield number, row
