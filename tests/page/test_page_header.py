"""zcpage.h: one page from C and C++, by both compilers, under sanitizers, over fork, in signal handlers."""

from __future__ import annotations

import os
import signal
import subprocess
from array import array
from pathlib import Path

import pytest

from tests.page.conftest import CPP, INCLUDE, PROGRAMS, STRICT, Build, C, run
from zcbench.page import layout
from zcbench.page.layout import PAGE_VARIABLE, Kind, State
from zcbench.page.reader import PageReader, Reading, make_page

EVERYTHING = "everything.c"


def read(path: Path) -> Reading:
    with PageReader(path) as reader:
        return reader.read()


@pytest.fixture
def page(tmp_path: Path) -> Path:
    make_page(tmp_path / "page.bin")
    return tmp_path / "page.bin"


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("language", [C, CPP], ids=["C11", "C++17"])
def test_what_a_program_counts_is_read_back(
    build: Build, page: Path, compiler: str, language: list[str]
) -> None:
    printed = run(build(EVERYTHING, compiler, language), page)

    found = read(page)
    assert printed == "-1 4 1 page\n"
    assert found.values == {
        "pool.hits": 10,
        "pool.misses": 2,
        "pool.slots": 16,
        "pool.in_flight": -1,
        "pool.high_water": 4,
        "pool.oldest_lease_ns": None,
    }
    by_name = {entry.name: entry for entry in found.entries}
    assert (by_name["pool.slots"].kind, by_name["pool.slots"].unit) == (Kind.CONSTANT, "slots")
    assert (by_name["pool.hits"].kind, by_name["pool.hits"].writer) == (Kind.TOTAL, "producer")
    hold, shared = found.histograms["hold_ns"], found.histograms["delivery_ns"]
    assert (hold.count, hold.total_ns, hold.max_ns) == (11, 45_000, 9_000)
    assert (shared.count, shared.total_ns, shared.max_ns) == (10, 45_000, 9_000)
    assert shared.percentile(50) == pytest.approx(4_000, rel=1 / 16)
    assert found.laws == ("pool.captured == pool.hits + pool.misses",)
    assert found.state is State.DRAINING
    assert found.header.heartbeat == 1
    assert found.contents.problems == (
        "5 declarations or laws were refused: no room, no name, or one name of two kinds",
    )


def test_two_writers_never_share_a_cache_line(build: Build, page: Path) -> None:
    run(build(EVERYTHING, "gcc", C), page)
    lines: dict[int, set[str]] = {}
    for entry in read(page).entries:
        lines.setdefault(entry.offset // layout.LINE_BYTES, set()).add(entry.writer or entry.name)
    assert all(len(writers) == 1 for writers in lines.values())
    assert len(lines) < len(read(page).entries)  # one writer's values lie together


def test_the_header_and_the_reader_have_one_layout(build: Build) -> None:
    printed = dict(line.split() for line in run(build(EVERYTHING, "gcc", C), None, "layout").splitlines())
    at = {name: int(offset) for name, offset in printed.items()}
    numbers = {"version": 4, "entry_bytes": 4, "file_bytes": 8, "generation": 8, "table_at": 4, "capacity": 4,
               "declared": 4, "laws_at": 4, "laws_bytes": 4, "laws_used": 4, "data_at": 4, "data_bytes": 4,
               "data_used": 4, "buckets": 4, "pid": 8, "started_ns": 8, "lock": 8, "refused": 8, "heartbeat": 8,
               "state": 8, "generation_again": 8}  # fmt: skip
    blank = bytearray(layout.HEADER_BYTES)
    for number, (name, length) in enumerate(numbers.items(), 1):
        offset = at[f"zc_page.{name}"]
        blank[offset : offset + length] = number.to_bytes(length, "little")
    assert layout.HEADER.unpack(blank)[1:] == tuple(range(1, len(numbers) + 1))
    assert at["zc_page.generation"] == layout.AT_GENERATION
    assert at["zc_page.declared"] == layout.AT_DECLARED
    assert at["zc_page.laws_used"] == layout.AT_LAWS_USED
    assert at["zc_page.data_used"] == layout.AT_DATA_USED
    assert at["zc_page.refused"] == layout.AT_REFUSED
    assert at["zc_page.heartbeat"] == layout.AT_HEARTBEAT
    assert at["zc_page.generation_again"] == layout.AT_GENERATION_AGAIN
    entry = [at[f"zc_entry.{field}"] for field in ("name", "unit", "writer", "kind", "offset")]
    assert entry == [0, 64, 80, 96, 100]
    assert layout.ENTRY.pack(b"n", b"u", b"w", 1, 2)[96:104] == b"\1\0\0\0\2\0\0\0"


def test_a_page_that_the_header_makes_is_the_one_that_zcbench_makes(
    build: Build, page: Path, tmp_path: Path
) -> None:
    ours = page.read_bytes()
    made = tmp_path / "made.bin"
    run(build(EVERYTHING, "gcc", C), made)
    run(build(EVERYTHING, "gcc", C), page)
    assert len(ours) == made.stat().st_size
    words = (array("Q", path.read_bytes()) for path in (made, page))
    differ = [8 * at for at, (one, other) in enumerate(zip(*words, strict=True)) if one != other]
    assert set(differ) <= {layout.AT_PID, layout.AT_STARTED}


def test_buckets_are_those_of_the_reader(build: Build) -> None:
    printed = run(build(EVERYTHING, "gcc", C), None, "buckets")
    pairs = [(int(value), int(bucket)) for value, bucket in (line.split() for line in printed.splitlines())]
    assert len(pairs) > 200
    assert pairs == [(value, layout.bucket_of(value)) for value, _ in pairs]


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        ("gcc", "-fsanitize=thread"),
        ("clang", "-fsanitize=thread"),
        ("gcc", "-fsanitize=address,undefined"),
        ("clang", "-fsanitize=address,undefined"),
    ],
)
def test_threads_and_signals_count_exactly_under_sanitizers(
    build: Build, page: Path, compiler: str, flags: str
) -> None:
    run(build("threads.c", compiler, C, "-g", "-fno-sanitize-recover=all", flags), page)

    found = read(page)
    signals = 4 * 20
    assert found.values["signals"] == signals
    assert found.values["shared"] == 4 * 20_000 + signals
    assert [found.values[f"own.of_{i}"] for i in range(4)] == [20_000] * 4
    assert [found.values[f"late.of_{i}"] for i in range(100)] == [4] * 100
    assert found.values["most"] == 3 * 20_000 + 19_999
    assert found.histograms["spread"].count == 4 * 20_000 + signals
    assert int(found.histograms["spread"].buckets.sum()) == 4 * 20_000 + signals
    assert found.contents.problems == ()
    assert found.state is State.DONE


