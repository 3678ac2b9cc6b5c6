"""The readings of a counter, gathered into a few dozen cells that a line can go through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Readings = NDArray[np.float64]

MOST_BLOCKS = 12
FEWEST_BLOCKS = 6  # a staircase of fewer steps is none
MOST_CELLS = 60  # a fit's cost grows with their cube; what 60 cells cannot tell, 120 cannot
MOST_MINIMA = 24  # of cells of 5 readings or more: a minimum of fewer is a reading
READINGS_A_MINIMUM = 5
ENOUGH_FOR_MINIMA = 40
ENOUGH_FOR_FEW = 120
FEW_MINIMA = 12
ENOUGH_OF_ANY = 60  # readings, for cells of all of them


@dataclass(frozen=True)
class View:
    """Cells of readings: ``times`` (s) and ``values`` (units), shape (cells,)."""

    times: Readings
    values: Readings


def views(times: Readings, values: Readings, settled: NDArray[np.bool_] | None) -> list[View]:
    """Every way of gathering ``values`` that its number of readings allows.

    ``settled`` marks readings right after a collection, None if every reading is as good.
    """
    use = np.ones(times.size, bool) if settled is None else settled
    t, y = times[use], values[use]
    out = [_medians(t, y)]
    if t.size >= ENOUGH_FOR_MINIMA:
        out.append(_minima(t, y, min(t.size // READINGS_A_MINIMUM, MOST_MINIMA)))
    if t.size >= ENOUGH_FOR_FEW:
        out.append(_minima(t, y, FEW_MINIMA))
    if settled is not None and times.size >= ENOUGH_OF_ANY:
        out.append(_medians(times, values))
    return out


def _cells(t: Readings, count: int) -> list[NDArray[np.intp]]:
    """The indices of the readings in each of ``count`` equal cells of time; empty cells are left out."""
    cell = np.minimum(((t - t[0]) / (t[-1] - t[0]) * count).astype(np.intp), count - 1)
    return np.split(np.arange(t.size), np.flatnonzero(np.diff(cell)) + 1)


def _medians(t: Readings, y: Readings) -> View:
    if t.size <= MOST_CELLS:
        return View(t, y)
    cells = _cells(t, MOST_CELLS)
    return View(
        np.array([t[cell].mean() for cell in cells]),
        np.array([np.median(y[cell]) for cell in cells]),
    )


def _minima(t: Readings, y: Readings, count: int) -> View:
    """The lowest reading of each cell, against the trend: of a rising counter, the lowest reading as such
    would always be the cell's first. Two passes: the second reads against the line of the first."""
    cells = _cells(t, count)
    slope = 0.0
    for _ in range(2):
        level = y - slope * (t - t[0])
        lowest = np.array([cell[level[cell].argmin()] for cell in cells])
        slope = float(np.polyfit(t[lowest] - t[0], y[lowest], 1)[0])
    level = y - slope * (t - t[0])
    lowest = np.array([cell[level[cell].argmin()] for cell in cells])
    middles = np.array([t[cell].mean() for cell in cells])
    return View(middles, level[lowest] + slope * (middles - t[0]))


def equal_blocks(t: Readings, start: float, stop: float) -> NDArray[np.intp] | None:
    """The block of each reading, shape of ``t``: the most equal blocks, 12 to 6, that leave none empty. None
    if there are fewer."""
    if stop <= start:
        return None
    for count in range(MOST_BLOCKS, FEWEST_BLOCKS - 1, -1):
        block = np.minimum(((t - start) / (stop - start) * count).astype(np.intp), count - 1)
        if np.unique(block).size == count:
            return block
    return None
