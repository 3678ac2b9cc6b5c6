"""Does memory grow, and if so, what and where?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from zcbench.analysis.course import Course, course
from zcbench.analysis.coverage import Coverage, coverage
from zcbench.analysis.growth import Growth, Pace, Site, growths, largest_sites, pace
from zcbench.analysis.lives import lives
from zcbench.analysis.resting import leaks
from zcbench.analysis.size_classes import SizeClass, growing_classes
from zcbench.analysis.stream import streaming
from zcbench.analysis.trend import LEAST_PASS_S, SHORTEST_PASS_S, Window
from zcbench.analysis.trend.pages import SHORTEST_PAGES_FAIL_S
from zcbench.quantities.names import (
    ELAPSED_S,
    GC_FORCED_COLLECTIONS,
    NATIVE_HEAP_BYTES,
    PRIVATE_BYTES,
    PYTHON_HEAP_BYTES,
    RSS_BYTES,
    USS_BYTES,
)
from zcbench.quantities.units import clock, format_bytes
from zcbench.record.reader import Record
from zcbench.record.schema import EventKind, Finding
from zcbench.verdict import between_calls, moments, program_memory
from zcbench.verdict.check import Check, Evidence, Facts
from zcbench.verdict.memory_cause import BUFFERS, MOSTLY_ELSEWHERE, bearing_out, cause_of, without_wholes
from zcbench.verdict.resident import NOT_ITS_ABSENCE, limit_of, said, settled_flat
from zcbench.verdict.unread import unread

# Without both, a leak could hide where nobody looked: Python's small objects, and everything from malloc.
NEEDED = ("small objects", "native heap")
# What stands in for one of them: the traced heap, whose bytes are those of every object; else a mere number.
_INSTEAD = {"small objects": ("Python heap", "allocated blocks")}
LEAST_CLASS_SHARE = 0.2  # of what small objects gain, to be named in the sentence
NAMED_STEP_BYTES = 4096  # smaller ones are the allocator's own and say nothing to anybody
MOST_AS_EACH = 0.75  # blocks a packet, below which they are said as one each so many packets
MOST_TIMES_LONGER = 8.0  # a run that this many times its length would not settle needs another remedy
_HOW_TO_NAME = "--diagnose runs it again and names the lines"
# In the last half of a run: more than a program's start still takes from malloc then. A leak of 64 kB/s has it
# in a run of 8 s.
RISING_BYTES = 2**18
SITES = 3  # in the sentence; the report's table has them all
_CAUSES = {
    "buffers": "find who keeps the arrays or packets: caches, lists, callbacks that hold a view",
    "python_objects": "find the container that only grows: {how}",
    "native": "malloc'd memory, or Python objects above 512 bytes: {how} (native ones with memray: "
    "pip install zcbench[native])",
    "pages": "memory outside malloc (mmap, a library's own arena), or fragmentation: run longer; if it "
    "slows, it is fragmentation",
}


class _Facts(Facts):
    @cached_property
    def grown(self) -> list[Growth]:
        return growths(self.record)

    @cached_property
    def failing(self) -> list[Growth]:
        if self.record.can("rest"):
            failing = [g for g in self.grown if leaks(g)]
        else:
            failing = [g for g in self.grown if g.trend.outcome == "fail"]
        if self.record.run.tracemalloc and any(g.counter.name == "Python heap" for g in failing):
            # tracemalloc keeps some 50 bytes of malloc's for each object: not a leak of its own.
            failing = [g for g in failing if g.counter.name != "native heap"]
        borne_out = bearing_out(self.grown, failing)
        return failing + borne_out + _elsewhere(self.grown, failing) if failing else []

    @cached_property
    def leaks(self) -> list[Growth]:
        """What fails, each leak once: array buffers are malloc's too."""
        return without_wholes(self.failing)

    @cached_property
    def exact(self) -> dict[str, Growth]:
        """The counters that decide, by name."""
        exact = {g.counter.name: g for g in self.grown if g.counter.kind == "exact"}
        if "Python heap" in exact:
            # Of blocks only the number is known; it may fail none the less.
            exact.pop("allocated blocks", None)
        return {name: g for name, g in exact.items() if not program_memory.is_read_settled(self.record, g)}

    @cached_property
    def pages(self) -> list[tuple[str, Course]]:
        """What memory that is counted in pages did, by the counter's name, in the subject's last life."""
        found = []
        for one in self.grown:
            if one.counter.kind == "pages":
                life = lives(self.record, one.counter.times)[-1]
                told = course(one.counter.times[life], one.counter.values[life])
                found += [] if told is None else [(one.counter.name, told)]
        return found

    @cached_property
    def lacking(self) -> list[str]:
        """The heaps that nobody measured."""
        needed = NEEDED if self.record.can("worker") else ()
        known = self.exact.keys()
        lacking = [name for name in needed if not known & {name, *_INSTEAD.get(name, ())}]
        return lacking or ([] if known - BUFFERS else ["a heap"])

    @cached_property
    def undecided(self) -> list[Growth]:
        """Exact counters without an answer; memory outside malloc shows nowhere else, so what may never pass
        can keep another from passing."""
        pages = [g for g in self.grown if g.counter.kind == "pages" and g.trend.rising]
        return [g for g in self.exact.values() if g.trend.outcome != "pass"] + pages

    @cached_property
    def covered(self) -> Coverage | None:
        """How much of a program's memory is counted exactly; None of what runs in our worker, or a log."""
        return coverage(self.record) if self.record.can("ending") else None

    @property
    def rises(self) -> bool:
        """Whether a program's memory is seen to rise, be the run too short to judge that: it is no pass."""
        if self.covered is None:
            return False
        half_s = _stream_s(self.record) / 2
        exact = [g for g in self.exact.values() if g.trend.rising]
        return self.covered.rises or any((g.slope or 0.0) * half_s > RISING_BYTES for g in exact)

    @property
    def is_covered(self) -> bool:
        return self.covered is None or self.covered.is_enough

    @property
    def evidence(self) -> Evidence:
        return _evidence(self.record, self.grown, self.covered)

    @cached_property
    def pace(self) -> Pace | None:
        return pace(self.record, self.totals)


