"""The samples of a record: rows of ``samples.csv``, keyed by quantities' names in memory.

A column's name is its quantity's with ``_`` for ``.``. A subject may bring quantities while it runs: then
another header stands between the rows, and holds for those below it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zcbench.quantities.names import ELAPSED_S
from zcbench.quantities.quantity import Quantity
from zcbench.quantities.registry import Registry
from zcbench.record.decoding import LONGEST_S, readings

Samples = dict[str, NDArray[np.float64]]

_TIME = ELAPSED_S


def header_line(quantities: Iterable[Quantity]) -> str:
    """The header for rows of these."""
    return ",".join(one.column for one in quantities)


def header_of(line: str) -> list[str] | None:
    """The columns that ``line`` names if it is a header; None if it is a row, or damaged."""
    columns = line.split(",")
    return columns if columns[0] == _TIME else None


def read_samples(path: Path, quantities: Registry, problems: list[str]) -> Samples:
    """Every sampled quantity's readings, float64 arrays of one length, NaN where one is missing.

    What is missing or damaged is added to ``problems``.
    """
    if not path.is_file():
        problems.append(f"{path.name} is missing: no samples")
        return {one.name: np.empty(0) for one in quantities.sampled}
    lines = path.read_bytes().decode("utf-8", errors="replace").split("\n")
    if lines.pop():
        problems.append(f"{path.name}: the last line is cut off and was left out")
    parts, unreadable = _parts(lines)
    if unreadable:
        problems.append(f"{path.name}: {unreadable} unreadable lines were left out")
    times = _column(parts, _TIME)
    kept = _in_time(times)
    rows = len(times)
    if len(kept) < rows:
        problems.append(f"{path.name}: {rows - len(kept)} lines out of time were left out")
    if not len(kept):
        problems.append(f"{path.name}: no samples")
    # Nearly all columns are empty in most records: they are one array, that nobody may write to.
    empty = np.full(len(kept), np.nan)
    empty.flags.writeable = False
    there = {name for at, _ in parts for name in at}
    return {
        one.name: _column(parts, one.column)[kept] if one.column in there else empty
        for one in quantities.sampled
    }


_ROWS_AT_ONCE = 2**14  # of which a table is made, without its empty columns
_Part = tuple[dict[str, int], NDArray[np.float64]]


def _parts(lines: list[str]) -> tuple[list[_Part], int]:
    """The rows below each header as a table, with its columns' places; and how many lines could not be read."""
    unreadable = 0
    parts: list[_Part] = []
    header: list[str] = lines[0].split(",") if lines else []  # perhaps damaged: its columns are then unknown
    rows: list[list[float]] = []

    def close() -> None:
        table = np.array(rows, dtype=np.float64).reshape(len(rows), len(header))
        filled = np.flatnonzero(~np.isnan(table).all(axis=0))
        parts.append(({header[place]: at for at, place in enumerate(filled)}, table[:, filled]))
        rows.clear()

    for line in lines[1:]:
        cells = readings(line)
        if cells is not None and len(cells) == len(header):
            rows.append(cells)
            if len(rows) == _ROWS_AT_ONCE:
                close()
        elif cells is None and (again := header_of(line)) is not None:
            close()
            header = again
        else:
            unreadable += 1
    close()
    return parts, unreadable


def _column(parts: list[_Part], name: str) -> NDArray[np.float64]:
    """A column over all parts, NaN in those that do not have it."""
    return np.concatenate(
        [table[:, at[name]] if name in at else np.full(len(table), np.nan) for at, table in parts]
    )


def _in_time(times: NDArray[np.float64]) -> NDArray[np.intp]:
    """The rows whose ``times`` can be, and do not go back: without those that stand in the way of more."""
    found = np.flatnonzero((times >= 0) & (times <= LONGEST_S))
    times = times[found]
    late = times == np.minimum.accumulate(times[::-1])[::-1]  # nothing earlier follows
    early = times == np.maximum.accumulate(times)  # nothing later precedes
    kept: NDArray[np.intp] = found[late if late.sum() > early.sum() else early]
    return kept
