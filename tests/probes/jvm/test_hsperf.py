"""A file of a JVM's counters is read whatever stands in it, and never believed where it cannot be."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest

from zcbench.probes.jvm import hsperf
from zcbench.probes.jvm.hsperf import JvmStartingError, PerfDataError, parse

Value = int | str


def made(values: dict[str, Value], order: str = "<", **prologue: int) -> bytes:
    """A file as HotSpot writes it."""
    entries = b""
    for name, value in values.items():
        named = name.encode() + b"\0"
        named += b"\0" * (-(20 + len(named)) % 8)
        if isinstance(value, int):
            items, kind, data = 0, b"J", struct.pack(f"{order}q", value)
        else:
            items, kind, data = len(value) + 1, b"B", value.encode() + b"\0"
            data += b"\0" * (-len(data) % 8)
        length = 20 + len(named) + len(data)
        head = struct.pack(f"{order}iii", length, 20, items) + kind + bytes([0, 1, 1])
        entries += head + struct.pack(f"{order}i", 20 + len(named)) + named + data
    known = {"byte_order": int(order == "<"), "version": 2, "accessible": 1, "count": len(values), "entry": 32}
    known |= prologue
    head = hsperf.MAGIC + bytes([known["byte_order"], known["version"], 0, known["accessible"]])
    size = 32 + len(entries)
    return head + struct.pack(f"{order}iiqii", size, 0, 0, known["entry"], known["count"]) + entries


G1: dict[str, Value] = {
    "sun.os.hrt.frequency": 1_000_000_000,
    "java.threads.live": 12,
    "sun.gc.generation.0.capacity": 7_000_000,
    "sun.gc.generation.1.capacity": 3_000_000,
    "sun.gc.generation.0.space.0.name": "eden",
    "sun.gc.generation.0.space.0.used": 5_000_000,
    "sun.gc.generation.0.space.1.name": "s0",
    "sun.gc.generation.0.space.1.used": 200_000,
    "sun.gc.generation.1.space.0.name": "space",
    "sun.gc.generation.1.space.0.used": 1_000_000,
    "sun.gc.collector.0.invocations": 7,
    "sun.gc.collector.0.time": 70_000_000,
    "sun.gc.collector.1.invocations": 2,
    "sun.gc.collector.1.time": 20_000_000,
    "sun.gc.collector.2.invocations": 4,
    "sun.gc.collector.2.time": 1_000_000,
    "java.cls.loadedClasses": 100,
    "java.cls.sharedLoadedClasses": 400,
    "java.cls.unloadedClasses": 10,
    "java.cls.sharedUnloadedClasses": 0,
}


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_heap_is_what_the_last_collection_left_whatever_the_byte_order(order: str) -> None:
    found = parse(made(G1, order))
    assert found.heap_after_gc_bytes == 1_200_000  # what eden has is garbage, or not, and new in any case
    assert found.heap_committed_bytes == 10_000_000
    assert (found.collections, found.full_collections, found.pause_ns) == (9, 2, 91_000_000)
    assert found.classes == 490
    assert found.texts["sun.gc.generation.0.space.0.name"] == "eden"


def test_what_a_full_old_generation_has_no_room_for_counts_where_it_lies() -> None:
    room = {"sun.gc.generation.1.maxCapacity": 1_010_000}
    assert parse(made(G1 | room)).heap_after_gc_bytes == 6_200_000
    assert parse(made(G1 | {"sun.gc.generation.1.maxCapacity": 2_000_000})).heap_after_gc_bytes == 1_200_000


def test_a_collector_without_collections_of_the_whole_heap_has_none() -> None:
    values = {
        name: value for name, value in G1.items() if "collector.0" not in name and "collector.1" not in name
    }
    found = parse(made(values))
    assert (found.collections, found.full_collections) == (4, None)


def test_a_size_below_zero_is_no_size() -> None:
    found = parse(made(G1 | {"sun.gc.generation.1.space.0.used": -1, "java.threads.live": -5}))
    assert found.heap_after_gc_bytes is None
    assert found.number("java.threads.live") is None


def test_a_collection_under_way_is_seen() -> None:
    times: dict[str, Value] = {"sun.gc.collector.1.lastEntryTime": 9, "sun.gc.collector.1.lastExitTime": 5}
    assert parse(made(G1 | times)).is_collecting
    assert not parse(made(G1 | times | {"sun.gc.collector.1.lastExitTime": 10})).is_collecting


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no counters"),
        (b"\0" * 32768, "no counters"),
        (b"#!/bin/sh\n" * 100, "no counters"),
        (made(G1, version=1), "version 1"),
        (made(G1, byte_order=7), "byte order 7"),
        (made(G1, accessible=0), "still starting"),
        (made(G1, count=-1), "more than any"),
        (made(G1, count=2**31 - 1), "more than any"),
        (made(G1, count=4000), "outside the file"),
        (made(G1, entry=-8), "outside the file"),
        (made(G1, entry=2**31 - 1), "outside the file"),
        (made(G1)[:-4], "outside the file"),
    ],
)
def test_what_is_no_file_of_counters_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(PerfDataError, match=why):
        parse(content)


def test_a_jvm_that_is_starting_is_told_from_a_damaged_file() -> None:
    with pytest.raises(JvmStartingError):
        parse(made(G1, accessible=0))


def test_any_damage_is_an_error_or_a_reading_and_nothing_else() -> None:
    chance = random.Random(16)
    whole = made(G1)
    refused = 0
    for _ in range(3000):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] = chance.choice(
                (0, 1, 127, 128, 255, chance.randrange(256))
            )
        try:
            found = parse(bytes(content[: chance.choice((len(content), chance.randrange(len(content)))) or 1]))
        except PerfDataError:
            refused += 1
            continue
        for value in (found.heap_after_gc_bytes, found.heap_committed_bytes, found.collections, found.pause_ns):
            assert value is None or value >= 0
    assert refused > 500


def test_only_a_regular_file_of_the_jvm_s_own_user_is_read(tmp_path: Path) -> None:
    path, link, pipe = tmp_path / "4242", tmp_path / "link", tmp_path / "pipe"
    path.write_bytes(made(G1))
    link.symlink_to(path)
    os.mkfifo(pipe)
    assert hsperf.read(str(path), os.getuid()).number("java.threads.live") == 12
    with pytest.raises(PerfDataError, match="somebody else's"):
        hsperf.read(str(path), os.getuid() + 1)
    with pytest.raises(PerfDataError, match="somebody else's"):
        hsperf.read(str(pipe), os.getuid())
    with pytest.raises(OSError, match="link"):
        hsperf.read(str(link), os.getuid())
    path.write_bytes(bytes(hsperf.LARGEST_BYTES + 1))
    with pytest.raises(PerfDataError, match="more than any JVM"):
        hsperf.read(str(path), os.getuid())
