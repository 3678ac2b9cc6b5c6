"""Somebody else's log whose counters fall silent before its end: what was read says nothing of the rest."""

from __future__ import annotations

import msgspec
import numpy as np

from zcbench.analysis.trend.rule import LONGEST_GAP
from zcbench.quantities.names import ELAPSED_S
from zcbench.quantities.units import clock
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.verdict.checks import by_name

FEWEST_READINGS = 3  # fewer are totals that somebody wrote down, not a counter that was followed


def known_to_the_end(finding: Finding, record: Record) -> Finding:
    """``finding``; a pass that rests on a column which falls silent for a quarter of the log is none.

    A program that was watched is asked the same by the check ``published``.
    """
    check = by_name(finding.check)
    if check is None or finding.outcome != "pass" or record.run.subject.kind != "imported":
        return finding
    reads = [name for one in check.reads for name in ((one,) if isinstance(one, str) else one)]
    names = [name for name in reads if name in record.samples]
    silent = {name: last_s for name in names if (last_s := _silent_from_s(record, name)) is not None}
    if not silent:
        return finding
    said = ", ".join(f"{name} was not read after {clock(last_s)}" for name, last_s in silent.items())
    return msgspec.structs.replace(
        finding,
        outcome="inconclusive",
        sentence=f"{finding.sentence}; but {said}: what came later is not known",
        detection_limit=None,
        power=None,
        remedy=f"measure {', '.join(silent)} to the end",
    )


def _silent_from_s(record: Record, name: str) -> float | None:
    """When a column that was followed was read last, if that is long before the log's end."""
    times = record.samples[ELAPSED_S]
    read = times[np.isfinite(record.samples[name])]
    if read.size < FEWEST_READINGS:
        return None
    rests_s = float(times[-1] - read[-1])
    longest_s = float(np.diff(read).max())
    too_long_s = max(LONGEST_GAP * float(times[-1] - times[0]), longest_s)
    return float(read[-1]) if rests_s > too_long_s else None
