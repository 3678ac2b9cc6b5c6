"""Policy adaptive: the pool follows what is in flight, in both engines, and never at the producer's cost."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np
import pytest

from tests.capture.conftest import FORMAT, Make, expected, next_packet, ramp
from tests.capture.test_pool import hold_laws
from zcbench.capture.engine import CaptureEngine, PacketFlags, PoolConfig, find_engine
from zcbench.capture.sources import ReplaySource
from zcbench.consumers.ledger import PacketLedger


def keep_reading(engine: CaptureEngine, keep: int) -> list[int]:
    """Read the stream to its end, holding the newest ``keep`` packets; the sequence numbers."""
    held: deque[Any] = deque()
    numbers = []
    for packet in engine:
        np.testing.assert_array_equal(packet.array, expected(packet.sequence))
        numbers.append(packet.sequence)
        held.append(packet)
        del packet
        while len(held) > keep:
            held.popleft()
    return numbers


def test_it_grows_before_the_slots_are_used_up(make: Make) -> None:
    # given 10 slots, of which more than half come to be held
    engine = make(slots=10, policy="adaptive")
    held = []
    for _ in range(60):
        held.append(next_packet(engine))
        engine.maintain()
    # then it grew each time half of it was gone: no packet met an empty pool
    s = engine.stats()
    assert (s.misses, s.drops) == (0, 0)
    assert s.slots >= 2 * 60
    assert s.grown == s.slots - 10
    assert not any(p.flags & PacketFlags.OVERFLOW for p in held)
    assert [float(p.array[0, 0]) for p in held] == [float(expected(n)[0, 0]) for n in range(60)]
    hold_laws(engine)


def test_its_producer_allocates_nothing_a_miss_is_a_drop(make: Make) -> None:
    engine = make(slots=2, policy="adaptive")
    assert engine.produce(5) == 5
    s = engine.stats()
    assert (s.hits, s.misses, s.refused, s.drops) == (2, 3, 3, 3)
    assert (s.slots, s.overflow_allocations) == (2, 0)
    hold_laws(engine)


def test_it_stops_at_its_maximum(make: Make) -> None:
    engine = make(slots=4, policy="adaptive", max=11)
    held = []
    for _ in range(20):
        engine.produce(1)
        engine.maintain()
        if engine.stats().queued:
            held.append(engine.read(0))
    s = engine.stats()
    assert (s.slots, len(held), s.misses) == (11, 11, 9)


def test_it_gives_back_what_is_not_needed_but_not_under_a_lease(make: Make) -> None:
    # given a pool that grew to hold 40 packets, of which the last is still read
    engine = make(slots=8, policy="adaptive", shrink_after_s=0.0, debug=True)
    first = engine.stats()
    held = []
    for _ in range(40):
        held.append(next_packet(engine))
        engine.maintain()
    most = engine.stats()
    view = held[-1].array[3:5]
    held.clear()
    # when nothing more is wanted
    for _ in range(20):
        engine.maintain()
    # then the slots are out of use, the memory of the one that is read is not
    s = engine.stats()
    assert s.slots == 8
    assert s.shrunk == s.grown > 80 - 8
    assert first.slab_bytes < s.slab_bytes < most.slab_bytes
    np.testing.assert_array_equal(view, expected(39)[3:5])
    del view
    engine.maintain()
    assert engine.stats().slab_bytes == first.slab_bytes
    assert engine.check() == 0
    hold_laws(engine)


def test_it_waits_before_it_shrinks(make: Make) -> None:
    engine = make(slots=8, policy="adaptive", shrink_after_s=3600.0)
    held = [next_packet(engine) for _ in range(6)]
    engine.maintain()
    held.clear()
    for _ in range(5):
        engine.maintain()
    assert engine.stats().slots == 12


def test_slots_above_the_minimum_go_too(make: Make) -> None:
    engine = make(slots=8, policy="adaptive", min=3, shrink_after_s=0.0)
    for _ in range(3):
        engine.maintain()
    assert engine.stats().slots == 3


@pytest.mark.parametrize("keep", [0, 100])
def test_an_unpaced_stream_grows_it_by_what_the_application_holds(make: Make, keep: int) -> None:
    engine = make(slots=10, policy="adaptive", pace="unpaced", limit=1000)
    assert keep_reading(engine, keep) == list(range(1000))
    s = engine.stats()
    assert (s.misses, s.drops) == (0, 0)
    assert s.slots == 10 if keep == 0 else 2 * keep < s.slots <= 4 * keep


def test_a_paced_stream_is_kept_in_slots_by_a_thread_of_the_engines_own(make: Make) -> None:
    engine = make(slots=10, policy="adaptive", pace="real", limit=600)
    numbers = keep_reading(engine, 100)
    s = engine.stats()
    assert s.slots > 200
    # A machine that stops the thread for 5 ms loses packets: they are counted, and nothing else happens.
    assert len(numbers) == 600 - s.drops
    # Of 10 slots that nobody keeps, the 100 packets held would have had 10 hits and no more.
    assert s.hits > 100
    hold_laws(engine)


def test_packets_outlive_an_adaptive_engine(make: Make) -> None:
    engine = make(slots=2, policy="adaptive", pace="unpaced", limit=50)
    packets = list(engine)
    engine.close()
    del engine
    for packet in packets:
        np.testing.assert_array_equal(packet.array, expected(packet.sequence))


def test_dropping_a_running_adaptive_engine_ends_its_threads() -> None:
    source = ReplaySource(ramp(), "ramp", pace="real")
    began = time.monotonic()
    for _ in range(20):
        engine = find_engine("native")(FORMAT, source, PoolConfig(2, "adaptive"))
        engine.start()
        del engine
    assert time.monotonic() - began < 20 * 0.5  # half a second is the keeper's own pace


@pytest.mark.parametrize("name", ["native", "reference"])
@pytest.mark.parametrize(
    ("bounds", "says"),
    [({"min": 0}, "pool.min: 0"), ({"min": 5}, "pool.min: 5"), ({"max": 3}, "pool.max: 3")],
)
def test_bounds_that_do_not_hold_the_start_are_refused(name: str, bounds: dict[str, int], says: str) -> None:
    source = ReplaySource(ramp(), "ramp", pace="manual")
    with pytest.raises(ValueError, match=says):
        find_engine(name)(FORMAT, source, PoolConfig(4, "adaptive", **bounds))  # type: ignore[arg-type]


def test_the_reference_engine_counts_memory_it_cannot_get(monkeypatch: pytest.MonkeyPatch) -> None:
    from zcbench.capture.reference import ReferenceEngine, pool

    engine = ReferenceEngine(FORMAT, ReplaySource(ramp(), "ramp", pace="manual"), PoolConfig(4, "adaptive"))
    engine.start()
    held = [next_packet(engine) for _ in range(3)]

    def none_left(_size: int) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(pool, "_aligned", none_left)
        engine.maintain()
    assert (engine.stats().slots, engine.stats().growth_failures) == (4, 1)
    engine.maintain()
    assert (engine.stats().slots, len(held)) == (6, 3)


def test_the_lap_of_a_slot_is_followed_through_a_growth(make: Make) -> None:
    # given a consumer that follows where the packets of a first-in first-out pool of 4 lie
    engine = make(slots=4, policy="adaptive")
    board = engine.scoreboard  # type: ignore[attr-defined]
    ledger = PacketLedger(board, lambda _packet: True)

    def pass_through(packets: int) -> int:
        for _ in range(packets):
            packet = next_packet(engine)
            ledger.take(packet)
            ledger.release(packet)
        return int(board["consumer.reuse_distance"] or 0)

    assert pass_through(10) == 4
    # when the pool grows
    held = [next_packet(engine) for _ in range(3)]
    engine.maintain()
    held.clear()
    # then a lap begun before says nothing, and the next one is as long as there are slots
    assert pass_through(1) == 0
    assert pass_through(14) == 6
