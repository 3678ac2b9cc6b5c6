"""The malloc meter counts exactly, whatever a program does to its allocator, and breaks none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zcbench.probes.malloc import arenas
from zcbench.probes.malloc.meter import MallocMeter, poisoned
from zcbench.probes.malloc.page import read_meter_page
from zcbench.probes.process import Process

PROGRAMS = Path(__file__).parent / "programs"
SCENES = ("entry_points", "reallocs", "short_threads", "crowd", "thread_ends", "forks", "vforks", "killed")

Compile = Callable[..., Path]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compiles a program of this folder, once a session."""
    folder = tmp_path_factory.mktemp("programs")

    def build(source: str, *flags: str, compiler: str = "gcc") -> Path:
        program = folder / "-".join([source.replace(".", "_"), compiler, *flags]).replace("/", "_")
        if not program.exists():
            command = [compiler, "-O1", "-w", "-pthread", "-fno-builtin", *flags]
            subprocess.run([*command, str(PROGRAMS / source), "-o", str(program)], check=True)
        return program

    return build


class Metered:
    """A program under the meter."""

    def __init__(self, folder: Path, *command: str | Path, preload: str = "", **variables: str) -> None:
        self.meter = MallocMeter(folder / "malloc")
        given = os.environ | ({"LD_PRELOAD": preload} if preload else {})
        environment = given | self.meter.environment(given) | variables
        self.errors = folder / "stderr"
        with self.errors.open("wb") as errors:
            self.popen = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
            )
        process = Process(self.popen.pid)
        self.meter.begin(lambda: (process,))
        self.folder = folder / "malloc"

    def stops(self) -> Iterator[tuple[int, int, int]]:
        """Process, blocks and bytes as the program says at each stop; it goes on when the caller does."""
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            pid, blocks, size = map(int, line.split())
            yield pid, blocks, size
            self.popen.stdin.write(b"x")
            self.popen.stdin.flush()

    def wait(self) -> int:
        with self.popen:  # closes its pipes
            pass
        return self.popen.returncode


def follow(program: Metered) -> list[int]:
    """Hold every stop against the page of the process that stopped; the processes, a stop each."""
    first: dict[int, tuple[int, int, int, int]] = {}
    stops = []
    for pid, blocks, size in program.stops():
        page = read_meter_page(program.folder / f"{pid}.page")
        if pid not in first:
            first[pid] = (page.live_blocks, page.live_bytes, blocks, size)
        blocks_0, size_0, said_0, said_size_0 = first[pid]
        assert page.live_blocks - blocks_0 == blocks - said_0, (len(stops), blocks)
        assert page.live_bytes - size_0 == size - said_size_0, (len(stops), size)
        assert page.allocations - page.frees <= page.live_blocks
        stops.append(pid)
    return stops


@pytest.mark.parametrize("scene", SCENES)
def test_every_block_and_byte_is_counted(build: Compile, tmp_path: Path, scene: str) -> None:
    program = Metered(tmp_path, build("scenes.c"), scene)
    stops = follow(program)
    assert len(stops) >= 2
    if scene == "short_threads":  # 10,000 of them share a few shards
        page = (program.folder / f"{stops[0]}.page").read_bytes()
        assert int.from_bytes(page[32:40], sys.byteorder) <= 4
    assert program.wait() == (-9 if scene == "killed" else 0)
    if scene == "forks":  # the parent and two children, each with a page of its own
        assert len(set(stops)) == 3


def test_operator_new_and_what_ends_with_its_thread_are_counted(build: Compile, tmp_path: Path) -> None:
    program = Metered(tmp_path, build("news.cpp", "-std=c++17", compiler="g++"))
    assert len(follow(program)) == 3
    assert program.wait() == 0


@pytest.mark.parametrize("scene", ["entry_points", "reallocs", "crowd", "thread_ends", "forks"])
def test_a_program_of_musl_is_counted_by_the_same_file(build: Compile, tmp_path: Path, scene: str) -> None:
    program = Metered(tmp_path, build("scenes.c", compiler="musl-gcc"), scene)
    assert len(follow(program)) >= 2
    assert program.wait() == 0


