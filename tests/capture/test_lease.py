"""A slot stays out of the pool as long as anything can still read it, and comes back right after."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.capture.conftest import Make, expected, next_packet
from zcbench.capture.engine import CaptureEngine, Packet


def in_flight(engine: CaptureEngine) -> int:
    return engine.stats().in_flight


VIEWS: dict[str, Callable[[Any], Any]] = {
    "the array itself": lambda p: p.array,
    "a slice": lambda p: p.array[10:20],
    "a slice of a slice": lambda p: p.array[10:20][2:4][:, 0],
    "a strided slice": lambda p: p.array[::-2, ::-1],
    "a transpose": lambda p: p.array.T,
    "a reshape": lambda p: p.array.reshape(-1)[5:],
    "a view of another type": lambda p: p.array.view(np.uint8)[3:4],
    "a subclass view": lambda p: p.array.view(np.recarray),
    "a masked array": lambda p: np.ma.asarray(p.array),
    "a memoryview of the array": lambda p: memoryview(p.array),
    "a memoryview slice": lambda p: memoryview(p.array)[4:8],
    "np.from_dlpack of the packet": lambda p: np.from_dlpack(p),
    "np.from_dlpack of a slice": lambda p: np.from_dlpack(p.array)[4:8],
    "np.asarray": lambda p: np.asarray(p.array)[1:],
    "a broadcast": lambda p: np.broadcast_to(p.array, (3, *p.array.shape)),
    "an iterator": lambda p: iter(p.array),
    "a flat iterator": lambda p: p.array.flat,
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_a_view_alone_keeps_the_slot_out_of_the_pool(make: Make, view: Callable[[Any], Any]) -> None:
    engine = make()
    packet = next_packet(engine)
    kept = view(packet)
    del packet
    gc.collect()
    assert in_flight(engine) == 1
    del kept
    assert in_flight(engine) == 0
    assert engine.stats().returns == 1


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_a_view_keeps_the_slot_also_after_release(make: Make, view: Callable[[Any], Any]) -> None:
    engine = make()
    packet = next_packet(engine)
    kept = view(packet)
    packet.release()
    assert in_flight(engine) == 1
    del kept
    assert in_flight(engine) == 0


def test_what_a_view_reads_never_changes_while_it_lives(make: Make) -> None:
    engine = make(slots=1)
    packet = next_packet(engine)
    view = packet.array[10:20]
    del packet
    for _ in range(50):
        next_packet(engine)
    np.testing.assert_array_equal(view, expected(0)[10:20])


def test_a_memoryview_of_a_native_packet_keeps_the_slot(native: CaptureEngine) -> None:
    packet = next_packet(native)
    view = memoryview(packet)
    assert (view.format, view.shape, view.nbytes) == ("f", (48, 2), packet.nbytes)
    piece = view[3:5]
    del packet, view
    assert in_flight(native) == 1
    del piece
    assert in_flight(native) == 0


@pytest.mark.parametrize("after", ["release", "with", "del"])
@pytest.mark.parametrize(
    "view",
    [np.frombuffer, np.asarray, memoryview, lambda p: np.frombuffer(memoryview(p), np.uint8)[8:]],
    ids=["frombuffer", "asarray", "memoryview", "frombuffer of a memoryview"],
)
def test_what_is_taken_through_the_buffer_protocol_keeps_the_slot_too(
    native: CaptureEngine, view: Callable[[Any], Any], after: str
) -> None:
    # np.frombuffer holds on to the object that it is given, and to its buffer only if it must.
    packet = next_packet(native)
    kept = view(packet)
    if after == "del":
        del packet
    elif after == "release":
        packet.release()
    else:
        with packet:
            pass
    assert in_flight(native) == 1
    del kept
    assert in_flight(native) == 0


@pytest.fixture
def native() -> CaptureEngine:
    from tests.capture.conftest import FORMAT, ramp
    from zcbench.capture.engine import PoolConfig
    from zcbench.capture.native import NativeEngine
    from zcbench.capture.sources import ReplaySource

    engine = NativeEngine(FORMAT, ReplaySource(ramp(), "ramp", pace="manual"), PoolConfig(slots=4))
    engine.start()
    return engine


def test_the_base_of_a_native_array_is_the_lease_and_not_an_array(native: CaptureEngine) -> None:
    array = next_packet(native).array
    assert type(array.base).__name__ == "Lease"
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.ctypes.data % 64 == 0


def test_release_and_the_with_block_give_the_slot_back(make: Make) -> None:
    engine = make()
    with next_packet(engine) as packet:
        assert in_flight(engine) == 1
        assert not packet.released
    assert packet.released
    assert in_flight(engine) == 0
    packet.release()
    assert engine.stats().returns == 1
    with pytest.raises(ValueError, match="packet 0 was released"):
        packet.array


def test_metadata_outlives_the_release(make: Make) -> None:
    engine = make(checksum=True)
    packet = next_packet(engine)
    packet.release()
    assert (packet.sequence, packet.frames, packet.channels, packet.nbytes) == (0, 48, 2, 384)
    assert packet.time_ns > 0
    assert packet.flags == 0
    assert isinstance(packet.checksum, int)


def test_a_packet_keeps_the_protocol(make: Make) -> None:
    assert isinstance(next_packet(make()), Packet)


@pytest.mark.parametrize("duplicate", [lambda p: pickle.loads(pickle.dumps(p)), copy.copy, copy.deepcopy])
def test_pickling_and_copying_take_the_data_and_no_lease(make: Make, duplicate: Callable[[Any], Any]) -> None:
    engine = make()
    packet = next_packet(engine)
    twin = duplicate(packet)
    del packet
    assert in_flight(engine) == 0
    next_packet(engine)
    np.testing.assert_array_equal(twin.array, expected(0))
    assert twin.sequence == 0
    assert isinstance(twin, Packet)


def test_a_packet_in_a_reference_cycle_returns_when_gc_runs(make: Make) -> None:
    engine = make()
    gc.collect()
    cycle: list[Any] = [next_packet(engine)]
    cycle.append(cycle)
    del cycle
    assert in_flight(engine) == 1
    gc.collect()
    assert in_flight(engine) == 0


def test_a_packet_kept_by_a_traceback_returns_when_the_exception_is_gone(make: Make) -> None:
    engine = make()

    def use() -> None:
        packet = next_packet(engine)
        raise RuntimeError(packet.sequence)

    caught = None
    try:
        use()
    except RuntimeError as error:
        caught = error
    assert in_flight(engine) == 1
    assert caught is not None
    caught = None
    assert in_flight(engine) == 0


def test_packets_outlive_engine_and_pool(make: Make) -> None:
    engine = make(slots=2)
    board = engine.scoreboard  # type: ignore[attr-defined]
    held = [next_packet(engine) for _ in range(5)]  # two in the slab, three outside it
    arrays = [packet.array for packet in held]
    engine.close()
    del engine, held
    gc.collect()
    for number, array in enumerate(arrays):
        np.testing.assert_array_equal(array, expected(number))
    assert board["pool.in_flight"] == 5
    del arrays, array
    gc.collect()
    assert board["pool.in_flight"] == 0
    assert board["pool.overflow_bytes"] == board["pool.overflow_freed_bytes"]


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_the_interpreter_exits_cleanly_with_packets_alive(engine: str) -> None:
    program = f"""
        import numpy as np
        from zcbench.capture.engine import PoolConfig, StreamFormat, find_engine
        from zcbench.capture.sources import ReplaySource
        source = ReplaySource(np.ones((480, 2), np.float32), "ones", pace="unpaced")
        engine = find_engine("{engine}")(StreamFormat(), source, PoolConfig(4))
        engine.start()
        held = [engine.read() for _ in range(10)]
        arrays = [packet.array[1:] for packet in held]
        cycle = [held[0]]; cycle.append(cycle)
        print("done")
    """
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", textwrap.dedent(program)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr


def test_a_packet_returns_from_another_thread(make: Make) -> None:
    engine = make()
    box = [next_packet(engine)]
    thread = threading.Thread(target=box.clear)
    thread.start()
    thread.join()
    assert in_flight(engine) == 0


@pytest.mark.parametrize("policy", ["grow", "block"])
def test_eight_threads_return_while_the_producer_runs(make: Make, policy: str) -> None:
    packets = 4000
    engine = make(pace="unpaced", limit=packets, slots=16, policy=policy, debug=True)
    handed: list[Any] = []
    wrong: list[int] = []
    over = threading.Event()

    def give_back() -> None:
        while not (over.is_set() and not handed):
            try:
                packet = handed.pop()
            except IndexError:
                over.wait(0.0005)
                continue
            if not np.array_equal(packet.array, expected(packet.sequence)):
                wrong.append(packet.sequence)
            del packet

    threads = [threading.Thread(target=give_back) for _ in range(8)]
    for thread in threads:
        thread.start()
    for number, packet in enumerate(engine):
        assert packet.sequence == number
        handed.append(packet)
        del packet
    over.set()
    for thread in threads:
        thread.join()
    stats = engine.stats()
    assert wrong == []
    assert (stats.captured, stats.delivered, stats.drops) == (packets, packets, 0)
    assert (stats.returns, stats.in_flight) == (packets, 0)
    assert (stats.guard_violations, stats.poison_violations, engine.check()) == (0, 0, 0)
