"""Does the subject open, start or spawn what it never closes?"""

from __future__ import annotations

from zcbench.analysis.resources import KINDS, Resource, resources
from zcbench.analysis.totals import Totals
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding

_REMEDIES = {
    "fds": "close what is opened: with-statements around files, sockets and pipes",
    "threads": "join or stop threads: an executor with an end, a daemon that is told to leave",
    "children": "wait for child processes: Popen.wait(), or a pool that is closed",
}


def check(record: Record, _found: Totals) -> Finding:
    """Fail on a staircase during the stream, or on more after the drain than before the stream."""
    found = resources(record)
    evidence: dict[str, int | float | str | None] = {}
    for one in found:
        evidence[f"{one.kind}.before"], evidence[f"{one.kind}.after"] = one.before, one.after
        evidence[f"{one.kind}.lowest"] = " ".join(map(str, one.marks)) or None
    failing = [one for one in found if one.climbs or one.left]
    if failing:
        # The kind that grew most explains the others: a child's pipes are descriptors too.
        worst = max(failing, key=lambda one: (one.kind == "children", _growth(one)))
        return Finding(
            check="resources",
            outcome="fail",
            cause=worst.kind,
            sentence="; ".join(map(_sentence, failing)),
            evidence=evidence,
            remedy=_REMEDIES[worst.kind],
        )
    unknown = [KINDS[one.kind] for one in found if one.left is None]
    if unknown:
        alive = record.end.ending is Ending.FINISHED
        climbed = "" if any(one.marks for one in found) else ", nor often enough during the stream"
        return Finding(
            check="resources",
            outcome="inconclusive",
            sentence=f"{', '.join(unknown)} were not counted before the stream and after its drain{climbed}",
            evidence=evidence,
            remedy="let the run end by itself" if not alive else "measure them before and after",
            required=False,  # only a run that did not reach its end, or is not ours, lacks them
        )
    counts = ", ".join(f"{one.after} {KINDS[one.kind]}" for one in found)
    stairs = (
        "none climbed during the stream" if found[0].marks else "too short to watch for a staircase"
    )
    return Finding(
        check="resources",
        outcome="pass",
        sentence=f"{counts} after the drain, as before the stream; {stairs}",
        evidence=evidence,
        power="one left open at the end"
        + (", or three opened one by one and closed with it" if found[0].marks else ""),
    )


def _growth(one: Resource) -> int:
    climbed = one.marks[-1] - one.marks[0] if one.marks else 0
    return max(one.left or 0, climbed)


def _sentence(one: Resource) -> str:
    what = KINDS[one.kind]
    parts = []
    if one.climbs:
        parts.append(f"{what} climb from {one.marks[0]:,} to {one.marks[-1]:,} during the stream")
    if one.left:
        parts.append(f"{one.left:,} {what} are left after the drain ({one.before} before)")
    names = ", ".join(f"{number} × {name}" for name, number in one.grown)
    return " and ".join(parts) + (f": {names}" if names else "")
