"""Leaks in the heaps of runtimes: each is named with the heap it is in, and healthy twins are not accused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.records import Row, make_command_record
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.verdict import judge

SECONDS, EVERY_S = 300, 12
MIB = 2**20
LEAK = 300  # bytes a second
NAMES = (
    "malloc.live_bytes", "malloc.settled_bytes", "anonymous_bytes", "virtual_bytes", "processes",
    "runtime.collections",
    "v8.heap_bytes", "v8.heap_total_bytes", "v8.external_bytes", "v8.array_buffers_bytes", "v8.foreign_bytes",
    "v8.code_bytes",
    "jvm.heap_bytes", "jvm.heap_committed_bytes", "jvm.heap_after_gc_bytes", "jvm.direct_bytes",
    "jvm.metaspace_bytes", "jvm.code_bytes", "python.object_bytes", "python.large_blocks",
    "runtime.full_collections",
)  # fmt: skip
Readings = Callable[[int], Row]


def jitter(index: int, size: int) -> int:
    """0 to ``size``, another at each index: what is left of caches, and what the last packet still holds."""
    return Random(index).randrange(size)


def settled(index: int) -> int:
    """The second of the last settled collection: what is published stays until the next."""
    return index // EVERY_S * EVERY_S


def node(index: int, *, heap: int = 0, arrays: int = 0, foreign: int = 0, native: int = 0) -> Row:
    """A Node service that makes 1 MB of garbage a second; what leaks, in bytes a second, by where it is."""
    at = settled(index)
    garbage = 1_000_000 * (index % 13)  # V8 collects when it likes
    committed = 24 * MIB + heap * index // 262_144 * 262_144
    buffers, externals = 2 * MIB + arrays * at, foreign * at
    malloc = 9 * MIB + (arrays + foreign + native) * index + jitter(index, 20_000)
    row: Row = {
        "v8.heap_bytes": 6 * MIB + (heap + arrays // 3 + foreign // 3) * at + jitter(at, 3_000),
        "v8.heap_total_bytes": committed,
        "v8.array_buffers_bytes": buffers,
        "v8.external_bytes": buffers + 70_000 + externals,
        "v8.foreign_bytes": 70_000 + externals,
        "runtime.collections": index,
        "runtime.full_collections": index // 40,
        "malloc.live_bytes": malloc,
        "gc.forced_collections": index // EVERY_S,
    }
    return row | _process(malloc + committed + 2 * MIB + garbage // 1_000)


def java(index: int, *, heap: int = 0, direct: int = 0, classes: int = 0, native: int = 0) -> Row:
    """A Java service under load, whose JIT compiles for ever."""
    at = settled(index)
    malloc = 20 * MIB + (direct + native) * index + jitter(index, 30_000)
    row: Row = {
        "jvm.heap_bytes": 9 * MIB + (heap + direct // 3) * at + jitter(at, 3_000),
        "jvm.heap_after_gc_bytes": 9 * MIB + (heap + direct // 3) * at + jitter(at, 3_000),
        "jvm.heap_committed_bytes": 64 * MIB,
        "jvm.direct_bytes": 65_536 + direct * at,
        "jvm.metaspace_bytes": 8 * MIB + classes * at,
        "jvm.code_bytes": 4 * MIB + 3_000 * index,
        "runtime.full_collections": index // EVERY_S,
        "malloc.live_bytes": malloc,
        "gc.forced_collections": index // EVERY_S,
    }
    return row | _process(malloc + 64 * MIB + (12 * MIB + 3_000 * index))


def python(index: int, *, objects: int = 0, large: int = 0, native: int = 0) -> Row:
    """A Python service: its large objects are malloc's, and their garbage with them."""
    at = settled(index)
    live = 5 * MIB + (large + native) * at
    return {
        "python.object_bytes": 9 * MIB + objects * at + jitter(at, 3_000),
        "python.large_blocks": 3_700 + large * at // 1_400 + jitter(at, 3),
        "runtime.collections": index,
        "runtime.full_collections": index // EVERY_S,
        "malloc.settled_bytes": live + jitter(at, 3_000),
        "malloc.live_bytes": live + 200_000 * (index % 7),
        "gc.forced_collections": index // EVERY_S,
    } | _process(live + 11 * MIB + objects * at)


def _process(private: int) -> Row:
    return {
        "anonymous_bytes": private,
        "rss_bytes": private + 30 * MIB,
        "virtual_bytes": private + 700 * MIB,
        "processes": 1,
    }


