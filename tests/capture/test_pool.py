"""What the pool does when slots run out, and what its counters say."""

from __future__ import annotations

import dataclasses
import sys
import threading
from typing import Any, cast

import numpy as np
import pytest

from tests.capture.conftest import Make, expected, next_packet
from zcbench.capture.engine import CaptureEngine, PacketFlags, find_engine, read_stats
from zcbench.page.scoreboard import Scoreboard


def hold_laws(engine: CaptureEngine) -> None:
    s = engine.stats()
    assert s.captured == s.hits + s.misses == s.delivered + s.drops + s.queued
    assert s.captured - s.refused == s.returns + s.in_flight


def test_grow_serves_a_miss_from_outside_the_slab(make: Make) -> None:
    engine = make(slots=2, policy="grow")
    held = [next_packet(engine) for _ in range(5)]
    s = engine.stats()
    assert (s.hits, s.misses, s.overflow_allocations, s.in_flight, s.high_water) == (2, 3, 3, 5, 5)
    assert [bool(p.flags & PacketFlags.OVERFLOW) for p in held] == [False, False, True, True, True]
    hold_laws(engine)
    held.clear()
    s = engine.stats()
    assert (s.in_flight, s.returns, s.high_water) == (0, 5, 5)
    assert s.overflow_freed_bytes == s.overflow_bytes > 0
    hold_laws(engine)


def test_drop_discards_and_marks_the_gap(make: Make) -> None:
    engine = make(slots=2, policy="drop")
    assert engine.produce(5) == 5
    s = engine.stats()
    assert (s.hits, s.misses, s.refused, s.drops, s.queued) == (2, 3, 3, 3, 2)
    hold_laws(engine)
    assert [engine.read(0).sequence for _ in range(2)] == [0, 1]  # type: ignore[union-attr]
    packet = next_packet(engine)
    assert packet.sequence == 5
    assert packet.flags & PacketFlags.GAP
    np.testing.assert_array_equal(packet.array, expected(5))
    hold_laws(engine)


def test_block_waits_for_a_return_and_loses_nothing(make: Make) -> None:
    engine = make(slots=2, policy="block", pace="unpaced", limit=200)
    numbers = [packet.sequence for packet in engine]
    s = engine.stats()
    assert numbers == list(range(200))
    assert (s.drops, s.overflow_allocations, s.high_water <= 2) == (0, 0, True)


def test_block_in_manual_pace_stops_short(make: Make) -> None:
    engine = make(slots=2, policy="block")
    assert engine.produce(5) == 2
    assert engine.stats().misses == 0
    engine.read(0)
    assert engine.produce(5) == 1


def test_a_full_queue_drops_the_newest_when_paced_really(make: Make) -> None:
    engine = make(slots=50, queue=4, pace="real", limit=10)
    while engine.stats().captured < 10:
        pass
    engine.stop()
    s = engine.stats()
    assert (s.queued, s.drops, s.in_flight) == (4, 6, 4)
    hold_laws(engine)
    assert [packet.sequence for packet in engine] == [0, 1, 2, 3]


def test_slots_are_reused_first_in_first_out(make: Make) -> None:
    engine = make(slots=3)
    places = [next_packet(engine).array.ctypes.data for _ in range(6)]
    assert places[:3] == places[3:]
    assert len(set(places)) == 3


def test_every_slot_is_aligned(make: Make) -> None:
    engine = make(slots=3, debug=True)
    held = [next_packet(engine) for _ in range(5)]
    assert [p.array.ctypes.data % 64 for p in held] == [0] * 5


def test_the_oldest_lease_is_the_oldest(make: Make) -> None:
    engine = make(slots=1)
    assert engine.stats().oldest_lease_ns == 0
    first = next_packet(engine)
    second = next_packet(engine)
    both = engine.stats().oldest_lease_ns
    del first
    assert engine.stats().oldest_lease_ns > 0
    third = engine.stats().oldest_lease_ns
    assert both > 0
    del second
    assert engine.stats().oldest_lease_ns == 0
    assert third > 0


def test_the_debug_pool_sees_a_write_past_the_end(make: Make) -> None:
    engine = make(slots=2, debug=True)
    packet = next_packet(engine)
    beyond = np.lib.stride_tricks.as_strided(packet.array.reshape(-1), (97,))
    beyond[96] = 0
    del beyond, packet
    assert engine.stats().guard_violations == 1


def test_the_debug_pool_sees_a_write_after_the_return(make: Make) -> None:
    import ctypes

    engine = make(slots=2, debug=True)
    packet = next_packet(engine)
    address = packet.array.ctypes.data
    del packet
    assert engine.check() == 0
    ctypes.c_ubyte.from_address(address + 7).value = 1
    assert engine.check() == 1
    assert engine.stats().poison_violations == 1


def test_close_counts_what_was_queued_as_drops(make: Make) -> None:
    engine = make()
    engine.produce(3)
    engine.close()
    s = engine.stats()
    assert (s.drops, s.queued, s.in_flight) == (3, 0, 0)
    assert engine.read() is None
    hold_laws(engine)


