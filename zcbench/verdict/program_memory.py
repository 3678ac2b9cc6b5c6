"""What is said of the memory of a program: where it grows, how much of it is counted, what would count more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zcbench.analysis import heaps, program
from zcbench.analysis.coverage import LEAST_COVERAGE, Coverage
from zcbench.analysis.growth import LARGEST_BLOCK_BYTES, Growth, Site, large_object_rate
from zcbench.analysis.inventories import MALLOC, PROCESSES, grown_processes, process_names, unread_runtimes
from zcbench.analysis.trend.growing import FEWEST_CELLS
from zcbench.analysis.trend.rule import WARM_UP_S
from zcbench.quantities.names import (
    GC_FORCED_COLLECTIONS,
    GO_SYS_BYTES,
    MALLOC_SETTLED_BYTES,
    PYTHON_OBJECT_BYTES,
)
from zcbench.quantities.quantity import Origin
from zcbench.quantities.units import format_bytes
from zcbench.record.reader import Record
from zcbench.record.schema import EventKind
from zcbench.verdict.heap_places import NATIVE_OF, PLACES

# What the causes that only a program has mean.
CAUSES: Mapping[str, str] = {
    "runtime_heap": "the heap of its runtime grows: V8's, Java's, Go's, .NET's",
    "array_buffers": "JavaScript keeps Buffers or typed arrays",
    "foreign_buffers": "JavaScript keeps native memory, an add-on's",
    "direct_memory": "Java keeps direct buffers",
    "classes": "Java loads classes and never unloads them",
    "published": "bytes that the subject itself counts grow",
    "mapped": "private memory outside malloc: mapped by itself, an arena, a runtime's heap",
    "files_mapped": "files or shared memory are mapped, and stay so",
}
# Of a subject whose language is not known.
REMEDIES: Mapping[str, str] = {
    "buffers": "find who keeps the buffers: caches, lists, callbacks that hold a view",
    "python_objects": PLACES[PYTHON_OBJECT_BYTES].remedy,
    "native": "find who keeps what it allocates: heaptrack names the places; jemalloc's profiler compares "
    "early and late; LeakSanitizer names what nobody can reach any more",
    "pages": "memory outside the heap that was measured: compare a memory map early in the run and late; if it "
    "slows, it is fragmentation",
    "runtime_heap": "take a heap snapshot early in the run and one late, and compare who keeps what is new",
    "published": "find what adds to this counter and never takes off",
    "mapped": "compare /proc/PID/smaps early in the run and late: the mapping that grows tells who maps it",
    "files_mapped": "compare /proc/PID/maps early in the run and late: what is mapped is never unmapped",
}
_DIAGNOSED = ("native", "python_objects")  # what a second run of a command can name the lines of
_AGAIN = "; --diagnose runs the command again and does that"
NATURAL = "natural"  # gc.every: no collections by the harness
_OF_ORIGIN = {Origin.ALLOCATOR: "native", Origin.RUNTIME: "runtime_heap", Origin.SUBJECT: "published"}
_UNMETERED = "malloc.unmetered"
MOST_OF_MALLOC = 0.8  # in processes that collect: what the others have is too little to be told apart
LEAST_NAMED_FREE = 0.05  # of private memory: less of it that malloc keeps free changes no answer
MOSTLY = 0.8  # of what grew, in one process, to name it
# The probe that reads a well-known runtime, by how its program is called.
_PROBES: Mapping[str, str] = {"python": "cpython", "node": "v8", "java": "jvm"}
_PUBLISH = (
    "let it publish the bytes of its arenas and heaps as gauges called *.live_bytes: on a page (zcpage.h), as "
    "JSON lines, by --scrape"
)
RSS = "rss"  # memory.accept
_FLAT = f"; or accept resident memory that stays flat for {WARM_UP_S / 60:.0f} min: --set memory.accept=rss"

_PROFILE = (
    "have it serve net/http/pprof, and read that: --scrape http://HOST:PORT/debug/pprof/ has its heap to the "
    "byte, and all that it has from the system"
)


def cause_of_exact(record: Record, growth: Growth) -> str | None:
    """The cause that a counter of a program's names; None for one that every subject may have."""
    column = growth.counter.column or ""
    if column in PLACES:
        return PLACES[column].cause
    origin = record.quantities[column].origin if column in record.quantities else None
    return None if origin is None else _OF_ORIGIN.get(origin)


