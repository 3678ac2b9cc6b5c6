"""What the memory check says of a record: which counter leaked, how much, where, and what could be seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.records import Row, make_record, scenario
from zcbench.quantities.parsing import parse_growth
from zcbench.record.reader import Record
from zcbench.record.schema import FREE_THREADED, Event, Finding
from zcbench.scenario import MemoryTable
from zcbench.verdict import judge

ROWS = 120  # 2.5 s apart in 5 minutes
Bend = Callable[[int, Row], None]


def memory(record: Record) -> Finding:
    return next(f for f in judge(record).findings if f.check == "memory")


def run(tmp_path: Path, bend: Bend | None = None, **more: object) -> Record:
    """Five minutes at 100 packets/s, a collection every 5 s."""

    def flat(index: int, row: Row) -> None:
        row |= {"python_heap_bytes": 2_000_000, "native_heap_bytes": 6_000_000}
        if row.get("rss_bytes") is not None:
            row["rss_bytes"] = 50 * 2**20
        if bend is not None:
            bend(index, row)

    plan = scenario(duration_s=300.0, slots=100, **more)
    return make_record(tmp_path / "run", plan, rows=ROWS, bend=flat)


def grow(column: str, per_row: int) -> Bend:
    def bend(index: int, row: Row) -> None:
        if row.get(column) is not None:
            row[column] = int(row[column] or 0) + per_row * index

    return bend


def test_flat_counters_pass_and_the_power_is_stated(tmp_path: Path) -> None:
    # given five minutes in which nothing grows
    found = memory(run(tmp_path))
    assert found.outcome == "pass"
    # then the pass says what leak it would have seen, a packet and an hour
    assert found.detection_limit is not None
    assert "B a packet" in found.detection_limit
    assert "an hour (95 % confidence)" in found.detection_limit


@pytest.mark.parametrize(
    ("columns", "cause", "words"),
    [
        ({"python_small_bytes": 8000}, "python_objects", "small objects by 3,200 B/s (32 B a packet"),
        ({"native_heap_bytes": 8000}, "native", "native heap by 3,200 B/s"),
        (
            {"python_small_bytes": 8000, "allocated_blocks": 250, "native_heap_bytes": 960_000},
            "buffers",
            "native heap by 38",
        ),
        ({"overflow_live_bytes": 38_400}, "buffers", "overflow by 15,"),
        ({"rss_bytes": 40_960}, "pages", "RSS by 16,"),
    ],
)  # fmt: skip
def test_a_leak_is_named_by_the_counter_that_moved(
    tmp_path: Path, columns: dict[str, int], cause: str, words: str
) -> None:
    # given growth in one or two counters
    def bend(index: int, row: Row) -> None:
        for column, per_row in columns.items():
            grow(column, per_row)(index, row)
        if "overflow_live_bytes" in columns:  # malloc's bytes too; subtracted as known
            grow("native_heap_bytes", 38_400)(index, row)

    found = memory(run(tmp_path, bend))
    assert (found.outcome, found.cause) == ("fail", cause)
    assert words in found.sentence
    # then what did not move is said too, and what to do
    assert "did not grow" in found.sentence
    assert found.remedy


def test_the_lines_that_grew_are_named_without_folders(tmp_path: Path) -> None:
    # given a leak in a run with tracemalloc, which left the lines that grew
    sites = [{"site": "/srv/app/cache.py:31", "grown_bytes": 960_000, "grown_blocks": 30_000}]
    traced = Event(elapsed_s=299.0, kind="allocations", message="1 line", data={"sites": sites})
    record = run(tmp_path, grow("python_small_bytes", 8000))
    record = with_event(record, traced)
    found = memory(record)
    assert "app/cache.py:31 by 937.50 KiB" in found.sentence
    assert "/srv" not in found.sentence


def with_event(record: Record, event: Event) -> Record:

    return replace(record, events=(*record.events, event))


def test_a_budget_of_ones_own_decides(tmp_path: Path) -> None:
    # given 320 B/s, under the default of 8 MiB a day and under one of 100 MiB a day
    leak = grow("native_heap_bytes", 800)
    assert memory(run(tmp_path / "a", leak)).outcome == "fail"
    generous = MemoryTable(budget=parse_growth("100 MiB/d"))
    assert memory(run(tmp_path / "b", leak, memory=generous)).outcome == "pass"


@pytest.mark.parametrize(
    "columns",
    [("allocated_blocks", "python_small_bytes", "python_heap_bytes"), ("native_heap_bytes",)],
)
def test_a_heap_that_was_not_measured_never_passes(tmp_path: Path, columns: tuple[str, ...]) -> None:
    # given no reading of one of the two heaps that a leak could be in
    found = memory(run(tmp_path, lambda _, row: row.update(dict.fromkeys(columns))))
    assert (found.outcome, found.required) == ("inconclusive", True)
    assert "was not measured" in found.sentence


def without_sizes(bend: Bend | None = None) -> Bend:
    """As it was before the bytes of small objects were counted, and is where they cannot be."""

    def bent(index: int, row: Row) -> None:
        row |= {"python_small_bytes": None, "python_heap_bytes": None}
        if bend is not None:
            bend(index, row)

    return bent


def test_blocks_of_unknown_size_fail_only_at_the_least_and_pass_only_at_the_most(
    tmp_path: Path,
) -> None:
    # given blocks that grow by 0, 1 and 40 a second, whose sizes nobody knows: 16 to 512 bytes each
    flat, some, many = (
        memory(run(tmp_path / str(n), without_sizes(grow("allocated_blocks", n)))) for n in (0, 3, 100)
    )
    assert flat.outcome == "pass"
    # then what would be over the budget at 512 bytes and not at 16 is not decided, and the reason is said
    assert (some.outcome, some.required) == ("inconclusive", True)
    assert "16 to 512 bytes" in some.sentence
    assert many.outcome == "fail"
    assert "allocated blocks by 640 B/s or more" in many.sentence


def test_blocks_of_a_python_without_a_gil_may_have_any_size(tmp_path: Path) -> None:
    record = run(tmp_path, without_sizes())
    python = f"{record.run.environment.python} {FREE_THREADED}"
    environment = msgspec.structs.replace(record.run.environment, python=python)
    record = replace(record, run=msgspec.structs.replace(record.run, environment=environment))
    assert memory(record).outcome == "inconclusive"


def sizes(per_s: Mapping[int, float], *, every_s: float = 5.0, until_s: float = 300.0) -> list[Event]:
    """Readings of the size classes, those of ``per_s`` growing by so many blocks a second."""
    return [
        Event(
            elapsed_s=at_s,
            kind="small_objects",
            message="blocks",
            data={
                "blocks": {
                    str(size): 1000 + index % 3 + int(per_s.get(size, 0.0) * at_s)
                    for size in range(16, 513, 16)
                }
            },
        )
        for index, at_s in enumerate(np.arange(every_s, until_s, every_s))
    ]


@pytest.mark.parametrize(
    ("per_s", "words"),
    [
        ({64: 100}, "more blocks: 1 of 64 bytes a packet;"),
        ({512: 200}, "more blocks: 2 of 512 bytes a packet;"),
        ({336: 10}, "more blocks: 1 of 336 bytes each 10 packets;"),
        ({48: 100, 96: 100, 16: 1}, "more blocks: 1 of 96 bytes a packet, 1 of 48 bytes a packet;"),
    ],
)
def test_the_size_class_that_grows_is_named(tmp_path: Path, per_s: dict[int, float], words: str) -> None:
    # given a leak in some size classes, among 32 that flutter
    grown = round(sum(size * rate for size, rate in per_s.items()) * 2.5)
    record = run(tmp_path, grow("python_small_bytes", grown))
    record = replace(record, events=(*record.events, *sizes(per_s)))
    found = memory(record)
    assert words in found.sentence
    # then evidence has its rate
    largest = max(per_s, key=lambda size: size * per_s[size])
    rate = found.evidence[f"small_objects.{largest}_bytes.blocks_per_s"]
    assert rate == pytest.approx(per_s[largest], rel=0.05)


def test_classes_that_only_flutter_are_not_named(tmp_path: Path) -> None:
    record = run(tmp_path)
    record = replace(record, events=(*record.events, *sizes({})))
    assert not any(key.endswith("blocks_per_s") for key in memory(record).evidence)


def test_a_stale_reading_never_passes(tmp_path: Path) -> None:
    # given probes that stopped after the first minute: the page shows their last readings for ever
    def bend(index: int, row: Row) -> None:
        row["probe.cost_ns"] = 300_000 * min(index, 24)

    assert memory(run(tmp_path, bend)).outcome == "inconclusive"


def test_a_run_without_collections_says_what_it_cannot_judge(tmp_path: Path) -> None:
    # given a run whose consumer's packets only gc frees: the harness leaves gc alone
    def bend(_index: int, row: Row) -> None:
        row["gc.forced_collections"] = 0

    record = run(tmp_path, bend)

    record = replace(record, run=msgspec.structs.replace(record.run, gc_every_s=None))
    found = memory(record)
    # then the question is not asked of it
    assert (found.outcome, found.required) == ("inconclusive", False)
    assert "gc.every" in (found.remedy or "")


def test_half_a_minute_is_not_asked_and_says_how_long_it_takes(tmp_path: Path) -> None:
    # given 30 s
    found = memory(make_record(tmp_path / "run"))
    assert (found.outcome, found.required) == ("inconclusive", False)
    assert "run for" in (found.remedy or "")
    assert found.detection_limit is not None


def test_a_small_leak_of_python_does_not_name_a_large_one_outside_malloc(tmp_path: Path) -> None:
    # given 207 B/s of Python's small objects, and 131 kB/s of pages that no heap has
    def bend(index: int, row: Row) -> None:
        t = float(row["elapsed_s"] or 0)
        row["allocated_blocks"] = 100_000 + round(t * 207 / 32)
        row["python_heap_bytes"] = 2_000_000 + round(t * 207)
        if row.get("rss_bytes") is not None:
            row["rss_bytes"] = 50 * 2**20 + round(t * 131_072)

    record = make_record(tmp_path / "run", scenario(duration_s=600.0), rows=300, bend=bend)
    found = next(f for f in judge(record).findings if f.check == "memory")
    assert (found.outcome, found.cause) == ("fail", "pages")
    assert "RSS by 131," in found.sentence


def test_resident_memory_that_grows_keeps_a_short_run_from_passing(tmp_path: Path) -> None:
    # given 80 s in which 41 kB/s are mapped, which no allocator counts
    def bend(index: int, row: Row) -> None:
        row |= {"python_heap_bytes": 2_000_000, "native_heap_bytes": 6_000_000}
        if row.get("rss_bytes") is not None:
            row["rss_bytes"] = 50 * 2**20 + 40_960 * index

    found = memory(make_record(tmp_path / "run", scenario(duration_s=80.0), rows=80, bend=bend))
    assert (found.outcome, "RSS" in found.sentence) == ("inconclusive", True)
    # then for two minutes more it is a leak
    longer = scenario(duration_s=200.0)
    found = memory(make_record(tmp_path / "longer", longer, rows=200, bend=bend))
    assert (found.outcome, found.cause) == ("fail", "pages")