def test_what_is_queued_can_be_read_after_stop(make: Make) -> None:
    engine = make()
    engine.produce(3)
    engine.stop()
    engine.stop()
    assert [packet.sequence for packet in engine] == [0, 1, 2]
    assert engine.produce(1) == 0


def test_the_limit_ends_the_stream(make: Make) -> None:
    engine = make(limit=2)
    assert engine.produce(5) == 2
    assert len(list(engine)) == 2
    assert engine.read() is None


def test_reading_nothing_times_out(make: Make) -> None:
    engine = make()
    with pytest.raises(TimeoutError):
        engine.read(timeout=0)
    with pytest.raises(TimeoutError):
        engine.read(timeout=0.01)
    with pytest.raises(ValueError, match="timeout"):
        engine.read(timeout=-1)


def test_an_engine_starts_once(make: Make) -> None:
    with pytest.raises(RuntimeError, match="started"):
        make().start()


def test_a_paced_replay_keeps_its_deadlines(make: Make) -> None:
    engine = make(pace="real", limit=20)
    times = [packet.time_ns for packet in engine]
    assert np.diff(times).tolist() == pytest.approx([1e6] * 19, abs=2)


def test_the_checksum_is_that_of_the_bytes(make: Make) -> None:
    import zlib

    packet = next_packet(make(checksum=True))
    assert packet.checksum == zlib.crc32(expected(0).tobytes())
    assert next_packet(make()).checksum is None


def test_a_miss_costs_a_hit_rate(make: Make) -> None:
    engine = make(slots=3)
    assert engine.stats().hit_rate is None
    held = [next_packet(engine) for _ in range(4)]
    assert engine.stats().hit_rate == 0.75
    assert dataclasses.asdict(engine.stats())["misses"] == 1
    del held


def test_an_unpaced_replay_waits_for_the_application(make: Make) -> None:
    engine = make(pace="unpaced", limit=500, slots=4)
    assert [packet.sequence for packet in engine] == list(range(500))
    s = engine.stats()
    assert (s.drops, s.misses) == (0, 0)


def test_engines_are_found_by_name_and_by_class() -> None:
    from zcbench.capture.reference import ReferenceEngine

    assert find_engine("reference") is ReferenceEngine
    assert find_engine("zcbench.capture.reference:ReferenceEngine") is ReferenceEngine
    with pytest.raises(LookupError, match="no engine 'nope'; installed: copying, native, reference"):
        find_engine("nope")
    with pytest.raises(LookupError, match="no_such_module"):
        find_engine("no_such_module:Engine")


def test_the_copying_engine_hands_out_copies_and_keeps_no_slot() -> None:
    from tests.capture.conftest import FORMAT, ramp
    from zcbench.capture.engine import PoolConfig
    from zcbench.capture.sources import ReplaySource

    source = ReplaySource(ramp(), "ramp", pace="manual")
    with find_engine("copying")(FORMAT, source, PoolConfig(2)) as engine:
        engine.start()
        held = [next_packet(engine) for _ in range(5)]
        assert engine.stats().in_flight == 0
        assert engine.stats().misses == 0
        for number, packet in enumerate(held):
            np.testing.assert_array_equal(packet.array, expected(number))


def test_produce_needs_manual_pace_and_a_started_engine(make: Make) -> None:
    from tests.capture.conftest import FORMAT, ramp
    from zcbench.capture.engine import PoolConfig
    from zcbench.capture.sources import ReplaySource

    with pytest.raises(RuntimeError, match="manual"):
        make(pace="real", limit=1).produce()
    source = ReplaySource(ramp(), "ramp", pace="manual")
    with pytest.raises(RuntimeError, match="started"):
        find_engine("native")(FORMAT, source, PoolConfig(1)).produce()


@pytest.mark.parametrize("engine", ["native", "reference", "copying"])
@pytest.mark.parametrize(
    ("pool", "pcm", "says"),
    [
        ({"slots": 0}, np.zeros((9, 2), np.float32), "pool.slots: 0"),
        ({"slots": 1_000_001}, np.zeros((9, 2), np.float32), "1..1,000,000"),
        ({"slots": 1, "queue": 0}, np.zeros((9, 2), np.float32), "pool.queue: 0"),
        ({"slots": 1}, np.zeros((9, 3), np.float32), "3 channels of float32"),
        ({"slots": 1}, np.zeros((9, 2), np.int16), "2 channels of int16"),
    ],
)
def test_parts_that_do_not_fit_are_refused(engine: str, pool: Any, pcm: Any, says: str) -> None:
    from tests.capture.conftest import FORMAT
    from zcbench.capture.engine import PoolConfig
    from zcbench.capture.sources import ReplaySource

    with pytest.raises(ValueError, match=says):
        find_engine(engine)(FORMAT, ReplaySource(pcm, "pcm", pace="manual"), PoolConfig(**pool))