def _elsewhere(grown: list[Growth], failing: list[Growth]) -> list[Growth]:
    """Pages that rise by much more than what fails explains: most of the leak is theirs."""
    explained = sum(g.slope or 0.0 for g in failing)
    pages = [g for g in grown if g.counter.kind == "pages" and g not in failing and g.trend.rising]
    return [g for g in pages if (g.slope or 0.0) > MOSTLY_ELSEWHERE * explained]


def _leaks(facts: _Facts) -> Finding | None:
    """Fail when a counter grows beyond the budget."""
    record = facts.record
    if not facts.failing:
        return None
    cause, growth = cause_of(record, facts.grown, facts.leaks)
    is_native = cause == "native" or record.run.subject.kind == "command"
    sites = largest_sites(record, EventKind.NATIVE_ALLOCATIONS) if is_native else []
    sites = sites or largest_sites(record)
    how = "the lines are named above" if sites else _HOW_TO_NAME
    if not sites and record.can("rest"):  # which looks by itself
        how = "tracemalloc named no line of Python that holds it"
    return CHECK.failed(
        _leak(facts, program_memory.where(growth))
        + program_memory.large_objects(record)
        + _where(sites)
        + program_memory.told(facts.record, facts.covered),
        facts.evidence,
        cause=cause,
        remedy=_CAUSES[cause].format(how=how)
        if record.can("worker")
        else program_memory.remedy(record, cause, growth, sites),
    )


def _leak(facts: _Facts, where: str) -> str:
    """What grows, by how much, and what does not."""
    failing, pace = facts.leaks, facts.pace
    per_s = max(g.slope or 0.0 for g in failing)
    each = f"{_few_digits(per_s / pace.per_s)} B a {pace.step}, " if pace else ""
    judged = [g for g in facts.grown if g.counter.is_judged]
    still = [g.counter.name for g in judged if g.trend.outcome == "pass" or _is_still(g, facts.record)]
    rest = f"; {', '.join(still)} did not grow" if still else ""
    place = program_memory.process(facts.record, failing)
    # The pool's own memory is the slab: leases that nobody returns need not cost a byte.
    flat = all(g.counter.name == "leases" for g in failing)
    what = "leases pile up, though memory is flat" if flat else f"memory leaks{where}"
    wholes = [g.counter.name for g in facts.failing if g not in failing]
    rest = (f"; {', '.join(wholes)} {'grows' if len(wholes) == 1 else 'grow'} by that" if wholes else "") + rest
    if pace and facts.record.can("rest"):  # how often it is called is the harness's doing
        a_call = [(g.counter.name, (g.slope or 0.0) / pace.per_s) for g in failing]
        grown = ", ".join(f"{name} by {_few_digits(size)} B" for name, size in a_call)
        return f"{what}, a {pace.step}: {grown}{_blocks(facts.record, failing, pace)}{rest}"
    return (
        f"{what}: {', '.join(map(_moved, failing))} ({each}{format_bytes(per_s * 3600)} an hour, "
        f"{format_bytes(per_s * 86_400)} in 24 h){_blocks(facts.record, failing, pace)}{place}{rest}"
    )


