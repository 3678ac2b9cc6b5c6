"""Rows that stand newest first, as databases and dashboards show them: turned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice, pairwise
from typing import TypeVar

from zcbench.importers.clocks import Moment
from zcbench.record.writer import RecordError

T = TypeVar("T")
LOOKED_AT = 200  # rows by which the order is told
LEAST_BACK = 0.9  # of their steps, that go back in time
LEAST_LEAP = 10  # times the two steps around a row, that a wrong time lies ahead; less is a clock put back
MOST_HELD = 1_000_000  # rows that are turned in memory: a day of 10 a second


def oldest_first(
    rows: Iterator[tuple[T, Moment]], note: Callable[[T, str], None]
) -> Iterator[tuple[T, Moment]]:
    """``rows`` as they are, or turned if nearly every step of the first ones goes back in time.

    Raises RecordError for too many to turn.
    """
    first = list(islice(rows, LOOKED_AT))
    steps = [now.seconds - last.seconds for (_, last), (_, now) in pairwise(first)]
    moved = [step for step in steps if step]
    # One step back may be a clock that was put back, two a time of day past midnight.
    if len(moved) < 3 or sum(step < 0 for step in moved) < LEAST_BACK * len(moved):
        yield from chain(first, rows)
        return
    note(first[0][0], "the newest row stands first; read from the end")
    held = first + list(islice(rows, MOST_HELD - len(first)))
    if next(rows, None) is not None:
        raise RecordError(
            f"the newest of more than {MOST_HELD:,} rows stands first: turn the file (tac) before"
        )
    yield from reversed(held)


def _leaps(before: float, now: float, after: float) -> bool:
    """Whether only the middle one of three times is wrong: far ahead of both, which are in order."""
    return before <= after and now - after > LEAST_LEAP * (after - before)


def without_leaps(
    rows: Iterator[tuple[T, Moment]], note: Callable[[T, str], None]
) -> Iterator[tuple[T, Moment]]:
    """``rows``, of which one alone that lies ahead of the next gets a time between its neighbours'."""
    before: Moment | None = None
    held: tuple[T, Moment] | None = None
    for row, moment in rows:
        if held is not None:
            late = held[1]
            if before is not None and _leaps(before.seconds, late.seconds, moment.seconds):
                ahead = late.seconds - moment.seconds
                note(held[0], f"this time lies {ahead:,.6g} s ahead of the next; put between")
                late = replace(late, seconds=(before.seconds + moment.seconds) / 2)
            yield held[0], late
            before = late
        held = (row, moment)
    if held is not None:
        yield held
