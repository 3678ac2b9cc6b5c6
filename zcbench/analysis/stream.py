"""Which samples are the stream: the rows that every figure of it rests on, of our runs and of others'."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zcbench.quantities.names import CALLS_MADE, ELAPSED_S
from zcbench.record.reader import Record
from zcbench.record.schema import GIVEN_TOTALS, Ending, Event, EventKind, Phase

__all__ = ["at_rest", "clock", "closing", "never_began", "settled", "streaming"]


def streaming(record: Record, *, drain: bool = False) -> NDArray[np.bool_]:
    """Rows taken while packets flowed, shape (samples,); with ``drain`` those after it as well.

    Who writes no phase (somebody else's log, a page that was lost) has measured a stream in every row. A
    subject that died while it started has a phase, and no row of a stream.
    """
    phase = record.samples["phase"]
    foreign = record.run.subject.kind == "imported" and not (phase == Phase.RUNNING).any()
    if foreign or not np.isfinite(phase).any():
        return np.ones(phase.shape, bool)
    return np.asarray(phase >= Phase.RUNNING if drain else phase == Phase.RUNNING)


def clock(record: Record) -> NDArray[np.float64]:
    """The time of each sample (s) that a rate of growth is told in, shape (samples,).

    Of a function that is read between its calls they are the clock, at their mean pace: a machine that is slow
    for a while, or a heap that slows down the calls themselves, bends no line.
    """
    elapsed = record.samples[ELAPSED_S]
    made = record.samples.get(CALLS_MADE)
    rows = np.flatnonzero(streaming(record))
    if made is None or not record.can("rest") or rows.size < 2:
        return elapsed
    first, last = rows[0], rows[-1]
    calls, took = made[last] - made[first], elapsed[last] - elapsed[first]
    if not (np.isfinite(made[rows]).all() and calls > 0 and took > 0):
        return elapsed
    return np.asarray(elapsed[first] + (made - made[first]) * (took / calls))


def settled(record: Record) -> NDArray[np.bool_]:
    """Rows whose counters were read while they stood still; all of somebody else's, who does not say."""
    rows = record.samples["settled"]
    if not record.can("worker") and not np.isfinite(rows).any():
        return np.ones(rows.shape, bool)
    return np.asarray(rows == 1)


def at_rest(record: Record) -> bool:
    """Whether the subject had delivered and given back all that it ever would when it was last read.

    Ours has when it ended as planned, somebody else's log by their word. A program says so on its page: that it
    ended when it was asked to says nothing of what it had in its hands.
    """
    if record.can("worker") or not record.can("ending"):
        return record.end.ending is Ending.FINISHED
    return record.says_done


def closing(record: Record, *columns: str) -> bool:
    """Whether the totals of a subject that is not ours are those of the end, when nothing is on the move any
    more: it was at rest; of a log, one row holds all there is, or they were given as totals (as the log's note
    says, or since no more than one row has them)."""
    if at_rest(record):
        return True
    if record.can("ending"):
        return False
    few = record.samples[ELAPSED_S].size <= 1
    given = {name for event in record.events if event.kind == EventKind.NOTE for name in _totals(event)}
    return (
        few
        or given.issuperset(columns)
        or all(np.isfinite(record.samples[column]).sum() <= 1 for column in columns)
    )


def _totals(event: Event) -> list[str]:
    """The names of the closing totals that somebody gave with a log, as its note says."""
    names = (event.data or {}).get(GIVEN_TOTALS)
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def never_began(record: Record) -> bool:
    """Whether samples were taken, and none of them of a stream."""
    rows = streaming(record, drain=True)
    return bool(rows.size) and not bool(rows.any())