def _where(sites: Sequence[Site]) -> str:
    named = ", ".join(f"{s.site} by {format_bytes(s.grown_bytes)}" for s in sites[:SITES])
    return f"; source lines whose memory grew: {named}" if named else ""


def _moved(growth: Growth) -> str:
    least = " or more" if growth.counter.least_share < 1 else ""
    return f"{growth.counter.name} by {growth.slope:,.0f} B/s{least}{_in_lives(growth)}"


def _in_lives(growth: Growth) -> str:
    """ " in each of 2 lives", of a subject that began anew."""
    if not growth.lives:
        return ""
    leaking = sum(one.outcome == "fail" for one in growth.lives)
    share = "each" if leaking == len(growth.lives) else str(leaking)
    return f" in {share} of {len(growth.lives)} lives"


def _blocks(record: Record, failing: list[Growth], pace: Pace | None) -> str:
    """ "; more blocks: 1 of 96 bytes each 10 packets", where small objects leak and their classes are known."""
    classes = growing_classes(record)
    if not classes or not any(g.counter.name == "small objects" for g in failing):
        return ""
    least = LEAST_CLASS_SHARE * sum(one.bytes_per_s for one in classes)
    named = [_class(one, pace) for one in classes if one.bytes_per_s >= least]
    return f"; more blocks: {', '.join(named)}"


def _class(one: SizeClass, pace: Pace | None) -> str:
    if not pace:
        return f"{_few_digits(one.blocks_per_s)} of {one.size} bytes a second"
    each = one.blocks_per_s / pace.per_s
    if each < MOST_AS_EACH:
        return f"1 of {one.size} bytes each {float(f'{1 / each:.2g}'):,g} {pace.step}s"
    return f"{each:.2g} of {one.size} bytes a {pace.step}"


def _is_still(growth: Growth, record: Record) -> bool:
    return growth.slope is not None and growth.slope < float(record.run.scenario.memory.budget)


def _too_little_counted(facts: _Facts) -> Finding | None:
    """What exact counters do not know may leak unseen by them, however flat they are."""
    covered = facts.covered
    if covered is None or facts.lacking or facts.is_covered:
        return None
    # What rises outside the exact counters is judged by itself, in a run that is long enough.
    too_short = facts.rises and _stream_s(facts.record) < SHORTEST_PAGES_FAIL_S
    why = [program_memory.too_little(covered), *program_memory.rose(covered)]
    return CHECK.undecided(
        f"cannot tell whether memory leaks: {'; '.join(why)}",
        facts.evidence,
        remedy=None if too_short else program_memory.what_would_raise(facts.record),
        lasting_s=SHORTEST_PAGES_FAIL_S if too_short else None,
        required=facts.rises or _stream_s(facts.record) >= LEAST_PASS_S,
    )


def _flat(facts: _Facts) -> Finding | None:
    """Pass only when every exact counter is flat, and both heaps were measured."""
    if facts.lacking or facts.undecided or not facts.is_covered:
        return None
    exact = list(facts.exact.values())
    windows = [g.trend.window for g in exact if g.trend.window is not None]
    limit = _detection_limit(facts, max(window.smallest_seen for window in windows))
    steps = "".join(
        f"; one-off step of {format_bytes(step.size)} in {g.counter.name} at {clock(step.at_s)}"
        for g in exact
        if g.trend.window is not None
        and (step := g.trend.window.step) is not None
        and abs(step.size) >= NAMED_STEP_BYTES
    )
    covered = program_memory.told(facts.record, facts.covered)
    return CHECK.passed(
        f"flat: {_limits(facts.record, exact)}{steps}{covered}; {limit}",
        facts.evidence,
        detection_limit=limit,
    )


