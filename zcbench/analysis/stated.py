"""Laws that a subject states on its page, or its user on the command line: whether its numbers keep them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.laws import READING_S
from zcbench.analysis.stream import at_rest
from zcbench.analysis.totals import Totals
from zcbench.quantities.law import LawError, ParsedLaw, parse_law, value_of
from zcbench.quantities.names import ELAPSED_S
from zcbench.record.reader import Record
from zcbench.record.schema import EventKind

# A sample may find a subject in mid-step, on a busy machine for longer than READING_S. In one step at three
# samples running it is not.
SUSTAINED = 3
_ROUNDING = 1e-9  # of the larger side, where a law has fractions

Readings = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Stated:
    """A law held against a record. ``left`` and ``right`` are its sides at the end, None where they were never
    read at one time; ``is_exact`` says that nothing moved then any more, so that they must agree exactly.

    ``samples`` are those at which all of it was read; at ``broken`` of them no moving packet explains what the
    sides differ by, at most ``longest`` times running, from ``from_s`` to ``to_s``, by up to ``worst``. The
    sides may differ by ``slack`` at a sample. ``unknown`` are the quantities that nobody measured.
    """

    law: ParsedLaw
    left: float | None
    right: float | None
    is_exact: bool
    samples: int
    broken: int = 0
    longest: int = 0
    from_s: float = 0.0
    to_s: float = 0.0
    worst: float = 0.0
    slack: float = 0.0
    unknown: tuple[str, ...] = ()

    @property
    def off(self) -> float | None:
        """Left minus right at the end."""
        return None if self.left is None or self.right is None else self.left - self.right

    @property
    def is_broken_at_end(self) -> bool:
        """Whether its sides do not agree though nothing moves any more."""
        if not self.is_exact or self.left is None or self.right is None:
            return False
        whole = self.left == int(self.left) and self.right == int(self.right)
        slack = 0.0 if whole else _ROUNDING * max(abs(self.left), abs(self.right))
        return not self.law.holds(self.left - self.right, slack)

    @property
    def holds(self) -> bool | None:
        """Whether it holds at the end and held at the samples; None where too little was read to say."""
        if self.is_broken_at_end or self.longest >= SUSTAINED:
            return False
        known = self.is_exact and self.off is not None
        return True if known or self.samples >= SUSTAINED else None


def laws_of(record: Record) -> tuple[list[ParsedLaw], list[str]]:
    """The laws that were stated, each once, with full names; and what is wrong with those that are none."""
    texts = list(record.run.scenario.subject.laws)
    for event in record.events:
        laws = event.data.get("laws") if event.kind == EventKind.LAWS else None
        texts += [str(text) for text in laws] if isinstance(laws, list) else []
    found, wrong = [], []
    for text in dict.fromkeys(texts):
        try:
            found.append(parse_law(text).named(lambda name: record.quantities.aliases.get(name, name)))
        except LawError as error:
            wrong.append(str(error))
    return found, wrong


def stated(record: Record, found: Totals) -> list[Stated]:
    """Each law that was stated, over the whole of ``record``."""
    return [_stated(law, record, found) for law in laws_of(record)[0]]


def _stated(law: ParsedLaw, record: Record, found: Totals) -> Stated:
    nowhere = np.full(record.rows, np.nan)
    columns = {name: record.samples.get(name, nowhere) for name in law.names}
    unknown = tuple(
        name for name in law.names if found.get(name) is None and not np.isfinite(columns[name]).any()
    )
    exact = at_rest(record) and not unknown and all(found.get(name) is not None for name in law.names)
    read = np.logical_and.reduce([np.isfinite(values) for values in columns.values()])
    rows = np.flatnonzero(read)
    readings = {name: values[rows] for name, values in columns.items()}
    at_s = record.samples[ELAPSED_S][rows]
    ends: Mapping[str, float | None] = (
        {name: found[name] for name in law.names}
        if exact
        else {name: float(values[-1]) for name, values in readings.items()}
        if rows.size
        else {}
    )
    known = bool(ends)
    first = Stated(
        law,
        left=float(value_of(law.left, ends)) if known else None,
        right=float(value_of(law.right, ends)) if known else None,
        is_exact=exact,
        samples=int(rows.size),
        unknown=unknown,
    )
    return first if not rows.size else _over_samples(first, readings, at_s)


def _over_samples(first: Stated, readings: Readings, at_s: NDArray[np.float64]) -> Stated:
    law = first.law
    moved = {name: _moved(values, at_s) for name, values in readings.items()}
    low = {name: values - moved[name] for name, values in readings.items()}
    high = {name: values + moved[name] for name, values in readings.items()}
    ranges = law.differences(low, high)
    assert ranges is not None  # every row has every term
    off = np.broadcast_to(law.difference(readings), at_s.shape)
    broken = ~np.broadcast_to(np.asarray(law.can_hold(ranges)), at_s.shape) & np.isfinite(off)
    start, length = _longest(broken)
    part = slice(start, start + length)
    slack = np.max(np.broadcast_to(ranges[1] - ranges[0], at_s.shape), initial=0.0) / 2
    return Stated(
        law,
        first.left,
        first.right,
        first.is_exact,
        first.samples,
        broken=int(broken.sum()),
        longest=length,
        from_s=float(at_s[start]) if length else 0.0,
        to_s=float(at_s[start + length - 1]) if length else 0.0,
        worst=float(np.abs(off[part]).max(initial=0.0)),
        slack=float(slack) if np.isfinite(slack) else 0.0,
        unknown=first.unknown,
    )


def _moved(values: NDArray[np.float64], at_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each reading may be from what it was at the row's moment: the counters of a row are not read at
    one moment, and a subject in mid-step has counted half of it."""
    if values.size < 2:
        return np.zeros(values.shape)
    steps = np.abs(np.diff(values))
    pace = steps / np.maximum(np.diff(at_s), READING_S)
    pace = np.maximum(np.append(pace, 0.0), np.append(0.0, pace))
    return np.asarray(np.ceil(pace * READING_S) + (pace > 0))


def _longest(broken: NDArray[np.bool_]) -> tuple[int, int]:
    """Where the longest stretch of True begins, and how long it is."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], broken, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    if not starts.size:
        return 0, 0
    longest = int(np.argmax(ends - starts))
    return int(starts[longest]), int(ends[longest] - starts[longest])
