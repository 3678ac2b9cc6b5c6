"""Somebody else's table, row by row: CSV or JSON Lines, of any tool and language."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from zcbench.files import open_regular
from zcbench.record.writer import RecordError

Row = dict[str, Any]
_DELIMITERS = ",;\t"


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
    """Look at a file's columns. Raises RecordError if it is missing, empty, or no table."""
    with _open(path) as file:
        start = next((line.strip() for line in file if line.strip()), "")
    if not start:
        raise RecordError(f"{path}: the file is empty")
    is_json = start[0] in "{["  # no table of numbers begins so, whatever its name ends with
    table = Table(path, (), is_json)
    first = next(table.rows(), None)
    if first is None:
        raise RecordError(f"{path}: no row of readings below the header")
    # Objects need not be alike: a reading that is taken now and then is missing in the first of them.
    rows = table.rows() if is_json else iter([first])
    return Table(path, tuple(dict.fromkeys(name for _, row in rows for name in row)), is_json)


def _open(path: Path) -> IO[str]:
    try:
        with open_regular(path) as file:
            wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # PowerShell's
        encoding = "utf-16" if wide else "utf-8-sig"
        return path.open(encoding=encoding, errors="replace", newline="")
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error


def _csv_rows(path: Path, file: IO[str]) -> Iterator[tuple[int, Row]]:
    # A quoted name may hold any of them; more of one kind than of the others is what separates.
    first = re.sub(r'"[^"]*"', "", next((line for line in file if line.strip()), ""))
    file.seek(0)
    reader = csv.reader(file, delimiter=max(_DELIMITERS, key=first.count))
    try:
        yield from _cells(path, reader)
    except csv.Error as error:
        raise RecordError(f"{path}:{reader.line_num}: not a CSV line ({error})") from error


def _cells(path: Path, reader: Any) -> Iterator[tuple[int, Row]]:
    named: list[str] = next((cells for cells in reader if any(cell.strip() for cell in cells)), [])
    header = [name.strip() for name in named]
    if header and all(_is_number(name) for name in header):
        raise RecordError(
            f"{path}:{reader.line_num}: no header, only numbers; put the columns' names in the first line"
        )
    doubled = {name for name in header if header.count(name) > 1}
    if doubled:
        raise RecordError(f"{path}:{reader.line_num}: column {sorted(doubled)[0]!r} is there twice; rename one")
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise RecordError(f"{path}:{reader.line_num}: {len(cells)} cells, the header has {len(header)}")
        yield reader.line_num, dict(zip(header, cells, strict=True))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _json_rows(path: Path, file: IO[str]) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{path}:{number}: not a JSON line ({error})") from error
        if not isinstance(row, dict):
            raise RecordError(f"{path}:{number}: not an object; JSON Lines has one in each line")
        yield number, row