def are_large_objects(record: Record) -> bool:
    """Whether Python's objects above 512 bytes, which are malloc's, become so many that they alone exceed the
    budget: each is larger than that."""
    return large_object_rate(record) * LARGEST_BLOCK_BYTES > float(record.run.scenario.memory.budget)


def large_objects(record: Record) -> str:
    """ "; more Python objects above 512 bytes: 0.21 a second", where malloc's growth is theirs."""
    if not are_large_objects(record):
        return ""
    rate = f"{large_object_rate(record):.2g}"
    return f"; more Python objects above {LARGEST_BLOCK_BYTES} bytes: {rate} a second"


def is_read_settled(record: Record, growth: Growth) -> bool:
    """Whether malloc's bytes, garbage with them, are better known right after collections: then those decide,
    unless they are few (the malloc of other processes) or growth shows in all."""
    if growth.counter.column != program.MALLOC or growth.trend.outcome == "fail":
        return False
    if not program.has(record, MALLOC_SETTLED_BYTES):
        return False
    settled, live = record.samples[MALLOC_SETTLED_BYTES], record.samples[program.MALLOC]
    return bool(np.nanmedian(settled) >= MOST_OF_MALLOC * np.nanmin(live[np.isfinite(settled)], initial=np.inf))


def where(growth: Growth | None) -> str:
    """ " in the V8 heap", of a counter that says so; empty for others."""
    column = "" if growth is None else growth.counter.column or ""
    return f" in {PLACES[column].where}" if column in PLACES else ""


def remedy(record: Record, cause: str, growth: Growth | None, sites: Sequence[Site] = ()) -> str:
    """How to find who keeps what leaks, in the language of the subject; ``sites`` are where it is allocated."""
    if cause == "native" and sites:
        return "find who keeps what is allocated at the places named above, and let it go"
    again = _AGAIN if record.run.subject.kind == "command" and cause in _DIAGNOSED else ""
    return _remedy(record, cause, growth) + again


def _remedy(record: Record, cause: str, growth: Growth | None) -> str:
    column = "" if growth is None else growth.counter.column or ""
    if column in PLACES:
        return PLACES[column].remedy
    if cause == "native":
        whose = next((said for begin, said in NATIVE_OF.items() if _has_runtime(record, begin)), "")
        return whose + REMEDIES[cause]
    return REMEDIES[cause]


def _has_runtime(record: Record, begin: str) -> bool:
    """Whether a quantity of the runtime was read whose names begin so."""
    return any(name.startswith(begin) and program.has(record, name) for name in record.samples)


def cause_of_pages(record: Record, growth: Growth) -> str:
    """What it means that these pages grow beyond what exact counters explain."""
    if growth.counter.name == program.MAPPED_FILES:
        return "files_mapped"
    # Outside malloc is what grows only where malloc is known.
    metered = program.has(record, program.MALLOC)
    return "mapped" if metered and growth.counter.name == program.PRIVATE else "pages"


def process(record: Record, failing: Sequence[Growth]) -> str:
    """ "; most of it in process 4242 (worker)", where there are several and one has most of the growth."""
    in_malloc = any(growth.counter.column in (program.MALLOC, MALLOC_SETTLED_BYTES) for growth in failing)
    probe, key = (MALLOC, "live_bytes") if in_malloc else (PROCESSES, "anonymous_bytes")
    grown = grown_processes(record, probe, key)
    several = len(process_names(record)) > 1
    if not grown or not several or grown[0].grown_bytes < MOSTLY * sum(one.grown_bytes for one in grown):
        return ""
    return f"; most of it in process {grown[0].pid} ({grown[0].name})"


def rose(covered: Coverage | None) -> list[str]:
    """What rose by more than a program's own start takes, be it judged or not."""
    if covered is None or not covered.rises:
        return []
    rises = [(covered.source, covered.rise_bytes)] if covered.rise_share is not None else []
    if covered.files_rise:
        rises.append((program.MAPPED_FILES, covered.files_rise_bytes))
    return [f"{name} rose by {format_bytes(rise)} in the last half of the run" for name, rise in rises]


def told(record: Record, covered: Coverage | None) -> str:
    """How much of the memory the exact counters know, for a sentence."""
    if covered is None:
        return ""
    said = f"; {_share(covered)}"
    if covered.rise_share is not None:
        said += f", and {max(0.0, min(1.0, covered.rise_share)):.0%} of its growth"
    elif covered.is_enough and covered.share < LEAST_COVERAGE:
        said += ", and the rest is what any process has"
    most = int(np.nanmax(record.samples[_UNMETERED])) if program.has(record, _UNMETERED) else 0
    return said + (f"; malloc is not metered in {most:,} of the processes" if most else "")


