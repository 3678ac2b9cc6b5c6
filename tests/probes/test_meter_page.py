"""A meter's page is somebody else's file: what is no page is an error that names it, never a reading."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zcbench.probes import procfs
from zcbench.probes.malloc.meter import MallocMeter
from zcbench.probes.malloc.page import PAGE_BYTES, MeterFile, MeterPageError, read_meter_page
from zcbench.probes.malloc.pages import MeterPages

CRASHES_AT = 192
SHARD_AT = 320


def page_of(
    pid: int = 4242, *, used: int = 2, version: int = 3, inherited: tuple[int, int] = (0, 0)
) -> bytearray:
    """A page whose first two threads allocated 10 blocks of 16 bytes and freed 3 of them."""
    page = bytearray(PAGE_BYTES)
    struct.pack_into("=8s7Q", page, 0, b"ZCMALLOC", version, pid, 2**62, used, *inherited, 0)
    page[64:72] = b"libc.so\0"
    struct.pack_into("=4Q", page, SHARD_AT, 10, 1, 160, 16)
    struct.pack_into("=4Q", page, SHARD_AT + 64, 0, 2, 0, 32)
    return page


def test_shards_are_summed(tmp_path: Path) -> None:
    (tmp_path / "page").write_bytes(page_of(inherited=(5, 1000)))
    page = read_meter_page(tmp_path / "page")
    assert (page.live_blocks, page.live_bytes) == (12, 1112)
    assert (page.allocations, page.frees, page.allocator) == (10, 3, "libc.so")


@pytest.mark.parametrize("used", [2, 20])
def test_a_page_of_many_threads_is_read_as_one_of_few(tmp_path: Path, used: int) -> None:
    raw = page_of(used=used)
    struct.pack_into("=4Q", raw, SHARD_AT + 64 * (used - 1), 7, 2, 700, 200)
    struct.pack_into("=4Q", raw, SHARD_AT + 64 * used, 7, 2, 700, 200)  # not in use
    (tmp_path / "page").write_bytes(raw)
    page = read_meter_page(tmp_path / "page")
    assert page.allocated_bytes == 160 + 700
    assert page.frees == (3 if used > 2 else 1) + 2


def test_crashes_of_children_are_told_once_each(tmp_path: Path) -> None:
    raw = page_of(os.getpid())
    path, pages = tmp_path / f"{os.getpid()}.page", MeterPages(tmp_path)
    told = []
    for crashes in (0, 1, 1, 4):
        struct.pack_into("=3Q", raw, CRASHES_AT, crashes, 77, 11)
        path.write_bytes(raw)
        pages.look()
        told.append([(crash.count, crash.pid, crash.signal) for crash in pages.crashes])
    assert told == [[], [(1, 77, 11)], [], [(3, 77, 11)]]


def test_sums_wrap_as_words_do(tmp_path: Path) -> None:
    raw = page_of()
    struct.pack_into("=4Q", raw, SHARD_AT, 2**64 - 1, 2**64 - 3, 2**64 - 1, 2**64 - 33)
    (tmp_path / "page").write_bytes(raw)
    page = read_meter_page(tmp_path / "page")
    assert (page.live_blocks, page.live_bytes) == (0, 0)  # 2 - 2, 32 - 32


def with_own(state: int, age_s: float, kind: int = 1, place: int = 1) -> bytearray:
    """The page of a process that began at the machine's start, whose allocator told of 5,000 bytes then."""
    raw = page_of()
    struct.pack_into("=Q", raw, 24, 0)
    read_ns = procfs.boot_ns() - round(age_s * 1e9)
    struct.pack_into("=5Q", raw, CRASHES_AT + 24, kind, place, state, 5000, read_ns)
    return raw


BEGINS, READ, SILENT, FORKED = 1, 2, 3, 4