def test_a_forked_child_never_counts_on_its_parents_page(build: Build, page: Path) -> None:
    run(build("forked.c", "gcc", C), page)

    found = read(page)
    assert found.values == {"steps": 2, "level": 5}
    children = sorted(page.parent.glob("page.bin.*"))
    assert len(children) == 2
    for path in children:
        own = read(path)
        pid = int(path.suffix[1:])
        assert own.values == {"steps": 1_007, "level": None, "child.pid": pid}
        assert own.header.pid == pid
        assert own.laws == ("steps >= 0",)


def test_a_second_process_has_a_page_beside_the_first(build: Build, page: Path) -> None:
    program = build(EVERYTHING, "gcc", C)
    run(program, page)
    run(program, page)
    assert read(page).values["pool.hits"] == 10
    (beside,) = page.parent.glob("page.bin.*")
    assert read(beside).values["pool.hits"] == 10


def test_the_last_count_survives_a_kill(build: Build, page: Path) -> None:
    program = build("killed.c", "gcc", C)
    done = subprocess.run([program], env={PAGE_VARIABLE: str(page)}, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert read(page).values == {"steps": 123_457}


def test_a_program_of_c_and_cpp_has_one_page(page: Path, tmp_path: Path) -> None:
    objects = [tmp_path / "first.o", tmp_path / "second.o"]
    for language, source, made in ((C, "first.c", objects[0]), (CPP, "second.cpp", objects[1])):
        subprocess.run(["gcc", *STRICT, *language, "-c", str(PROGRAMS / source), "-o", made], check=True)
    program = tmp_path / "both"
    subprocess.run(["g++", *objects, "-o", program], check=True)
    run(program, page)
    assert read(page).values == {"in.c": 1, "in.cpp": 11, "level": 9}


def _fifo(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (None, "ZCBENCH_PAGE is not set"),
        (lambda path: path.write_bytes(b""), "too small"),
        (lambda path: path.write_bytes(b"x" * 10_000), "no page of version 2"),
        (lambda path: path.mkdir(), "could not be made"),
        (_fifo, "not a regular file"),
        (lambda path: path.write_bytes(layout.header(layout.geometry())), "no page of version 2"),
    ],
    ids=["unset", "empty", "noise", "folder", "pipe", "cut"],
)
def test_without_a_page_the_same_program_counts_in_private_memory(
    build: Build, tmp_path: Path, make: object, says: str
) -> None:
    path = tmp_path / "page.bin"
    if callable(make):
        make(path)
    printed = run(build(EVERYTHING, "gcc", C), path if make else None)
    assert printed.startswith("-1 4 1 ")
    assert says in printed


def test_zcbench_include_prints_the_folder_of_the_header() -> None:
    from click.testing import CliRunner

    from zcbench.cli import cli

    printed = CliRunner().invoke(cli, ["include"])
    assert printed.exit_code == 0
    folder = Path(printed.stdout.strip())
    assert (folder / "zcpage.h").read_bytes() == (INCLUDE / "zcpage.h").read_bytes()
