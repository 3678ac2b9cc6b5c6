"""An allocator that a program brings along is read through its own statistics, or named and never taken for
counted."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.probes.test_malloc_meter import PROGRAMS, Metered, follow

PATIENCE_S = 60.0  # of a test on a busy machine; readings come five times a second
NEAR = 2**18  # what the allocator itself takes and keeps
PREFIX = "_rjem_"  # as Rust's jemalloc is called, which leaves malloc alone
REDEFINED = (
    "malloc", "calloc", "realloc", "free", "posix_memalign", "aligned_alloc", "memalign", "valloc",
    "malloc_usable_size", "mallctl", "mallctlnametomib", "mallctlbymib",
)  # fmt: skip

Row = dict[str, int | float | None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("allocators")


def library(name: str) -> str:
    found = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def beside(folder: Path) -> str:
    """jemalloc with other names, so that malloc stays the C library's."""
    names, archive = folder / "names", folder / "beside.a"
    names.write_text("".join(f"{name} {PREFIX}{name}\n" for name in REDEFINED))
    command = ["objcopy", f"--redefine-syms={names}", library("libjemalloc.a"), str(archive)]
    subprocess.run(command, check=True)
    return str(archive)


STATIC_TCMALLOC = ("-Wl,--whole-archive", "libtcmalloc_minimal.a", "-Wl,--no-whole-archive")
READ = {
    "static": ("jemalloc", "libjemalloc.a", "-ldl"),
    "stripped": ("jemalloc", "libjemalloc.a", "-ldl", "-s", "-rdynamic"),  # exports it
    "forked": ("jemalloc", "libjemalloc.a", "-ldl"),  # by a process of one thread, which then waits
    "new": ("jemalloc", "-DWITH_NEW", "-ljemalloc"),  # of the library, which the meter does not see
    "tcmalloc": ("tcmalloc", *STATIC_TCMALLOC),
    "tcmalloc-new": ("tcmalloc", "-DWITH_NEW", "-Wl,--no-as-needed", "-ltcmalloc_minimal"),
    "beside": ("jemalloc", "-DALLOCATE=_rjem_malloc", "-DGIVE_BACK=_rjem_free", "beside", "-ldl"),
}


def program_of(folder: Path, name: str, flags: tuple[str, ...], source: str = "takes.cpp") -> Path:
    given = [
        beside(folder) if flag == "beside" else library(flag) if flag.endswith(".a") else flag for flag in flags
    ]
    program = folder / name
    compiler = ["gcc" if source.endswith(".c") else "g++", "-O1", "-w", "-pthread", "-fno-builtin"]
    objects = folder / f"{name}.o"  # so that libraries come after it
    defined = [flag for flag in given if flag.startswith("-D")]
    subprocess.run([*compiler, *defined, "-c", str(PROGRAMS / source), "-o", str(objects)], check=True)
    linked = [flag for flag in given if flag not in defined]
    subprocess.run(["g++", "-pthread", str(objects), "-o", str(program), *linked], check=True)
    return program


def settled(program: Metered, accept: Callable[[Row], bool]) -> Row:
    """The first reading that is accepted, else the last one after a long wait."""
    until = time.monotonic() + PATIENCE_S
    while True:
        row = dict(program.meter.read())
        if accept(row) or time.monotonic() > until:
            return row
        time.sleep(0.02)


@pytest.mark.parametrize("name", READ)
def test_the_allocators_own_count_is_read_and_follows_the_program(
    folder: Path, tmp_path: Path, name: str
) -> None:
    allocator, *flags = READ[name]
    program = Metered(tmp_path, program_of(folder, name, tuple(flags)), *(["fork"] if name == "forked" else []))
    first = 0.0
    lives = 2 if name == "forked" else 1
    for at, (_, _, said) in enumerate(program.stops()):
        if at == 0:
            first = settled(program, lambda row: bool(row.get("malloc.own_bytes")))["malloc.live_bytes"]
            continue
        wanted = said + lives * first

        def is_near(row: Row, wanted: float = wanted) -> bool:
            live = row.get("malloc.live_bytes")
            return live is not None and abs(live - wanted) < NEAR

        row = settled(program, is_near)
        assert row["malloc.live_bytes"] == pytest.approx(wanted, abs=NEAR)
        assert row["malloc.unmetered"] == 0
        assert row["malloc.own_bytes"] <= row["malloc.live_bytes"]
        assert ("malloc.live_blocks" in row) == (name == "beside")  # else nobody knows how many
    told = [notice.message for notice in program.meter.notices() if notice.kind == "probe"]
    assert told == [f"the memory of {name} is counted by {allocator}'s own statistics"]
    assert program.wait() == 0


SILENT = {
    "frozen": (
        "frozen_statistics.c",
        (),
        "(jemalloc, {0}), and its statistics do not tell",
    ),
    "hidden": ("takes.cpp", ("libjemalloc.a", "-ldl", "-s"), "({0})"),
    "mi-new": ("takes.cpp", ("-DWITH_NEW", "-Wl,--no-as-needed", "-lmimalloc"), "and it does not say how many"),
}


@pytest.mark.parametrize("name", SILENT)
def test_an_allocator_that_tells_nothing_is_named_and_counts_for_nothing(
    folder: Path, tmp_path: Path, name: str
) -> None:
    source, flags, why = SILENT[name]
    path = program_of(folder, name, flags, source)
    program = Metered(tmp_path, path)
    next(program.stops())
    row = settled(program, lambda row: row["malloc.unmetered"] == 1)
    assert row["malloc.unmetered"] == 1
    assert "malloc.live_bytes" not in row
    told = [notice.message for notice in program.meter.notices() if notice.kind == "probe"]
    assert len(told) == 1
    assert (
        f"the memory of {name} is not in malloc's exact counters: it brings an allocator of its own" in told[0]
    )
    assert why.format(path) in told[0]
    program.popen.kill()
    program.wait()


def test_what_goes_through_malloc_alone_is_counted_by_the_meter(folder: Path, tmp_path: Path) -> None:
    for library_name in ("jemalloc", "mimalloc", "tcmalloc_minimal"):
        name = f"c-{library_name}"[:15]
        scene = folder / name
        command = ["gcc", "-O1", "-w", "-pthread", "-fno-builtin", str(PROGRAMS / "scenes.c")]
        subprocess.run([*command, "-o", str(scene), f"-l{library_name}"], check=True)
        (tmp_path / name).mkdir()
        program = Metered(tmp_path / name, scene, "entry_points")
        assert len(follow(program)) >= 2
        assert program.wait() == 0
