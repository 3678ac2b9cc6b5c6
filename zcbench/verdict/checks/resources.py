"""Does the subject open, start or spawn what it never closes?"""

from __future__ import annotations

from functools import cached_property

from zcbench.analysis.resources import (
    FEWEST_READINGS,
    KINDS,
    MOSTLY,
    OF_A_KIND,
    Resource,
    noun,
    resources,
)
from zcbench.record.schema import Ending, Finding
from zcbench.verdict.check import Check, Evidence, Facts

_REMEDIES = {
    "fds": "close what is opened: files, sockets, pipes, on every way out",
    "threads": "end threads that are started: join them, or tell them to leave",
    "children": "wait for child processes that are started",
    "zombies": "wait for children that end (waitpid): each keeps its number until then",
}
# Of a subject that is known to be Python's.
_IN_PYTHON = {
    "fds": " (with-statements)",
    "threads": " (an executor with an end)",
    "children": " (Popen.wait(), or a pool that is closed)",
}


class _Facts(Facts):
    @cached_property
    def every(self) -> list[Resource]:
        """What was counted, descriptors of each kind with it."""
        return resources(self.record)

    @cached_property
    def found(self) -> list[Resource]:
        """The kinds that every subject is asked about; descriptors by kind where only those were counted."""
        whole = [one for one in self.every if one.kind in KINDS]
        parts = [one for one in self.every if one.kind not in KINDS]
        if not parts or any(one.kind == "fds" and one.readings for one in whole):
            return whole
        return [*parts, *(one for one in whole if one.kind != "fds")]

    @property
    def evidence(self) -> Evidence:
        out: dict[str, int | float | str | None] = {}
        for one in self.found:
            out[f"{one.kind}.before"], out[f"{one.kind}.after"] = one.before, one.after
            out[f"{one.kind}.lowest"] = " ".join(map(str, one.marks)) or None
        return out


def _left_open(facts: _Facts) -> Finding | None:
    """Fail on a staircase during the stream, or on more after the drain than before the stream."""
    failing = [one for one in facts.every if one.climbs or one.left]
    if any(one.kind == "fds" for one in failing):  # which names the kind that has most of them
        failing = [one for one in failing if one.kind in KINDS]
    if not failing:
        return None
    # The kind that grew most explains the others: a child's pipes are descriptors too.
    worst = max(failing, key=lambda one: (one.kind == "children", _growth(one)))
    kind = "fds" if worst.kind.startswith(OF_A_KIND) else worst.kind
    in_python = _IN_PYTHON[kind] if facts.record.can("worker") else ""
    cause = "zombies" if _are_zombies(worst) else kind
    return CHECK.failed(
        "; ".join(map(_sentence, failing)),
        facts.evidence,
        cause=cause,
        remedy=_REMEDIES[cause] + in_python,
    )


def _are_zombies(one: Resource) -> bool:
    return bool(one.zombies) and one.zombies >= MOSTLY * _growth(one)


def _only_watched(facts: _Facts) -> Finding | None:
    """Of somebody else's log: judged by what it counts, as often as it does."""
    found = facts.found
    if facts.record.can("worker") or any(one.before is not None for one in found):
        return None
    watched = [one for one in found if one.marks]
    thin = [one for one in found if one.readings and not one.marks]
    rest = [noun(one.kind) for one in found if not one.readings]
    missing = f"; {', '.join(rest)} not counted" if rest else ""
    few = [f"{one.readings} of {noun(one.kind)}" for one in thin]
    # What rose between a few readings may be a staircase: what was watched does not speak for it.
    if watched and not any((one.last or 0) > (one.first or 0) for one in thin):
        seldom = f"; too few readings to tell: {', '.join(few)}" if few else ""
        return CHECK.passed(
            f"none climbed: {', '.join(_range(one) for one in watched)}{seldom}{missing}",
            facts.evidence,
            detection_limit="three opened one by one",
        )
    wanted = f"{FEWEST_READINGS} or more"
    if any(one.readings >= FEWEST_READINGS for one in thin):  # which do not lie so that each block has one
        wanted = f"one or more in each of {FEWEST_READINGS} equal parts after the first tenth"
    return CHECK.undecided(
        f"too few readings for a staircase ({', '.join(few)}; {wanted}){missing}"
        if few
        else f"{', '.join(rest)} were not counted",
        facts.evidence,
        required=False,
    )


