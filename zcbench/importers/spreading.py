"""Rows that bear one time, of a log whose clock is coarse: spread over the time until the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median
from typing import TypeVar

from zcbench.importers.clocks import Moment

T = TypeVar("T")
MOST_AT_ONE_TIME = 10_000  # rows that are held back until the next time is known
MOST_TIMES_USUAL = 3.0  # farther apart than so many times the usual is a gap after them, not their pace
RECENT = 21  # spacings of which the usual one is the median


def spread(rows: Iterator[tuple[T, Moment]], note: Callable[[T, str], None]) -> Iterator[tuple[T, Moment]]:
    """``rows`` with times that go on; ``note`` is told of each that was moved."""
    recent: deque[float] = deque(maxlen=RECENT)
    held: list[tuple[T, Moment]] = []
    for row, moment in rows:
        if held and (moment.seconds != held[0][1].seconds or len(held) >= MOST_AT_ONE_TIME):
            yield from _spaced(held, moment.seconds - held[0][1].seconds, recent, note)
            held = []
        held.append((row, moment))
    yield from _spaced(held, 0.0, recent, note)


def _spaced(
    held: list[tuple[T, Moment]], step: float, recent: deque[float], note: Callable[[T, str], None]
) -> Iterator[tuple[T, Moment]]:
    usual = median(recent) if recent else 0.0
    spacing = step / len(held) if held and step > 0 else usual
    if usual and spacing > MOST_TIMES_USUAL * usual:
        spacing = usual
    elif step > 0:
        recent.append(spacing)
    for at, (row, moment) in enumerate(held):
        if at and spacing:
            note(row, f"the time is that of the row before; taken to be {spacing:,.4g} s later")
        yield row, replace(moment, seconds=moment.seconds + at * spacing)
