"""read_many(): the same packets as read() gives, several at a time."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.capture.conftest import FORMAT, Make, expected, ramp
from zcbench.capture.copying import CopyingEngine
from zcbench.capture.engine import PoolConfig
from zcbench.capture.native import NativeEngine
from zcbench.capture.sources import ReplaySource


def sequences(packets: object) -> list[int]:
    return [packet.sequence for packet in packets]  # type: ignore[attr-defined]


def test_it_takes_what_is_queued_in_order_and_no_more_than_asked(make: Make) -> None:
    engine = make(slots=200)
    engine.produce(150)
    # then also more than the core takes off its queue at once
    assert sequences(engine.read_many(100)) == list(range(100))
    assert sequences(engine.read_many(10)) == list(range(100, 110))
    assert sequences(engine.read_many(1000)) == list(range(110, 150))


def test_every_packet_has_a_lease_of_its_own(make: Make) -> None:
    engine = make(slots=8)
    engine.produce(3)
    packets = list(engine.read_many(3))
    for number, packet in enumerate(packets):
        np.testing.assert_array_equal(packet.array, expected(number))
    kept = packets[1].array
    del packets, packet
    stats = engine.stats()
    assert (stats.delivered, stats.returns, stats.in_flight) == (3, 2, 1)
    np.testing.assert_array_equal(kept, expected(1))


def test_it_does_not_wait_for_more_than_one(make: Make) -> None:
    engine = make(slots=8)
    engine.produce(2)
    # when two are there, and nobody will bring a third
    assert len(engine.read_many(3, timeout=None)) == 2
    with pytest.raises(TimeoutError, match="timeout"):
        engine.read_many(3, timeout=0.01)
    with pytest.raises(TimeoutError, match="timeout"):
        engine.read_many(3, timeout=0)


def test_it_waits_for_the_first_one(make: Make) -> None:
    engine = make(slots=8)
    found: list[int] = []
    reader = threading.Thread(target=lambda: found.extend(sequences(engine.read_many(5, timeout=30))))
    reader.start()
    time.sleep(0.05)  # so that it mostly waits already; either way it gets the packet
    engine.produce(1)
    reader.join(30)
    assert found == [0]


def test_it_is_empty_at_the_end_and_stays_so(make: Make) -> None:
    engine = make(slots=8, limit=3)
    engine.produce(10)
    assert sequences(engine.read_many(8)) == [0, 1, 2]
    assert list(engine.read_many(8)) == []
    assert list(engine.read_many(8, timeout=0)) == []
    assert engine.read() is None


def test_it_can_take_turns_with_read(make: Make) -> None:
    engine = make(slots=8)
    engine.produce(5)
    first = engine.read(timeout=0)
    assert first is not None
    assert [first.sequence, *sequences(engine.read_many(2))] == [0, 1, 2]
    assert sequences(engine.read_many(9)) == [3, 4]


@pytest.mark.parametrize(
    ("packets", "timeout", "says"),
    [(0, None, "packets"), (-1, None, "packets"), (1, -1, "timeout")],
)
def test_bad_arguments_are_refused_and_nothing_is_taken(
    make: Make, packets: int, timeout: float | None, says: str
) -> None:
    engine = make(slots=8)
    engine.produce(1)
    if says == "timeout":
        engine.read()  # one that is there is had without a look at the clock
    with pytest.raises(ValueError, match=says):
        engine.read_many(packets, timeout)
    assert engine.stats().delivered == (says == "timeout")


def test_an_unpaced_stream_comes_whole(make: Make) -> None:
    engine = make(slots=16, pace="unpaced", limit=2_000)
    seen = 0
    while packets := engine.read_many(16, timeout=30):
        for packet in packets:
            assert packet.sequence == seen
            assert packet.array[0, 0] == expected(seen)[0, 0]
            seen += 1
        del packet, packets
    assert seen == 2_000
    gc.collect()
    stats = engine.stats()
    assert (stats.returns, stats.in_flight, stats.drops) == (2_000, 0, 0)


def test_the_copying_engine_gives_copies() -> None:
    source = ReplaySource(ramp(), "ramp", pace="manual")
    with CopyingEngine(FORMAT, source, PoolConfig(slots=4)) as engine:
        engine.start()
        engine.produce(3)
        packets = engine.read_many(8)
        assert sequences(packets) == [0, 1, 2]
        np.testing.assert_array_equal(packets[2].array, expected(2))
        assert engine.stats().in_flight == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda e: e.read(0, 0), "at most 1"),
        (lambda e: e.read(tmeout=0), "tmeout"),
        (lambda e: e.read(0, timeout=0), "timeout"),
        (lambda e: e.read_many(), "packets"),
        (lambda e: e.read_many(timeout=0), "packets"),
        (lambda e: e.read_many(1.5), "integer"),
        (lambda e: e.read_many(1, 0, 0), "at most 2"),
    ],
)
def test_the_native_engine_says_which_argument_is_wrong(call: Callable[[Any], object], says: str) -> None:
    source = ReplaySource(ramp(), "ramp", pace="manual")
    with NativeEngine(FORMAT, source, PoolConfig(slots=4)) as engine:
        engine.start()
        engine.produce(1)
        with pytest.raises(TypeError, match=says):
            call(engine)
        assert engine.stats().delivered == 0
        assert sequences(engine.read_many(packets=2, timeout=None)) == [0]


def test_objects_made_from_what_others_left_are_new() -> None:
    source = ReplaySource(ramp(), "ramp", pace="manual")
    with NativeEngine(FORMAT, source, PoolConfig(slots=200, queue=256)) as engine:
        engine.start()
        # given more packets than the core keeps memory of, held together and let go, twice
        for start in (0, 200):
            engine.produce(200)
            packets = engine.read_many(200)
            assert sequences(packets) == list(range(start, start + 200))
            assert not any(packet.released for packet in packets)
            kept = packets[150].array
            del packets
            # then only what is still looked at is in flight
            assert engine.stats().in_flight == 1
            np.testing.assert_array_equal(kept, expected(start + 150))
            del kept
        assert engine.stats().returns == 400