def made(directory: Path, readings: Readings, *, seconds: int = SECONDS, **story: object) -> Record:
    brought = [VOCABULARY[name] for name in NAMES if readings(0).get(name) is not None]
    return make_command_record(
        directory, counts=readings, duration_s=seconds, rows=seconds, brought=brought, **story
    )


def memory(directory: Path, readings: Readings, **story: object) -> Finding:
    findings = judge(made(directory, readings, **story)).findings
    return next(f for f in findings if f.check == "memory")


@pytest.mark.parametrize(
    ("readings", "cause", "where", "remedy"),
    [
        (lambda i: node(i, heap=LEAK), "runtime_heap", "in the V8 heap: V8 heap by", "heap snapshot"),
        (lambda i: node(i, arrays=LEAK), "array_buffers", "in V8's array buffers: V8", "Buffers"),
        (lambda i: node(i, foreign=LEAK), "foreign_buffers", "JavaScript still owns: V8", "add-on"),
        (lambda i: node(i, native=LEAK), "native", "leaks: malloc by", "an add-on's"),
        (lambda i: java(i, heap=LEAK), "runtime_heap", "in the Java heap: Java heap by", "class_histogram"),
        (lambda i: java(i, direct=LEAK), "direct_memory", "in Java's direct buffers: Java", "ByteBuffers"),
        (lambda i: java(i, classes=LEAK), "classes", "in Java's metaspace: Java", "class loaders"),
        # a loader's tables lie in malloc, its classes' mirrors on the heap
        (
            lambda i: java(i, classes=1516, native=3167, heap=1054),
            "classes",
            "in Java's metaspace: ",
            "class l",
        ),
    ],
)
def test_a_leak_of_300_bytes_a_second_is_named_with_the_heap_that_it_is_in(
    tmp_path: Path, readings: Readings, cause: str, where: str, remedy: str
) -> None:
    found = memory(tmp_path, readings)
    assert (found.outcome, found.cause) == ("fail", cause), found.sentence
    assert where in found.sentence
    assert remedy in str(found.remedy)
    # and nobody is told of another language's tools
    assert "ython" not in found.sentence + str(found.remedy)
    assert "pip" not in str(found.remedy)


@pytest.mark.parametrize(
    ("leak", "cause", "says"),
    [
        ({"objects": LEAK}, "python_objects", "in Python's objects: Python objects by"),
        ({"large": LEAK}, "python_objects", "more Python objects above 512 bytes: 0.2"),
        ({"native": LEAK}, "native", "malloc after collections by"),
    ],
)
def test_python_s_objects_are_told_from_an_extension_s_memory(
    tmp_path: Path, leak: dict[str, int], cause: str, says: str
) -> None:
    found = memory(tmp_path, lambda index: python(index, **leak))
    assert (found.outcome, found.cause) == ("fail", cause), found.sentence
    assert says in found.sentence
    assert ("above 512" in found.sentence) == ("large" in leak)


@pytest.mark.parametrize("readings", [node, java, python])
def test_a_healthy_service_passes_beside_its_garbage(tmp_path: Path, readings: Readings) -> None:
    found = memory(tmp_path, readings)
    assert found.outcome == "pass", found.sentence
    assert found.detection_limit is not None


def test_a_leak_is_told_once_and_where_else_it_shows(tmp_path: Path) -> None:
    found = memory(tmp_path, lambda index: node(index, arrays=LEAK))
    told = found.sentence.partition(": ")[2]
    assert told.startswith("V8 array buffers by 300 B/s"), found.sentence
    assert "malloc" not in told.partition(";")[0]
    assert "malloc, V8 external grow by that" in told


@pytest.mark.parametrize(("leak", "outcome"), [(0, "pass"), (LEAK, "fail")])
def test_garbage_in_malloc_hides_no_leak_of_an_add_on_where_it_is_read_settled(
    tmp_path: Path, leak: int, outcome: str
) -> None:
    # given Buffers that are garbage, half a MB of them a second
    def buffers(index: int) -> Row:
        row = node(index, native=leak)
        garbage = 500_000 * (index % 7)
        settled_malloc = 9 * MIB + leak * settled(index) + jitter(settled(index), 2_000)
        # and what V8 has from malloc for a moment, while it compiles
        settled_malloc += {96: 900_000, 204: 80_000}.get(settled(index), 0)
        return (
            row
            | {"malloc.live_bytes": int(row["malloc.live_bytes"] or 0) + garbage}
            | ({"malloc.settled_bytes": settled_malloc})
        )

    found = memory(tmp_path, buffers)
    assert (found.outcome, found.cause) == (outcome, "native" if leak else None), found.sentence
    if leak:
        assert found.sentence.count("malloc") == 1 + found.sentence.count("malloc grows"), found.sentence