def test_an_allocators_own_count_is_believed_while_it_is_young(tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_bytes(with_own(READ, 0.0))
    page = read_meter_page(path)
    assert (page.live_bytes, page.uncounted, page.counts_blocks) == (5000, None, False)
    path.write_bytes(with_own(READ, 0.0, place=2))  # beside what the meter counts
    page = read_meter_page(path)
    assert (page.live_bytes, page.uncounted, page.counts_blocks) == (5112, None, True)
    for state, said in ((BEGINS, "did not answer"), (SILENT, "do not tell"), (FORKED, "forked child")):
        path.write_bytes(with_own(state, 0.0))
        assert said in (read_meter_page(path).uncounted or "")
    path.write_bytes(with_own(SILENT, 0.0, place=2))
    page = read_meter_page(path)
    assert page.uncounted is None
    assert "some of it is jemalloc's, which stands beside malloc" in (page.partly or "")


def test_a_count_that_was_not_made_again_is_no_reading_though_the_page_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_bytes(with_own(READ, 0.0))
    file = MeterFile(path)
    assert file.read().uncounted is None
    with pytest.MonkeyPatch.context() as patched:
        later_ns = procfs.boot_ns() + 60 * 10**9
        patched.setattr(procfs, "boot_ns", lambda: later_ns)
        assert "have not been read for 60 s" in (file.read().uncounted or "")


def cut(page: bytearray) -> bytes:
    return bytes(page[:-1])


def longer(page: bytearray) -> bytes:
    return bytes(page) + b"x"


def other_magic(page: bytearray) -> bytes:
    return b"ZCBOARD\0" + bytes(page[8:])


def freed_more_than_allocated(page: bytearray) -> bytes:
    struct.pack_into("=Q", page, SHARD_AT + 24, 2**40)
    return bytes(page)


@pytest.mark.parametrize("damage", [cut, longer, other_magic, freed_more_than_allocated, lambda _: b""])
def test_what_is_no_page_is_refused(tmp_path: Path, damage: Callable[[bytearray], bytes]) -> None:
    (tmp_path / "page").write_bytes(damage(page_of()))
    with pytest.raises(MeterPageError, match="page"):
        read_meter_page(tmp_path / "page")
    (tmp_path / "page").write_bytes(page_of(used=253))
    with pytest.raises(MeterPageError, match="253 shards"):
        read_meter_page(tmp_path / "page")
    (tmp_path / "page").write_bytes(page_of(version=4))
    with pytest.raises(MeterPageError, match="version 4"):
        read_meter_page(tmp_path / "page")


def test_neither_a_link_nor_a_pipe_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(page_of())
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="link"):
        read_meter_page(tmp_path / "link")
    with pytest.raises(MeterPageError, match="not a regular file"):
        read_meter_page(tmp_path / "pipe")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, PAGE_BYTES - 1), st.integers(0, 255)), max_size=20))
def test_any_damage_is_an_error_or_a_reading_of_whole_numbers(
    tmp_path: Path, damage: list[tuple[int, int]]
) -> None:
    raw = page_of()
    for at, value in damage:
        raw[at] = value
    (tmp_path / "page").write_bytes(raw)
    try:
        page = read_meter_page(tmp_path / "page")
    except MeterPageError:
        return
    assert 0 <= page.live_blocks < 2**63
    assert 0 <= page.live_bytes < 2**63


def test_a_page_whose_process_is_gone_is_counted_and_goes(tmp_path: Path) -> None:
    gone = 2**22 + 1  # larger than the largest process id
    (tmp_path / f"{gone}.page").write_bytes(page_of(gone))
    (tmp_path / "notes.page").write_bytes(b"")
    pages = MeterPages(tmp_path)
    for _ in range(2):
        pages.look()
        assert pages.living == {}
        assert (pages.totals.allocations, pages.totals.frees) == (10, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.page"]


def test_a_page_of_an_earlier_process_of_that_number_is_not_ours(tmp_path: Path) -> None:
    raw = page_of(os.getpid())
    struct.pack_into("=Q", raw, 24, 1)  # made right after the machine started
    (tmp_path / f"{os.getpid()}.page").write_bytes(raw)
    pages = MeterPages(tmp_path)
    pages.look()
    assert pages.living == {}
    assert pages.totals.allocations == 10


def test_a_page_that_its_process_is_about_to_map_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = page_of(os.getpid())
    struct.pack_into("=Q", raw, 24, time.clock_gettime_ns(time.CLOCK_BOOTTIME))
    path = tmp_path / f"{os.getpid()}.page"
    path.write_bytes(raw)
    pages = MeterPages(tmp_path)
    pages.look()
    assert (pages.living, pages.totals.allocations, path.exists()) == ({}, 0, True)
    # and if it has not for long, it is another program by now
    monkeypatch.setattr("zcbench.probes.malloc.pages.BEGINNING_NS", 0)
    pages.look()
    assert (pages.living, pages.totals.allocations, path.exists()) == ({}, 10, False)


def test_a_damaged_page_is_told_of_once(tmp_path: Path) -> None:
    meter = MallocMeter(tmp_path)
    meter.environment({})
    meter.begin(tuple)
    (tmp_path / "77.page").write_bytes(b"what is this")
    for _ in range(3):
        assert "malloc.live_bytes" not in meter.read()
    said = [notice.message for notice in meter.notices() if notice.kind == "probe"]
    assert said == [f"{tmp_path / '77.page'}: not a page of the malloc meter"]


@pytest.mark.parametrize("error", [ProcessLookupError, FileNotFoundError])
def test_a_process_that_ends_while_it_is_looked_at_fails_no_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    def ends(pid: int, path: str) -> bool:
        raise error

    (tmp_path / f"{os.getpid()}.page").write_bytes(page_of(os.getpid()))
    pages = MeterPages(tmp_path)
    monkeypatch.setattr("zcbench.probes.procfs.maps_file", ends)
    pages.look()
    assert (pages.living, pages.totals.allocations) == ({}, 10)