@pytest.fixture
def arenas_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arenas are looked at in each sample, whatever that takes."""
    monkeypatch.setattr(arenas, "EVERY_S", 0.0)
    monkeypatch.setattr(arenas, "MOST_SHARE", 1e9)


@pytest.mark.usefixtures("arenas_each_time")
def test_pages_of_arenas_are_malloc_s_and_nobody_else_s(
    build: Compile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arenas, "AT_ONCE_S", 60.0)
    # given blocks of two threads that are freed up to the last one of each, then an own allocator's memory
    program = Metered(tmp_path, build("arenas.c"))
    rows = []
    for pid, _, _ in program.stops():
        rows.append(program.meter.read())
        last = arenas.arena_bytes(pid)
    assert program.wait() == 0
    first, small, large, mapped, in_break = (row["malloc.arena_bytes"] or 0 for row in rows)
    block = 1008
    assert 8000 * block <= small - first < 8000 * block + 2**19
    assert 80_000 * block <= large - small < 80_000 * block + 2**21  # of two heaps
    assert max(row["malloc.live_bytes"] or 0 for row in rows) < 2**20
    # what is no heap's, though it lies where one could, and the break that somebody else moves
    assert mapped == large
    assert in_break <= mapped
    assert last - in_break >= 8 * 2**20


@pytest.mark.usefixtures("arenas_each_time")
def test_arenas_of_many_processes_are_looked_at_a_few_a_sample(
    build: Compile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arenas, "AT_ONCE_S", 0.0)
    program = Metered(tmp_path, build("scenes.c"), "forks")
    both = []
    for number, _ in enumerate(program.stops()):
        if number == 1:  # two of them live
            both = [program.meter.read()["malloc.arena_bytes"] for _ in range(5)]
    program.wait()
    program.meter.close()
    rounds = [size for size in both if size is not None]
    assert len(rounds) in (2, 3)  # a sample looked at one, the next one told of both
    assert min(rounds) > 0


def readings(program: Metered) -> tuple[dict[str, int | float | None], list[str]]:
    """The last reading of a program that stops once or more, and what was said of it."""
    row: dict[str, int | float | None] = {}
    for _ in program.stops():
        for _ in range(3):
            row = dict(program.meter.read())
    said = [notice.message for notice in program.meter.notices() if notice.kind == "probe"]
    assert program.wait() == 0
    program.meter.close()
    return row, said


@pytest.mark.parametrize(
    ("flags", "compiler", "why"),
    [
        (("-static",), "gcc", "it is linked statically"),
        (("-static",), "musl-gcc", "it is linked statically"),
        (("-fsanitize=address",), "gcc", "it runs under a sanitizer or Valgrind, which is its allocator"),
        (("-fsanitize=leak",), "gcc", "it runs under a sanitizer or Valgrind, which is its allocator"),
        (("-fsanitize=thread",), "clang", "it runs under a sanitizer or Valgrind, which is its allocator"),
    ],
)
def test_who_cannot_be_metered_runs_on_and_is_told_of_once(
    build: Compile, tmp_path: Path, flags: tuple[str, ...], compiler: str, why: str
) -> None:
    scene = build("scenes.c", *flags, compiler=compiler)
    row, said = readings(Metered(tmp_path, scene, "entry_points", ASAN_OPTIONS="detect_leaks=0:" + ASAN))
    assert len(said) == 1
    assert said[0].startswith(f"the memory of {scene.name[:15]}")  # Linux keeps as much of a name
    assert said[0].endswith(f" is not in malloc's exact counters: {why}")
    assert row["malloc.unmetered"] == 1
    assert "malloc.live_bytes" not in row


ASAN = "verify_asan_link_order=0:allocator_may_return_null=1"


def test_an_allocator_of_the_programs_own_is_named(build: Compile, tmp_path: Path) -> None:
    program = build("own_malloc.c")
    row, said = readings(Metered(tmp_path, program))
    assert said == [
        f"the memory of {program.name[:15]} is not in malloc's exact counters: it brings an allocator of its "
        f"own ({program})"
    ]
    assert "malloc.live_bytes" not in row


def test_a_program_with_other_rights_or_another_environment_is_told_of(build: Compile, tmp_path: Path) -> None:
    privileged = tmp_path / "privileged"
    privileged.write_bytes(build("scenes.c").read_bytes())
    privileged.chmod(0o6755)
    _, said = readings(Metered(tmp_path, "env", "-i", privileged, "vforks"))
    assert "another user's rights (setuid)" in said[0]
    _, said = readings(Metered(tmp_path, "env", "-i", build("scenes.c"), "vforks"))
    assert "it was started without LD_PRELOAD" in said[0]


def test_the_whole_tree_is_summed_and_what_an_ended_process_counted_stays(
    build: Compile, tmp_path: Path
) -> None:
    program = Metered(tmp_path, build("scenes.c"), "forks")
    rows = [program.meter.read() for _ in program.stops()]
    assert [row["malloc.metered"] for row in rows] == [1, 2, 2, 1, 2, 2, 1, 1]
    live = [row["malloc.live_bytes"] for row in rows]
    assert live[1] > 1.9 * live[0]  # the child begins with all that its parent has
    assert live[3] == live[6] == live[0]
    allocations = [row["malloc.allocations"] for row in rows]
    assert allocations == sorted(allocations)
    program.wait()
    last = program.meter.read()
    assert "malloc.live_bytes" not in last  # nobody has any
    assert last["malloc.allocations"] >= allocations[-1]
    notices = [*program.meter.notices(), *(program.meter.close() or program.meter.notices())]
    assert sum(notice.kind == "malloc_end" for notice in notices) == 3
    inventories = [notice.data["processes"] for notice in notices if notice.kind == "inventory"]
    assert len(inventories) == 2  # of the beginning and of the end
    assert inventories[1][0]["pid"] == program.popen.pid
    assert not program.folder.exists()


def test_a_process_that_becomes_an_unmetered_program_has_no_stale_counts(
    build: Compile, tmp_path: Path
) -> None:
    static = build("scenes.c", "-static")
    code = f"import os; os.execv({str(static)!r}, ['scenes', 'vforks'])"
    row, said = readings(Metered(tmp_path, sys.executable, "-c", code))
    assert "malloc.live_bytes" not in row
    assert "linked statically" in said[0]


def test_the_meter_is_found_where_a_folder_has_a_space(build: Compile, tmp_path: Path) -> None:
    folder = tmp_path / "a folder: of mine"
    folder.mkdir()
    program = Metered(folder, build("scenes.c"), "entry_points")
    assert len(follow(program)) == 3
    assert program.wait() == 0


def test_freed_memory_is_filled_where_that_is_asked_for(build: Compile, tmp_path: Path) -> None:
    program = build("after_free.c")
    printed = [
        subprocess.run([program], env=env, capture_output=True, text=True, check=True).stdout
        for env in (dict(os.environ), poisoned(os.environ))
    ]
    assert printed[1] == f"{0xA5}\n"
    assert printed[0] != printed[1]
    assert poisoned({"GLIBC_TUNABLES": "glibc.pthread.rseq=0"})["GLIBC_TUNABLES"] == (
        "glibc.pthread.rseq=0:glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"
    )


def test_a_program_that_may_write_no_file_is_not_killed_for_its_page(build: Compile, tmp_path: Path) -> None:
    limited = f"ulimit -f 0; exec {build('scenes.c')} forks"
    program = Metered(tmp_path, "sh", "-c", limited)
    assert len(list(program.stops())) == 8
    assert program.wait() == 0


@pytest.mark.parametrize("variables", [{"ZCBENCH_MALLOC_DIR": ""}, {"ZCBENCH_MALLOC_DIR": "/dev/full/none"}])
def test_where_no_page_can_be_written_the_program_runs_on(
    build: Compile, tmp_path: Path, variables: dict[str, str]
) -> None:
    program = Metered(tmp_path, build("scenes.c"), "crowd", **variables)
    assert len(list(program.stops())) >= 2
    assert program.wait() == 0


RUNTIMES = (
    [sys.executable, "-c", "print(7)"],
    ["node", "-e", "console.log(7)"],
    ["sh", "-c", "echo 7 | cat"],
    ["bash", "-c", "(echo 7 | tail -1) & wait"],
    ["valgrind", "--quiet", "--error-exitcode=9", "echo", "7"],
)


@pytest.mark.parametrize("program", RUNTIMES)
def test_programs_of_other_runtimes_run_as_ever(tmp_path: Path, program: list[str]) -> None:
    under = Metered(tmp_path, *program)
    assert under.popen.communicate()[0] == b"7\n"
    assert under.popen.returncode == 0
    assert under.errors.read_bytes() == b""