@pytest.mark.parametrize("pace", ["real", "unpaced"])
def test_any_number_of_threads_may_stop_an_engine_at_once(make: Make, pace: str) -> None:
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(60):
            engine = make(pace=pace)
            together = threading.Barrier(3)

            def stop(engine: CaptureEngine = engine, together: threading.Barrier = together) -> None:
                together.wait()
                engine.stop()

            threads = [threading.Thread(target=stop, daemon=True) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            assert not any(thread.is_alive() for thread in threads)
    finally:
        sys.setswitchinterval(switch)


def test_who_stops_second_waits_until_the_first_has_closed_the_device() -> None:
    from tests.capture.conftest import FORMAT
    from zcbench.capture.engine import PoolConfig
    from zcbench.capture.reference import ReferenceEngine
    from zcbench.capture.sources import DeviceSource

    closing, may_close = threading.Event(), threading.Event()

    class Device:
        def start(self) -> None:
            """Nothing comes of it."""

        def close(self) -> None:
            closing.set()
            assert may_close.wait(20)

    class Source(DeviceSource):
        def open_python_stream(self, format: Any, callback: Any) -> Any:
            return Device()

    # given a thread that is about to close the device, whose callback may still be running
    engine = ReferenceEngine(FORMAT, Source(), PoolConfig(4))
    engine.start()
    first, second = (threading.Thread(target=engine.stop, daemon=True) for _ in range(2))
    first.start()
    assert closing.wait(20)
    # when another stops the engine too
    second.start()
    second.join(0.2)
    # then it is not told that nothing more comes
    assert second.is_alive()
    with pytest.raises(TimeoutError):
        engine.read(timeout=0)
    may_close.set()
    for thread in (first, second):
        thread.join(20)
        assert not thread.is_alive()
    assert engine.read(timeout=0) is None


def test_an_exception_in_the_producer_reaches_the_reader() -> None:
    from tests.capture.conftest import FORMAT, ramp
    from zcbench.capture.engine import PoolConfig
    from zcbench.capture.reference import ReferenceEngine
    from zcbench.capture.sources import ReplaySource

    class Breaks(ReplaySource):
        def block(self, sequence: int, frames: int) -> Any:
            if sequence == 3:
                raise OSError("the file went away")
            return super().block(sequence, frames)

    with ReferenceEngine(FORMAT, Breaks(ramp(), "ramp", pace="unpaced"), PoolConfig(9)) as engine:
        engine.start()
        assert [engine.read(timeout=20).sequence for _ in range(3)] == [0, 1, 2]  # type: ignore[union-attr]
        with pytest.raises(OSError, match="the file went away"):
            engine.read(timeout=20)


def test_a_device_that_cannot_be_opened_ends_the_stream() -> None:
    from tests.capture.conftest import FORMAT
    from zcbench.capture.engine import PoolConfig
    from zcbench.capture.sources import DeviceSource, SourceError

    class Refuses(DeviceSource):
        def open_stream(self, *_arguments: Any) -> Any:
            raise SourceError("no such device")

        open_python_stream = open_stream

    for name in ("native", "reference"):
        engine = find_engine(name)(FORMAT, Refuses(), PoolConfig(1))
        with pytest.raises(SourceError):
            engine.start()
        assert engine.read(timeout=5) is None


def test_a_packet_is_no_fortran_array() -> None:
    import ctypes

    from tests.capture.conftest import FORMAT, ramp
    from zcbench.capture.engine import PoolConfig
    from zcbench.capture.sources import ReplaySource

    source = ReplaySource(ramp(), "ramp", pace="manual")
    engine = find_engine("native")(FORMAT, source, PoolConfig(1))
    engine.start()
    packet = next_packet(engine)
    fortran = 0x0040 | 0x0010 | 0x0008  # PyBUF_F_CONTIGUOUS (object.h)
    view = ctypes.create_string_buffer(256)  # larger than any Py_buffer
    get = ctypes.pythonapi.PyObject_GetBuffer
    get.argtypes = [ctypes.py_object, ctypes.c_void_p, ctypes.c_int]
    with pytest.raises(BufferError, match="C-contiguous"):
        get(packet, view, fortran)


def test_a_reading_taken_while_packets_pass_shows_none_that_was_not_captured() -> None:
    # Given a board on which one more packet has gone all its way at each look
    class Moving(dict[str, int]):
        passed = 0

        def __getitem__(self, name: str) -> int:
            self.passed += 1
            return self.passed

    # When it is read
    stats = read_stats(cast("Scoreboard", Moving()), 0)
    # Then nothing downstream is ahead of what was captured
    assert stats.captured > max(stats.delivered, stats.returns, stats.drops)
    assert stats.captured > max(stats.hits, stats.misses)
    assert stats.misses > max(stats.refused, stats.overflow_allocations)
    assert stats.overflow_allocations > stats.overflow_bytes > stats.overflow_freed_bytes
    assert stats.grown > stats.shrunk
