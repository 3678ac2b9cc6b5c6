"""Memory of a program: exact counters decide, coverage says for how much, and the cause says where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.records import Row, make_command_record
from zcbench.analysis.growth import growths
from zcbench.quantities.parsing import Duration
from zcbench.quantities.quantity import Kind, Origin, Quantity
from zcbench.quantities.registry import VOCABULARY
from zcbench.quantities.units import BYTES
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.schema import Event, Finding
from zcbench.render.figures.memory import draw
from zcbench.scenario import MemoryTable, SamplingTable, Scenario, SubjectTable
from zcbench.verdict import judge

SECONDS = 300
MIB = 2**20
NAMES = (
    "malloc.live_bytes", "anonymous_bytes", "virtual_bytes", "file_bytes", "processes", "v8.heap_bytes",
    "runtime.full_collections", "shared_bytes", "v8.external_bytes", "malloc.unmetered",
    "malloc.arena_bytes", "go.heap_bytes",
)  # fmt: skip
ARENA = Quantity("arena.live_bytes", BYTES, Kind.GAUGE, Origin.SUBJECT, "bytes of the arena in use")
Readings = Callable[[int], Row]


def program(
    index: int, *, malloc: int | None = 20 * MIB, apart: int = 1 * MIB, files: int = 5 * MIB, processes: int = 1
) -> Row:
    """A row of a program in C: what malloc has, private memory ``apart`` from it, and mapped files."""
    noise = 4096 * (index % 3)
    private = (malloc or 0) + apart + noise
    return {
        "malloc.live_bytes": malloc,
        "anonymous_bytes": private,
        "rss_bytes": private + files,
        "virtual_bytes": 200 * MIB + (malloc or 0) + apart + files,
        "processes": processes,
    }


def memory(directory: Path, readings: Readings, *, seconds: int = SECONDS, **story: object) -> Finding:
    brought = [*(VOCABULARY[name] for name in NAMES), ARENA]
    record = make_command_record(
        directory, counts=readings, duration_s=seconds, rows=seconds, brought=brought, **story
    )
    return next(f for f in judge(record).findings if f.check == "memory")


def leaking(per_s: int, **more: object) -> Readings:
    return lambda index: program(index, malloc=20 * MIB + per_s * index, **more)  # type: ignore[arg-type]


def test_malloc_that_is_flat_passes_and_says_how_much_of_the_memory_it_is(tmp_path: Path) -> None:
    found = memory(tmp_path, lambda index: program(index))
    assert found.outcome == "pass", found.sentence
    assert "exact counters explain 95 % of 21" in found.sentence.replace("95%", "95 %")
    assert found.detection_limit is not None


def test_a_leak_in_malloc_of_200_bytes_a_second_is_named_in_five_minutes(tmp_path: Path) -> None:
    found = memory(tmp_path, leaking(200))
    assert (found.outcome, found.cause) == ("fail", "native")
    assert "malloc by 200 B/s" in found.sentence
    assert "Python" not in found.sentence + str(found.remedy)
    assert "pip" not in str(found.remedy)


def test_memory_mapped_beside_malloc_is_called_so(tmp_path: Path) -> None:
    found = memory(tmp_path, lambda index: program(index, apart=MIB + 40_000 * index))
    assert (found.outcome, found.cause) == ("fail", "mapped")
    assert "private memory by" in found.sentence
    assert "malloc, mapped files did not grow" in found.sentence


def test_files_that_are_mapped_and_stay_so_are_called_so(tmp_path: Path) -> None:
    found = memory(tmp_path, lambda index: program(index, files=5 * MIB + 400_000 * index))
    assert (found.outcome, found.cause) == ("fail", "files_mapped")


def test_the_pages_of_a_file_that_was_mapped_before_are_no_leak(tmp_path: Path) -> None:
    def reads_its_file(index: int) -> Row:
        row = program(index, files=5 * MIB + 400_000 * index)
        return row | {"virtual_bytes": 2000 * MIB}

    found = memory(tmp_path, reads_its_file)
    assert found.outcome == "pass", found.sentence


def test_private_memory_that_nobody_explains_never_passes(tmp_path: Path) -> None:
    # given the same flat readings, once without malloc and once where malloc has a tenth of it
    for name, readings in {
        "none": lambda index: program(index, malloc=None, apart=20 * MIB),
        "little": lambda index: program(index, malloc=2 * MIB, apart=18 * MIB),
    }.items():
        found = memory(tmp_path / name, readings)
        assert found.outcome == "inconclusive", found.sentence
        assert found.required
        assert str(found.remedy).endswith("flat for 5 min: --set memory.accept=rss")
        # and once more as that remedy says
        plan = Scenario(name="soak", duration=Duration(400.0), memory=MemoryTable(accept="rss"))
        accepted = memory(tmp_path / f"{name} accepted", readings, seconds=400, plan=plan)
        assert accepted.outcome == "pass", accepted.sentence
    assert "explain 10%" in found.sentence


def keeping(index: int, *, free: int = 40 * MIB, apart: int = 2 * MIB) -> Row:
    """A program whose malloc has 20 MiB live and keeps ``free`` in its arenas; some is apart from malloc."""
    read = index % 10 == 0  # arenas are looked at seldom
    return program(index, apart=apart + free) | {"malloc.arena_bytes": 20 * MIB + free if read else None}


def test_what_malloc_keeps_free_is_known_and_what_grows_beside_it_is_none_the_less_seen(tmp_path: Path) -> None:
    # given 40 MiB of which all that is known is whose they are, or not even that
    found = memory(tmp_path / "free", keeping)
    assert found.outcome == "pass", found.sentence
    assert "explain 32% of 62.00 MiB of private memory (what malloc keeps free another 65%)" in found.sentence
    found = memory(tmp_path / "unknown", lambda index: keeping(index) | {"malloc.arena_bytes": 20 * MIB})
    assert found.outcome == "inconclusive", found.sentence
    # what another allocator has mapped beside malloc is not malloc's, be it flat or growing
    found = memory(tmp_path / "beside", lambda index: keeping(index, free=10 * MIB, apart=40 * MIB))
    assert found.outcome == "inconclusive", found.sentence
    assert "keeps free another 14%): together below 60% they do not speak for the other 40" in found.sentence
    found = memory(tmp_path / "growing", lambda index: keeping(index, apart=MIB + 40_000 * index))
    assert (found.outcome, found.cause) == ("fail", "mapped")
    # arenas that grow though nothing more is live are no answer to what grows
    found = memory(tmp_path / "arenas", lambda index: keeping(index, free=40 * MIB + 40_000 * index))
    assert found.outcome == "fail", found.sentence


def test_a_small_program_needs_no_coverage_of_what_every_process_has(tmp_path: Path) -> None:
    found = memory(tmp_path, lambda index: program(index, malloc=5000, apart=200_000))
    assert found.outcome == "pass", found.sentence


@pytest.mark.parametrize(
    ("name", "raise_it"),
    [("python3", "PYTHONMALLOC=malloc"), ("node", "the probe v8"), ("engine", "zcpage.h")],
)
def test_what_would_raise_the_coverage_speaks_the_language_of_the_program(
    tmp_path: Path, name: str, raise_it: str
) -> None:
    listed = {"probe": "processes", "processes": [{"pid": 7, "name": name}]}
    events = [Event(elapsed_s=1.0, kind="inventory", message="1 process", data=listed)]
    found = memory(tmp_path, lambda index: program(index, malloc=2 * MIB, apart=18 * MIB), events=events)
    assert raise_it in str(found.remedy)


def test_what_is_done_already_is_not_asked_for(tmp_path: Path) -> None:
    listed = {"probe": "processes", "processes": [{"pid": 7, "name": "python3"}]}
    events = [Event(elapsed_s=1.0, kind="inventory", message="1 process", data=listed)]
    plan = Scenario(
        name="soak",
        duration=Duration(SECONDS),
        sampling=SamplingTable(every=Duration(1.0)),
        subject=SubjectTable(command=("python3",), env={"PYTHONMALLOC": "malloc"}),
    )
    found = memory(
        tmp_path, lambda index: program(index, malloc=2 * MIB, apart=18 * MIB), events=events, plan=plan
    )
    assert "PYTHONMALLOC" not in str(found.remedy)


def test_why_nobody_meters_its_malloc_is_said(tmp_path: Path) -> None:
    data = {"probe": "malloc"}
    events = [Event(elapsed_s=1.0, kind="probe", message="engine is linked statically", data=data)]
    found = memory(tmp_path, lambda index: program(index, malloc=None, apart=20 * MIB), events=events)
    assert "engine is linked statically" in str(found.remedy)


def test_an_attached_process_is_told_how_to_be_metered_and_owes_no_answer(tmp_path: Path) -> None:
    found = memory(
        tmp_path,
        lambda index: program(index, malloc=None, apart=20 * MIB),
        subject=SubjectInfo(kind="attached"),
    )
    assert (found.outcome, found.required) == ("inconclusive", False)
    assert "zcbench run -- COMMAND" in str(found.remedy)


def test_a_leak_names_the_process_that_has_it(tmp_path: Path) -> None:
    def listed(elapsed_s: float, size: int) -> Event:
        processes = [
            {"pid": 7, "name": "master", "live_bytes": 5 * MIB},
            {"pid": 9, "name": "worker", "live_bytes": size},
        ]
        data = {"probe": "malloc", "processes": processes}
        return Event(elapsed_s=elapsed_s, kind="inventory", message="2 processes", data=data)

    events = [listed(1.0, MIB), listed(290.0, 8 * MIB)]
    found = memory(tmp_path, leaking(25_000, processes=2), events=events)
    assert "most of it in process 9 (worker)" in found.sentence


def test_a_heap_that_its_runtime_collects_is_judged_after_its_collections(tmp_path: Path) -> None:
    def v8(index: int, kept: int = 0) -> Row:
        row = program(index, malloc=2 * MIB, apart=40 * MIB)
        garbage = 100_000 * (index % 10)
        return row | {
            "v8.heap_bytes": 38 * MIB + garbage + kept * index,
            "runtime.full_collections": index // 10,
        }

    assert memory(tmp_path / "sound", v8).outcome == "pass"
    found = memory(tmp_path / "leak", lambda index: v8(index, 2000))
    assert (found.outcome, found.cause) == ("fail", "runtime_heap")
    found = memory(tmp_path / "never", lambda index: v8(index) | {"runtime.full_collections": 0})
    assert found.outcome == "inconclusive"
    assert "global.gc()" in str(found.remedy)


def test_a_runtime_whose_heap_nobody_reads_may_settle_without_being_accused(tmp_path: Path) -> None:
    # given what V8 does in healthy programs: 22 kB/s of new pages that it has not collected yet
    found = memory(tmp_path, lambda index: program(index, malloc=4 * MIB, apart=30 * MIB + 22_000 * index))
    assert found.outcome == "inconclusive", found.sentence


def test_garbage_of_a_runtime_whose_heap_nobody_reads_is_not_called_a_leak(tmp_path: Path) -> None:
    # given a JVM that fills its young generation, a program in C that does the same, and one that a probe knows
    row = lambda index: program(index, malloc=8 * MIB, apart=100 * MIB + 200_000 * index)  # noqa: E731
    for name, outcome in {"engine": "fail", "java": "inconclusive"}.items():
        listed = {"probe": "processes", "processes": [{"pid": 7, "name": name}]}
        events = [Event(elapsed_s=1.0, kind="inventory", message="1 process", data=listed)]
        found = memory(tmp_path / name, row, events=events)
        assert found.outcome == outcome, found.sentence
    told = {"probe": "jvm", "unread": "native image"}
    said = [Event(elapsed_s=1.0, kind="probe", message="app (7) is a GraalVM native image", data=told)]
    found = memory(tmp_path / "image", row, events=said)
    assert found.outcome == "inconclusive", found.sentence
    assert str(found.remedy).startswith("app (7) is a GraalVM native image; let it publish")
    # and one whose heap is read is judged by it
    heap = lambda index: row(index) | {"v8.heap_bytes": 90 * MIB, "runtime.full_collections": index // 10}  # noqa: E731
    assert memory(tmp_path / "read", heap, events=events).outcome == "fail"


def test_a_short_run_whose_memory_rises_does_not_pass(tmp_path: Path) -> None:
    found = memory(tmp_path, lambda index: program(index, apart=MIB + int(2.7 * MIB * index)), seconds=20)
    assert (found.outcome, found.required) == ("inconclusive", True), found.sentence
    assert "private memory rose by" in found.sentence


def test_a_short_run_that_maps_more_and_more_does_not_pass(tmp_path: Path) -> None:
    def maps(index: int) -> Row:
        return program(index, files=5 * MIB + int(2.7 * MIB * index))

    found = memory(tmp_path / "maps", maps, seconds=20)
    assert (found.outcome, found.required) == ("inconclusive", True), found.sentence
    assert "mapped files rose by" in found.sentence
    # what is read of a file that was mapped before is no growth
    reads = memory(tmp_path / "reads", lambda index: maps(index) | {"virtual_bytes": 2000 * MIB}, seconds=20)
    assert not reads.required


def test_a_short_run_whose_malloc_rises_does_not_pass(tmp_path: Path) -> None:
    # a leak that gathers speed: in 30 s nothing tells it from a warm-up, and it is seen to grow
    def rises(per_s: int) -> Readings:
        return lambda index: program(index, malloc=120_000 + int(per_s * index * (1 + index / 100)))

    found = memory(tmp_path / "rises", rises(64_000), seconds=30)
    assert (found.outcome, found.required) == ("inconclusive", True), found.sentence
    assert "growing, but a run below" in found.sentence
    assert not memory(tmp_path / "starts", rises(2_000), seconds=30).required


def test_what_rises_outside_the_counters_is_told_how_long_a_run_judges_it(tmp_path: Path) -> None:
    def rises(index: int) -> Row:
        return program(index, malloc=0, apart=9 * MIB + MIB * index)

    found = memory(tmp_path / "short", rises, seconds=30)
    assert found.outcome == "inconclusive"
    assert found.remedy == "run for 2 min or more"
    assert memory(tmp_path / "long", rises, seconds=150).cause == "mapped"


def test_a_short_run_is_told_to_be_longer_and_owes_no_answer(tmp_path: Path) -> None:
    found = memory(tmp_path, lambda index: program(index), seconds=10)
    assert (found.outcome, found.required) == ("inconclusive", False)


@pytest.mark.parametrize(
    ("warm_up", "outcomes"),
    [
        (lambda index: min(index, 30) * MIB // 30, {"pass"}),  # a table that is filled in half a minute
        (lambda index: min(index, 120) * MIB // 120, {"pass"}),  # and one in two minutes of five
        (lambda index: int(8 * MIB * (1 - 2.718 ** (-index / 30))), {"pass", "inconclusive"}),
        (lambda index: int(8 * MIB * (1 - 2.718 ** (-index / 90))), {"pass", "inconclusive"}),
    ],
)
def test_a_program_that_warms_up_and_settles_is_not_accused(
    tmp_path: Path, warm_up, outcomes: set[str]
) -> None:
    found = memory(tmp_path, lambda index: program(index, malloc=20 * MIB + warm_up(index)))
    assert found.outcome in outcomes, found.sentence


def test_a_pass_says_how_many_processes_nobody_meters(tmp_path: Path) -> None:
    found = memory(tmp_path, lambda index: program(index, processes=3) | {"malloc.unmetered": 1})
    assert found.outcome == "pass"
    assert "malloc is not metered in 1 of the processes" in found.sentence


def test_a_process_that_nobody_meters_has_no_allowance(tmp_path: Path) -> None:
    # given 3 MiB that malloc does not explain: two processes may have them, one may not
    rows = lambda index: program(index, malloc=MIB, apart=3 * MIB, processes=2)  # noqa: E731
    assert memory(tmp_path / "metered", rows).outcome == "pass"
    found = memory(tmp_path / "one", lambda index: rows(index) | {"malloc.unmetered": 1})
    assert found.outcome == "inconclusive", found.sentence


def test_what_a_runtime_has_from_malloc_is_not_counted_twice(tmp_path: Path) -> None:
    # given 18 MiB of buffers that lie in malloc's 20, and as much that nobody counts
    row = lambda index: program(index, apart=20 * MIB) | {"v8.external_bytes": 18 * MIB}  # noqa: E731
    found = memory(tmp_path, row)
    assert found.outcome == "inconclusive"
    assert "explain 50%" in found.sentence


def test_an_arena_that_the_program_publishes_is_counted_and_judged(tmp_path: Path) -> None:
    def mapped(index: int, kept: int = 0) -> Row:
        used = 38 * MIB + kept * index
        return program(index, malloc=2 * MIB, apart=40 * MIB) | {"arena.live_bytes": used}

    assert memory(tmp_path / "sound", mapped).outcome == "pass"
    found = memory(tmp_path / "leak", lambda index: mapped(index, 300))
    assert (found.outcome, found.cause) == ("fail", "published")
    assert "arena.live_bytes by 300 B/s" in found.sentence
    # and what is published from malloc's own memory adds nothing to it
    inside = lambda index: program(index, apart=20 * MIB) | {"arena.live_bytes": 15 * MIB}  # noqa: E731
    assert "explain 50%" in memory(tmp_path / "inside", inside).sentence


def test_rss_is_told_beside_what_is_judged_of_it_and_decides_nothing(tmp_path: Path) -> None:
    # given files that are read, 400 kB a second of the system's cache
    row = lambda index: program(index, files=5 * MIB + 400_000 * index) | {"virtual_bytes": 2000 * MIB}  # noqa: E731
    brought = [VOCABULARY[name] for name in NAMES]
    record = make_command_record(tmp_path, counts=row, duration_s=SECONDS, rows=SECONDS, brought=brought)
    result = judge(record)
    rss = next(growth for growth in growths(record) if growth.counter.name == "RSS")
    assert (rss.trend.outcome, rss.trend.rising) == ("inconclusive", False)
    assert result.derived["growth.rss"] == pytest.approx(400_000, rel=0.01)
    # and the figure has a panel for each that is judged
    figure = draw(record, result)
    assert figure is not None
    assert [panel.title for panel in figure.panels] == ["RSS", "malloc", "private memory"]


def test_a_heap_that_is_told_in_whole_mib_passes_no_leak_that_a_step_would_hide(tmp_path: Path) -> None:
    # given a Go program of 40 MiB whose heap is printed at each of its collections, every 5 s
    def go(index: int, *, per_s: int, step: int) -> Row:
        heap = 38 * MIB + 12_345 + per_s * (index // 5 * 5)
        row = program(index, malloc=MIB, apart=41 * MIB + per_s * index)
        return row | {"go.heap_bytes": heap // step * step, "runtime.full_collections": index // 5}

    assert memory(tmp_path / "bytes", lambda i: go(i, per_s=0, step=1)).outcome == "pass"
    for per_s in (0, 300):
        found = memory(tmp_path / str(per_s), lambda i, per_s=per_s: go(i, per_s=per_s, step=MIB))
        assert found.outcome == "inconclusive", found.sentence
        assert "1,048,576 bytes" in found.sentence
    found = memory(tmp_path / "leak", lambda i: go(i, per_s=100_000, step=MIB))
    assert (found.outcome, found.cause) == ("fail", "runtime_heap")


def unseen(name: str, begin: int, end: int) -> Readings:
    """A program that is flat, of whom ``name`` was not read from ``begin`` to ``end``."""
    return lambda index: program(index) | ({name: None} if begin <= index < end else {})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("anonymous_bytes", "private memory was not read from"),
        ("rss_bytes", "resident memory was not read from"),
        ("malloc.live_bytes", "cannot tell"),
    ],
)
@pytest.mark.parametrize(("begin", "end"), [(0, 150), (100, 180), (200, 300)])
def test_a_reading_that_is_missing_for_a_quarter_of_the_run_never_passes(
    tmp_path: Path, name: str, said: str, begin: int, end: int
) -> None:
    found = memory(tmp_path, unseen(name, begin, end))
    assert found.outcome == "inconclusive"
    assert said in found.sentence
    assert found.required
    assert found.remedy


def test_memory_that_the_system_never_told_of_does_not_pass(tmp_path: Path) -> None:
    nothing = {"anonymous_bytes": None, "rss_bytes": None, "uss_bytes": None}
    found = memory(tmp_path, lambda index: program(index) | nothing)
    assert (found.outcome, found.required) == ("inconclusive", True)
    assert "private memory was not read" in found.sentence


def test_a_few_readings_that_are_missing_are_no_reason(tmp_path: Path) -> None:
    def seldom(index: int) -> Row:
        row = program(index)
        return row if index % 10 == 0 else row | {"anonymous_bytes": None}

    assert memory(tmp_path / "seldom", seldom).outcome == "pass"
    assert memory(tmp_path / "once", unseen("rss_bytes", 280, 300)).outcome == "pass"