def _unread(facts: _Facts) -> Finding | None:
    """No pass where nobody looked at a program's pages: what lies beside the exact counters may have grown."""
    why = unread(facts.record) if facts.record.can("ending") and not facts.record.can("worker") else []
    if not why:
        return None
    return CHECK.undecided(
        f"cannot tell whether memory leaks: {'; '.join(why)}",
        facts.evidence,
        remedy="let zcbench read /proc of all its processes to the end: run it as the user that they run as",
        required=_stream_s(facts.record) >= LEAST_PASS_S,
    )


def _limits(record: Record, exact: list[Growth]) -> str:
    """Below what each counter's growth is known to be: the budget, or the multiple of it that the pass rests
    on."""
    budget = record.run.scenario.memory.budget
    names = ", ".join(g.counter.name for g in exact)
    above = [
        f"{g.counter.name} by less than {window.high / float(budget):.1f} × that"
        for g in exact
        if (window := g.trend.window) is not None and window.high > float(budget)
    ]
    return f"{names} {'grows' if len(exact) == 1 else 'grow'} by less than {budget}" + "".join(
        f", {one}" for one in above
    )


def _rests(facts: _Facts) -> Finding | None:
    """Pass a function that is read between its calls, where every exact counter comes to rest."""
    told = None if facts.lacking else between_calls.rest(facts.record)
    return None if told is None else CHECK.passed(told[0], facts.evidence, detection_limit=told[1])


def _resident_is_flat(facts: _Facts) -> Finding | None:
    """Pass by resident memory alone, where somebody accepts what that hides, and it is flat."""
    pages = facts.pages
    if facts.record.run.scenario.memory.accept != program_memory.RSS or not pages:
        return None
    rising = any(g.trend.rising for g in facts.grown)
    if rising or not all(settled_flat(told) for _, told in pages):
        return None
    limit = limit_of(max(told.seen_per_s for _, told in pages))
    sentences = "; ".join(said(*one) for one in pages)
    return CHECK.passed(
        f"{sentences}; accepted as {program_memory.RSS} by memory.accept", facts.evidence, detection_limit=limit
    )


def _restless(facts: _Facts) -> Finding | None:
    """No pass for what is read between calls and does not come to rest, be the run as short as it will."""
    if not facts.record.can("rest"):
        return None
    why = between_calls.restless(facts.record, facts.totals, facts.exact, facts.lacking)
    sites = _where(largest_sites(facts.record))
    return CHECK.undecided(f"{why}{sites}", facts.evidence, remedy=between_calls.REMEDY)


def _cannot_tell(facts: _Facts) -> Finding:
    run, undecided = facts.record.run, facts.undecided
    windows = [g.trend.window for g in undecided if g.trend.window is not None]
    # What rises beyond its limit unjudged was seen, and is not known to be a leak: no limit holds of it.
    risen = [g for g in undecided if (w := g.trend.window) and w.unjudged and w.low > w.smallest_seen]
    known = windows and not risen
    limit = _detection_limit(facts, max(w.smallest_seen for w in windows)) if known else None
    # A run that by its own settings cannot answer does not ask the question either.
    collects = run.gc_every_s is not None or not facts.record.can("worker")
    # Nobody can meter the malloc of a process that runs already.
    owed = run.subject.kind != "attached" or not facts.lacking
    remedy = _remedy(facts.record, windows, facts.lacking, collects)
    return CHECK.undecided(
        f"cannot tell whether memory leaks: {'; '.join(_reasons(facts, risen))}"
        + (f"; {limit}" if limit else ""),
        facts.evidence,
        detection_limit=limit,
        remedy=remedy,
        lasting_s=None if remedy else _longer_s(facts.record, windows),
        required=facts.rises or (collects and owed and _stream_s(facts.record) >= LEAST_PASS_S),
    )


def _reasons(facts: _Facts, risen: Sequence[Growth]) -> list[str]:
    """Why nothing can be told; ``risen`` are the counters of which some growth may be garbage."""
    undecided = facts.undecided
    lacking = [f"{name} was not measured" for name in facts.lacking]
    blind = all(w is not None and w.unjudged for w in (g.trend.window for g in facts.exact.values()))
    if blind and facts.pages:
        lacking = [said(*one) for one in facts.pages] + ([] if facts.exact else [NOT_ITS_ABSENCE])
        undecided = [g for g in undecided if g.counter.kind != "pages"]
    why = [
        f"{why} ({', '.join(g.counter.name for g in undecided if g.trend.why == why)})"
        for why in dict.fromkeys(g.trend.why for g in undecided)
    ]
    garbage = [
        f"{g.counter.name} rose by {g.slope or 0.0:,.0f} B/s, of which some may be garbage" for g in risen
    ]
    return lacking + why + (garbage or program_memory.rose(facts.covered))


