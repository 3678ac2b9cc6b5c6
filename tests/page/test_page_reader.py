"""The reader of a page: whatever stands in the file is read, left out and named, or refused as a whole."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import zcbench.page
from zcbench.page import layout
from zcbench.page.layout import Entry, Kind, PageError, State
from zcbench.page.reader import PageReader, make_page
from zcbench.page.writer import PageWriter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_page(tmp_path / "page.bin")
    return tmp_path / "page.bin"


@pytest.fixture
def page(path: Path) -> PageWriter:
    """A page with two values, a histogram and a law."""
    page = zcbench.page.open(path)
    page.total("pool.hits", "acquires").add(3)
    page.gauge("pool.in_flight", "leases").set(2)
    page.histogram("hold_ns").record(5)
    page.law("pool.hits >= pool.in_flight")
    return page


def put(path: Path, at: int, value: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(value)


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


def u64(value: int) -> bytes:
    return struct.pack("<Q", value)


ENTRY_0 = layout.HEADER_BYTES
SECOND = ENTRY_0 + layout.ENTRY_BYTES
DATA = layout.geometry().data_at


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.write_bytes(b""), "too few"),
        (lambda path: os.truncate(path, 100), "too few"),
        (lambda path: os.truncate(path, 2_000), "truncated: 2000 of 1048576"),
        (lambda path: os.truncate(path, 540_000), "truncated"),
        (lambda path: put(path, 0, b"ZCBOARD\0"), "no magic"),
        (lambda path: put(path, 8, u32(3)), "version 3; this zcbench reads 1 and 2"),
        (lambda path: put(path, 12, u32(0)), "version"),
        (lambda path: put(path, 16, u64(2**63)), "no page has"),
        (lambda path: put(path, 32, u32(2**32 - 8)), "do not fit"),
        (lambda path: put(path, 32, u32(8)), "do not fit"),
        (lambda path: put(path, 36, u32(2**31)), "do not fit"),
        (lambda path: put(path, 40, u32(4_097)), "more is declared"),
        (lambda path: put(path, 44, u32(2**20)), "do not fit"),
        (lambda path: put(path, 52, u32(16_385)), "more is declared"),
        (lambda path: put(path, 56, u32(2**20)), "do not fit"),
        (lambda path: put(path, 60, u32(2**31)), "do not fit"),
    ],
)
def test_a_header_that_cannot_be_is_refused(
    page: PageWriter, path: Path, damage: Callable[[Path], object], says: str
) -> None:
    copy = path.with_name("copy.bin")
    copy.write_bytes(path.read_bytes())
    with PageReader(copy) as reader:
        reader.read()
        damage(copy)
        with pytest.raises(PageError, match=says):
            reader.read()


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        (ENTRY_0, b"pool hits\0", "entry 0 has no name that can be read"),
        (ENTRY_0, b"\xff\xfe\0", "entry 0 has no name"),
        (ENTRY_0, b"\0", "entry 0 has no name"),
        (ENTRY_0, b"x" * 64, "entry 0 has no name"),
        (ENTRY_0, b"x; rm -rf\0", "entry 0 has no name"),
        (ENTRY_0 + 96, u32(0), "pool.hits is of kind 0"),
        (ENTRY_0 + 96, u32(9), "pool.hits is of kind 9"),
        (ENTRY_0 + 100, u32(0), "pool.hits leads out of the page"),
        (ENTRY_0 + 100, u32(DATA + 4), "pool.hits leads out of the page"),
        (ENTRY_0 + 100, u32(2**32 - 8), "pool.hits leads out of the page"),
        (ENTRY_0 + 100, u32(2**20), "pool.hits leads out of the page"),
        (ENTRY_0, b"pool.in_flight\0", "pool.in_flight is declared twice"),
        (SECOND + 100, u32(DATA), "pool.in_flight lies in the memory of pool.hits"),
        (ENTRY_0 + 96, u32(Kind.HISTOGRAM), "lies in the memory of pool.hits"),
        (layout.AT_STATE, u64(77), "its state is none of"),
        (layout.AT_REFUSED, u64(4), "4 declarations or laws were refused"),
        (layout.geometry().laws_at, b"\xff\xff", "a law is no text"),
        (layout.geometry().laws_at, b"\x1b[", "a law is no text"),
    ],
)
def test_what_cannot_be_is_left_out_and_named(
    page: PageWriter, path: Path, at: int, value: bytes, says: str
) -> None:
    put(path, at, value)
    with PageReader(path) as reader:
        found = reader.read()
        assert says in " ".join(reader.problems(found))
    assert found.values or found.histograms  # the rest is read


def test_noise_in_every_entry_is_told_in_a_few_sentences(path: Path) -> None:
    put(path, layout.AT_DECLARED, u32(4_096))
    put(path, ENTRY_0, os.urandom(4_096 * layout.ENTRY_BYTES))
    with PageReader(path) as reader:
        found = reader.read()
        problems = reader.problems(found)
    assert len(problems) <= 6
    assert "more like these" in problems[-1]


def test_a_declaration_in_progress_is_waited_for_and_then_said(page: PageWriter, path: Path) -> None:
    with PageReader(path) as reader:
        put(path, layout.AT_GENERATION, u64(1_000))
        found = reader.read()
        assert "its table was being written to" in " ".join(reader.problems(found))
        assert found.values["pool.hits"] == 3
        put(path, layout.AT_GENERATION_AGAIN, u64(1_000))
        assert reader.problems(reader.read()) == ()


def test_a_second_writer_is_named(page: PageWriter, path: Path) -> None:
    with PageReader(path) as reader:
        assert reader.problems(reader.read()) == ()
        put(path, layout.AT_PID, u64(99_999))
        (problem,) = reader.problems(reader.read())
    assert problem == f"process 99999 wrote to the page of process {os.getpid()}"


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), tmp_path / "none"):
        with pytest.raises(OSError, match=r"not a regular file|[Dd]irectory"):
            PageReader(path)


def test_values_declared_while_it_is_read_appear(page: PageWriter, path: Path) -> None:
    with PageReader(path) as reader:
        assert "late.one" not in reader.read().values
        page.gauge("late.one", "things").set(-7)
        assert reader.read().values["late.one"] == -7
        assert reader.read().header.generation == page._header().generation


def test_a_page_that_stands_still_is_settled_and_one_in_motion_is_not(
    page: PageWriter, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = page.total("pool.hits", "acquires")
    with PageReader(path) as reader:
        assert reader.read().is_settled
        monkeypatch.setattr("zcbench.page.reader.time.sleep", lambda _: hits.add())
        assert not reader.read().is_settled
        monkeypatch.undo()
        assert reader.read().is_settled


def test_a_full_page_refuses_one_more_and_is_read(path: Path) -> None:
    page = zcbench.page.open(path)
    for number in range(layout.CAPACITY):
        page.total(f"c.of_{number}", "things", f"thread{number % 9}").add(number)
    with pytest.raises(PageError, match="has room for 4096 values"):
        page.total("one.more", "things")
    with PageReader(path) as reader:
        found = reader.read()
    assert len(found.values) == layout.CAPACITY
    assert found.values["c.of_4095"] == 4_095


def test_the_writer_says_what_it_cannot_declare(page: PageWriter) -> None:
    for name in ("", "a b", ".a", "a.", "a..b", "1a", "é", "x" * 64):
        with pytest.raises(PageError, match="is no name of a value"):
            page.total(name, "things")
    with pytest.raises(PageError, match="unit 'éé' is not at most 15"):
        page.total("x", "éé")
    with pytest.raises(PageError, match=r"pool.hits is declared as a total already"):
        page.gauge("pool.hits", "acquires")
    for law in ("", "a == b\nc == d", "x" * 20_000):
        with pytest.raises(PageError, match="not one line"):
            page.law(law)
    with pytest.raises(PageError, match="no magic"):
        PageWriter(memoryview(bytearray(1_000)))
    page.total("still.works", "things").add()


def test_the_writer_counts_from_many_threads(page: PageWriter, path: Path) -> None:
    steps, most, spread = page.total("steps", "steps"), page.gauge("most", "steps"), page.histogram("spread")

    def count(number: int) -> None:
        for step in range(500):
            steps.add()
            most.raise_to(500 * number + step)
            spread.record(step)

    threads = [threading.Thread(target=count, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    page.state = State.DONE
    page.beat()
    with PageReader(path) as reader:
        found = reader.read()
    assert (found.values["steps"], found.values["most"], found.histograms["spread"].count) == (
        2_000,
        1_999,
        2_000,
    )
    assert (found.state, found.header.heartbeat, found.header.pid) == (State.DONE, 1, os.getpid())


@pytest.mark.parametrize("size", [layout.PAGE_BYTES, 2 * layout.PAGE_BYTES])
def test_a_forked_child_of_python_counts_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "page.bin"
    make_page(path, layout.geometry(size=size))
    monkeypatch.setenv(layout.PAGE_VARIABLE, str(path))
    monkeypatch.setattr(zcbench.page, "_page", None)
    page = zcbench.page.open()
    steps, level = page.total("steps", "steps"), page.gauge("level", "steps")
    steps.add(1)
    level.set(5)
    pid = os.fork()
    if pid == 0:
        steps.add(10)
        own = zcbench.page.open()
        steps.add(100)
        own.total("child.only", "steps").add(1)
        os._exit(0 if own is page and level.get() is None else 1)
    assert os.waitpid(pid, 0)[1] == 0
    steps.add(1)
    with PageReader(path) as reader:
        assert reader.read().values == {"steps": 2, "level": 5}
    with PageReader(path.with_name(f"page.bin.{pid}")) as reader:
        assert reader.read().values == {"steps": 110, "level": None, "child.only": 1}


def test_outside_a_run_nothing_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(layout.PAGE_VARIABLE, raising=False)
    monkeypatch.setattr(zcbench.page, "_page", None)
    page = zcbench.page.open()
    page.total("steps", "steps").add(2)
    assert page.path is None
    assert zcbench.page.open().total("steps", "steps").get() == 2
    assert list(tmp_path.iterdir()) == []


def test_an_entry_says_what_it_cannot_hold() -> None:
    assert len(Entry("a.b", "bytes", Kind.GAUGE, "", 0).packed()) == layout.ENTRY_BYTES
    with pytest.raises(PageError, match="writer"):
        Entry("a.b", "bytes", Kind.GAUGE, "x" * 16, 0).packed()


@pytest.mark.parametrize("module", ["zcbench.page", "zcbench.page.reader"])
def test_the_examples_run(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import doctest
    import importlib

    monkeypatch.delenv(layout.PAGE_VARIABLE, raising=False)
    monkeypatch.setattr(zcbench.page, "_page", None)
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert not result.failed


def test_a_subject_that_publishes_does_not_import_numpy() -> None:
    import subprocess
    import sys

    code = "import sys, zcbench.page; zcbench.page.open(); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
