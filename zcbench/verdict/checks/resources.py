"""Does the subject open, start or spawn what it never closes?"""

from __future__ import annotations

from zcbench.analysis.resources import FEWEST_READINGS, KINDS, Resource, resources
from zcbench.analysis.totals import Totals
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding
from zcbench.verdict.check import Check

_REMEDIES = {
    "fds": "close what is opened: files, sockets, pipes, on every way out",
    "threads": "end threads that are started: join them, or tell them to leave",
    "children": "wait for child processes that are started",
}
# Of a subject that is known to be Python's.
_IN_PYTHON = {
    "fds": " (with-statements)",
    "threads": " (an executor with an end)",
    "children": " (Popen.wait(), or a pool that is closed)",
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
            remedy=_REMEDIES[worst.kind] + (_IN_PYTHON[worst.kind] if record.run.ingested is None else ""),
        )
    if record.run.ingested is not None and not any(one.before is not None for one in found):
        return _theirs(found, evidence)
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
    counts = ", ".join(_same(one) for one in found)
    stairs = "none climbed during the stream" if found[0].marks else "too short to watch for a staircase"
    return Finding(
        check="resources",
        outcome="pass",
        sentence=f"{counts} after the drain, as before the stream; {stairs}",
        evidence=evidence,
        power="one left open at the end"
        + (", or three opened one by one and closed with it" if found[0].marks else ""),
    )


def _theirs(found: list[Resource], evidence: dict[str, int | float | str | None]) -> Finding:
    """Of somebody else's log: judged by what it counts, as often as it does."""
    watched = [one for one in found if one.marks]
    rest = [KINDS[one.kind] for one in found if not one.readings]
    missing = f"; {', '.join(rest)} not counted" if rest else ""
    if watched:
        return Finding(
            check="resources",
            outcome="pass",
            sentence=f"none climbed: {', '.join(_range(one) for one in watched)}{missing}",
            evidence=evidence,
            power="three opened one by one",
        )
    few = [f"{one.readings} of {KINDS[one.kind]}" for one in found if one.readings]
    return Finding(
        check="resources",
        outcome="inconclusive",
        sentence=f"too few readings for a staircase ({', '.join(few)}; {FEWEST_READINGS} or more){missing}"
        if few
        else f"{', '.join(rest)} were not counted",
        evidence=evidence,
        required=False,
    )


def _range(one: Resource) -> str:
    highest = f", at most {one.highest:,}" if one.highest != max(one.first or 0, one.last or 0) else ""
    return f"{KINDS[one.kind]} {one.first:,} at first, {one.last:,} at last{highest}"


def _same(one: Resource) -> str:
    """The count after the drain, and the most that the samples of the stream show, as figures have it."""
    during = f" (up to {one.highest} during it)" if one.highest not in (None, one.after) else ""
    return f"{one.after} {KINDS[one.kind]}{during}"


def _growth(one: Resource) -> int:
    climbed = one.marks[-1] - one.marks[0] if one.marks else 0
    return max(one.left or 0, climbed)


def _sentence(one: Resource) -> str:
    what = KINDS[one.kind]
    parts = []
    if one.climbs:
        rate = f", {_pace((one.last or 0) - (one.first or 0), one.span_s)}" if one.span_s else ""
        parts.append(f"{what} climb from {one.first:,} to {one.last:,} during the stream{rate}")
    if one.left:
        parts.append(f"{one.left:,} {what} are left after the drain ({one.before} before)")
    names = ", ".join(f"{number:,} × {name}" for name, number in one.grown)
    names += f", {one.unnamed:,} more without a name" if one.unnamed else ""
    return " and ".join(parts) + (f": {names}" if names else "")


def _pace(more: int, span_s: float) -> str:
    """ "2/s", "33 an hour": in the first unit in which it is 1 or more."""
    for unit_s, unit in ((1.0, "/s"), (60.0, " a minute"), (3600.0, " an hour")):
        if more * unit_s >= span_s:
            return f"{more * unit_s / span_s:.3g}{unit}"
    return f"{more * 86_400 / span_s:.3g} a day"


CHECK = Check(
    name="resources",
    question="Are descriptors, threads, child processes left open? Which?",
    judge=(check,),
    causes={
        "fds": "files, sockets or pipes are not closed",
        "threads": "threads are not ended",
        "children": "child processes are not waited for",
    },
    meaning="a long recording ends when descriptors or threads do",
    figure="resources",
)