def _remedy(record: Record, windows: list[Window], lacking: list[str], collects: bool) -> str | None:
    """What to do; None if a longer run is all that is missing."""
    if lacking and record.can("ending") and not record.can("worker"):
        return program_memory.what_would_raise(record)
    if not record.can("worker") and any(w.unjudged for w in windows):
        return program_memory.after_collections(record)
    if lacking:
        return f"measure {' and '.join(lacking)}, right after a full garbage collection"
    if not collects:
        return (
            "the harness made no collections, so a heap's low-water mark is unknown: judge it with "
            "gc.every = auto and another consumer; resident memory is watched meanwhile"
        )
    return None


def _longer_s(record: Record, windows: list[Window]) -> float:
    """How long a run would tell: the bounds shrink with its length, since the noise of a reading does not."""
    memory = record.run.scenario.memory
    most = memory.limit * float(memory.budget)
    wanted = 2 * SHORTEST_PASS_S
    for window in windows:
        room = most - max(0.0, min(window.slope, most / 2))
        times = min(MOST_TIMES_LONGER, max(1.5, 1.5 * (window.high - window.slope) / room))
        wanted = max(wanted, _wall_s(record) * times)
    return 60.0 * round(wanted / 60.0 + 0.5)


def _detection_limit(facts: _Facts, bytes_per_s: float) -> str:
    pace = facts.pace
    each = f"{_few_digits(bytes_per_s / pace.per_s)} B a {pace.step} or " if pace else ""
    hour = format_bytes(bytes_per_s * 3600)
    return f"smallest detectable leak: {each}{hour} an hour (95 % confidence)"


def _evidence(record: Record, grown: list[Growth], covered: Coverage | None) -> Evidence:
    out: dict[str, int | float | str | None] = {
        "budget_bytes_per_s": float(record.run.scenario.memory.budget),
        "gc_every_s": record.run.gc_every_s,
    }
    for g in grown:
        name = g.counter.name.replace(" ", "_").lower()
        out[f"{name}.outcome"] = g.trend.outcome
        if (window := g.trend.window) is not None:
            out[f"{name}.slope_bytes_per_s"] = window.slope
            out[f"{name}.standard_error"] = window.standard_error
            out[f"{name}.smallest_seen_bytes_per_s"] = window.smallest_seen
    if covered is not None:
        out["coverage"], out["coverage_of_growth"] = covered.share, covered.rise_share
        out["exact_bytes"], out[PRIVATE_BYTES] = covered.exact_bytes, covered.private_bytes
        out["kept_free_bytes"] = covered.free_bytes
    for one in growing_classes(record)[:SITES]:
        out[f"small_objects.{one.size}_bytes.blocks_per_s"] = one.blocks_per_s
    return out


def _wall_s(record: Record) -> float:
    elapsed = record.samples[ELAPSED_S]
    return float(elapsed[-1]) if elapsed.size else 0.0


def _stream_s(record: Record) -> float:
    times = record.samples[ELAPSED_S][streaming(record)]
    return float(times[-1] - times[0]) if times.size else 0.0


def _few_digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


CHECK = Check(
    name="memory",
    question=(
        "Does any counter grow: Python objects, malloc, buffers, pages? Which, how much a packet, where?"
    ),
    facts=_Facts,
    rules=(_leaks, _unread, _flat, _rests, _resident_is_flat, _too_little_counted, _restless, _cannot_tell),
    causes={
        "python_objects": "a container only grows",
        "native": "malloc'd memory, or objects above 512 bytes",
        "buffers": "arrays or packets are kept",
        "pages": "memory outside malloc",
        **program_memory.CAUSES,
    },
    meaning="a long run ends when memory does",
    figure="memory",
    moment=moments.growth,
    reads=(NATIVE_HEAP_BYTES, PYTHON_HEAP_BYTES, RSS_BYTES, USS_BYTES, GC_FORCED_COLLECTIONS),
    explained_by=frozenset({"budget"}),
    item="Memory does not grow",
)