def too_little(covered: Coverage) -> str:
    """Why exact counters that are flat say too little."""
    rest = format_bytes(covered.rest_bytes)
    whole = "together " if covered.free_share >= LEAST_NAMED_FREE else ""
    return f"{_share(covered)}: {whole}below {LEAST_COVERAGE:.0%} they do not speak for the other {rest}"


def _share(covered: Coverage) -> str:
    whole = f"{format_bytes(covered.private_bytes)} of {covered.source}"
    if covered.free_share < LEAST_NAMED_FREE:
        return f"exact counters explain {covered.share:.0%} of {whole}"
    exact, free = covered.share - covered.free_share, covered.free_share
    return f"exact counters explain {exact:.0%} of {whole} (what malloc keeps free another {free:.0%})"


# How a heap is read right after a collection, by the runtime whose quantities begin so.
_AFTER_COLLECTIONS: Mapping[str, str] = {
    "v8.": "run node --expose-gc and global.gc() before process.memoryUsage(), or log --trace-gc up to "
    "two dozen mark-compacts",
    "jvm.": "log -Xlog:gc with a full collection (jcmd PID GC.run) every minute or so: two dozen of them",
    "go.": "log GODEBUG=gctrace=1 over two dozen collections, at even intervals (runtime.GC() by a timer)",
    "clr.": "call GC.Collect() before each reading, two dozen times",
}


def after_collections(record: Record) -> str:
    """How to read a managed heap so that its readings compare."""
    if record.can("ending") and record.run.scenario.gc.every == NATURAL:
        return (
            "its runtime collected too seldom by itself: let zcbench collect (gc.every = auto), or run until "
            "it has made two dozen full collections"
        )
    if program.has(record, GC_FORCED_COLLECTIONS):
        return "run longer: two dozen settled collections are wanted, 8 at least (gc.every sets how often)"
    for begin, how in _AFTER_COLLECTIONS.items():
        if _has_runtime(record, begin):
            return how
    return (
        "measure the heap right after a full collection (gc.forced_collections counts those), two dozen times "
        "in the run"
    )


def what_would_raise(record: Record) -> str:
    """What would bring more of the memory into exact counters, or do without them."""
    said = _what_would_raise(record)
    # Of a runtime that nobody reads this may be all that its user can do.
    does = said.endswith(_PUBLISH) and record.can("ending") and record.run.scenario.memory.accept != RSS
    return said + (_FLAT if does else "")


def _what_would_raise(record: Record) -> str:
    if not program.has(record, program.MALLOC):
        return f"{_unmetered(record)}; or {_PUBLISH}"
    if heaps.runtime_of(record) is not None:
        few = int(heaps.after_collection(record).sum()) < FEWEST_CELLS
        if few and record.can("ending"):
            return after_collections(record)
        is_go = heaps.runtime_of(record) == heaps.GO
        return _PROFILE if is_go and not program.has(record, GO_SYS_BYTES) else _PUBLISH
    if unread := unread_runtimes(record):
        return f"{unread[0]}; {_PUBLISH}"
    for name in process_names(record) or [record.run.subject.title or ""]:
        for program_name, probe in _PROBES.items():
            if name.startswith(program_name):
                return _unread(record, probe)
    return _PUBLISH


def _unread(record: Record, probe: str) -> str:
    """How the heap of a runtime whose probe read nothing can be read."""
    if not record.can("ending"):
        return _PUBLISH
    told = [
        event.message
        for event in record.events
        if event.kind == EventKind.PROBE and event.data.get("probe") == probe
    ]
    why = f" ({told[0]})" if told else ""
    itself = _PUBLISH
    if probe == "cpython" and record.run.scenario.subject.env.get("PYTHONMALLOC") != "malloc":
        itself = "set PYTHONMALLOC=malloc, so that its small objects are in malloc's count too"
    return f"have its heap read by the probe {probe} (--probe auto){why}; or {itself}"


def _unmetered(record: Record) -> str:
    if record.run.subject.kind == "attached":
        return "start it by zcbench (`zcbench run -- COMMAND`), which meters its malloc"
    told = [
        event.message
        for event in record.events
        if event.kind == EventKind.PROBE and event.data.get("probe") == MALLOC
    ]
    reason = f" ({told[0]})" if told else ""
    return f"get its malloc metered{reason}: a dynamically linked program, of your own user, with libc's malloc"