def _not_counted(facts: _Facts) -> Finding | None:
    unknown = [noun(one.kind) for one in facts.found if one.left is None]
    if not unknown:
        return None
    climbed = "" if any(one.marks for one in facts.found) else ", nor often enough during the stream"
    return CHECK.undecided(
        f"{', '.join(unknown)} were not counted before the stream and after its drain{climbed}",
        facts.evidence,
        remedy="measure them before and after"
        if facts.record.end.ending is Ending.FINISHED
        else "let the run end by itself",
        # Only a run that did not reach its end, or is not ours, lacks them.
        required=False,
    )


def _closed(facts: _Facts) -> Finding:
    counts = ", ".join(map(_same, facts.found))
    watched = bool(facts.found[0].marks)
    stairs = "none climbed during the stream" if watched else "too short to watch for a staircase"
    return CHECK.passed(
        f"{counts} after the drain, as before the stream; {stairs}",
        facts.evidence,
        detection_limit="one left open at the end"
        + (", or three opened one by one and closed with it" if watched else ""),
    )


def _range(one: Resource) -> str:
    highest = f", at most {one.highest:,}" if one.highest != max(one.first or 0, one.last or 0) else ""
    return f"{noun(one.kind)} {one.first:,} at first, {one.last:,} at last{highest}"


def _same(one: Resource) -> str:
    """The count after the drain, and the most that the samples of the stream show, as figures have it."""
    during = f" (up to {one.highest} during it)" if one.highest not in (None, one.after) else ""
    return f"{one.after} {noun(one.kind)}{during}"


def _growth(one: Resource) -> int:
    climbed = one.marks[-1] - one.marks[0] if one.marks else 0
    return max(one.left or 0, climbed)


def _sentence(one: Resource) -> str:
    what = noun(one.kind) + (f" of kind {one.of_kind}" if one.of_kind and one.climbs else "")
    parts = []
    if one.climbs:
        rate = f", {_pace((one.last or 0) - (one.first or 0), one.span_s)}" if one.span_s else ""
        parts.append(f"{what} climb from {one.first:,} to {one.last:,} during the stream{rate}")
    if one.left:
        parts.append(f"{one.left:,} {what} are left after the drain ({one.before} before)")
    # Of what was only watched the names are patterns: "12 threads named pool-*".
    named = one.kind == "threads" and one.before is None
    names = ", ".join(
        f"{number:,} {('thread named' if number == 1 else 'threads named') if named else '×'} {name}"
        for name, number in one.grown
    )
    names += f", {one.unnamed:,} more without a name" if one.unnamed else ""
    dead = f"; {one.zombies:,} of them ended, and nobody waited for them" if _are_zombies(one) else ""
    return " and ".join(parts) + (f": {names}" if names else "") + dead


def _pace(more: int, span_s: float) -> str:
    """ "2/s", "33 an hour": in the first unit in which it is 1 or more."""
    for unit_s, unit in ((1.0, "/s"), (60.0, " a minute"), (3600.0, " an hour")):
        if more * unit_s >= span_s:
            return f"{more * unit_s / span_s:.3g}{unit}"
    return f"{more * 86_400 / span_s:.3g} a day"


CHECK = Check(
    name="resources",
    question="Are descriptors, threads, child processes left open? Which?",
    facts=_Facts,
    rules=(_left_open, _only_watched, _not_counted, _closed),
    reads=("fds", "threads", "children"),
    needs=("processes",),
    causes={
        "fds": "files, sockets or pipes are not closed",
        "threads": "threads are not ended",
        "children": "child processes are left over, or pile up",
        "zombies": "child processes that ended are not waited for",
    },
    meaning="a long run ends when descriptors or threads do",
    figure="resources",
    item="Descriptors, threads and child processes do not pile up",
)