def test_garbage_in_malloc_is_no_leak_before_it_was_collected(tmp_path: Path) -> None:
    # given an add-on that hands over copies, 400 kB a second, which V8 collects in some minutes
    def copies(index: int) -> Row:
        row = node(index) | {"gc.forced_collections": None, "runtime.full_collections": 0}
        more = 400_000 * index
        return row | {"malloc.live_bytes": 9 * MIB + more, "anonymous_bytes": 40 * MIB + more}

    found = memory(tmp_path, copies, seconds=30)
    assert found.outcome == "inconclusive", found.sentence
    assert memory(tmp_path / "longer", copies, seconds=150).outcome == "inconclusive"


def test_a_warm_up_that_is_as_even_as_a_leak_is_not_called_one_in_a_minute(tmp_path: Path) -> None:
    # given a healthy web service of Java's in its first minute, with collections each 2 s
    def warming(index: int, heap: int = 5_400) -> Row:
        return (
            java(index)
            | {"jvm.heap_bytes": 2_200_000 + heap * index, "jvm.heap_after_gc_bytes": None}
            | ({"gc.forced_collections": index // 2})
        )

    found = memory(tmp_path / "sound", warming, seconds=60)
    assert found.outcome == "inconclusive", found.sentence
    assert "cannot tell a leak from a warm-up" in found.sentence
    # and one that gains as much as no warm-up does is
    found = memory(tmp_path / "leak", lambda index: warming(index, 50_000), seconds=60)
    assert (found.outcome, found.cause) == ("fail", "runtime_heap"), found.sentence


def test_foreign_buffers_need_no_column_of_their_own(tmp_path: Path) -> None:
    # given a log of process.memoryUsage(), which has external and arrayBuffers
    def logged(index: int) -> Row:
        row = node(index, foreign=LEAK)
        return row | {"v8.foreign_bytes": None}

    found = memory(tmp_path, logged)
    assert (found.outcome, found.cause) == ("fail", "foreign_buffers"), found.sentence


def test_the_harness_own_collections_are_the_marks_where_it_makes_them(tmp_path: Path) -> None:
    # given a runtime that collects once a minute by itself: too seldom to judge by
    natural = lambda index: node(index, heap=LEAK) | {"gc.forced_collections": None}  # noqa: E731
    found = memory(
        tmp_path / "natural", lambda index: natural(index) | {"runtime.full_collections": index // 60}
    )
    assert found.outcome == "inconclusive", found.sentence
    # then settled collections tell, also where full ones are counted that did not settle
    assert memory(tmp_path / "forced", lambda index: node(index, heap=LEAK)).cause == "runtime_heap"


def test_a_heap_that_nobody_collected_explains_no_pages(tmp_path: Path) -> None:
    # given 64 MiB that the JVM has, and no collection at all
    blind = lambda index: java(index) | {"gc.forced_collections": None, "runtime.full_collections": 0}  # noqa: E731
    found = memory(tmp_path, blind)
    assert found.outcome == "inconclusive", found.sentence


@pytest.mark.parametrize(
    ("mapped_per_s", "outcome"),
    [
        (80_000, "inconclusive"),  # 24 MB in the run: what V8 gathers before it looks at its whole heap
        (500_000, "fail"),  # 150 MB: no heap of 6 MB gathers as much
    ],
)
def test_what_v8_has_not_collected_yet_is_no_leak_of_private_memory(
    tmp_path: Path, mapped_per_s: int, outcome: str
) -> None:
    # given a run in which the harness collects nothing, and V8 its whole heap twice: that is read only then
    def natural(index: int) -> Row:
        row = node(index)
        row = row | _process(int(str(row["anonymous_bytes"])) + mapped_per_s * index)
        return row | {"gc.forced_collections": None, "runtime.full_collections": min(2, index // 20)}

    found = memory(tmp_path, natural)
    assert found.outcome == outcome, found.sentence
