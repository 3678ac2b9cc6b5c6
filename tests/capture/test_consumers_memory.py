"""What consumers notice of memory: two readers of one slot, and the slots in circulation."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from tests.capture.conftest import FORMAT, Make, next_packet, ramp
from tests.capture.test_consumers import RecyclesTooEarly, consume, ledger_of, packet_of, short
from zcbench.capture.engine import PoolConfig
from zcbench.capture.reference import ReferenceEngine
from zcbench.capture.sources import ReplaySource
from zcbench.consumers.ledger import PacketLedger
from zcbench.consumers.registry import consumer_names
from zcbench.consumers.verifying import ReplayVerifier
from zcbench.page.scoreboard import Scoreboard


def test_memory_that_a_held_packet_still_uses_is_seen_when_it_comes_again() -> None:
    # Given an engine that recycles slots under the application, as above
    source = ReplaySource(ramp(), "ramp", pace="manual")
    engine = RecyclesTooEarly(FORMAT, source, PoolConfig(slots=3))
    engine.start()
    ledger, board = ledger_of(engine)
    held = [next_packet(engine) for _ in range(3)]
    for packet in held:
        ledger.take(packet)
    assert board["consumer.aliased"] == 0
    # When a fourth packet comes in the slot of the first, which is held
    ledger.take(next_packet(engine))
    # Then it is counted, though its own bytes are right
    assert (board["consumer.aliased"], board["consumer.corrupt_on_delivery"]) == (1, 0)


@pytest.mark.parametrize("kind", consumer_names())
def test_a_slot_used_again_after_its_return_has_one_reader(make: Make, kind: str) -> None:
    engine = make(pace="unpaced", limit=300, slots=7)
    ledger, board = ledger_of(engine)
    consumer = short(kind)
    consume(engine, consumer, ledger)
    consumer.drain(ledger)
    gc.collect()
    assert (board["consumer.received"], board["consumer.aliased"]) == (300, 0)


def test_copies_that_were_freed_may_lie_where_others_lay() -> None:
    # Given packets without a lease, whose memory malloc hands out again at once; and read-only ones
    board = Scoreboard.create()
    ledger = PacketLedger(board, lambda _: True)
    for number in range(50):
        samples = np.frombuffer(bytes(ramp()[:48].tobytes()), np.float32).reshape(48, 2)
        packet = packet_of(number, samples)
        del samples
        ledger.take(packet)
        ledger.release(packet)
    assert board["consumer.aliased"] == 0
    # When one is taken twice before it is let go
    packet = packet_of(50, ramp())
    ledger.take(packet)
    ledger.take(packet)
    assert board["consumer.aliased"] == 1


@pytest.mark.parametrize("kept", [0, 3])
def test_the_lap_of_a_slot_is_the_number_of_slots(make: Make, kept: int) -> None:
    # Given pools first in first out, and an application that keeps the last few packets
    engine = make(slots=7)
    ledger, board = ledger_of(engine)
    held: list[Any] = []
    for number in range(30):
        held.append(next_packet(engine))
        ledger.take(held[-1])
        if len(held) > kept:
            ledger.release(held.pop(0))
        # Then after the first lap, and not before it, the distance is known
        assert board["consumer.reuse_distance"] == (7 if number >= 7 else 0)


def test_overflow_blocks_do_not_lengthen_the_lap(make: Make) -> None:
    # Given 4 slots and an application that keeps 6 packets, and then lets go of all
    engine = make(slots=4)
    ledger, board = ledger_of(engine)
    for _ in range(9):
        held = [next_packet(engine) for _ in range(6)]
        for packet in held:
            ledger.take(packet)
        while held:
            ledger.release(held.pop(0))
    assert board["pool.misses"] == 18
    assert board["consumer.reuse_distance"] == 4


class LosesSlots(ReferenceEngine):
    """Forgets a slot with each tenth packet."""

    def read(self, timeout: float | None = None) -> Any:
        packet = super().read(timeout)
        if packet is not None and packet.sequence % 10 == 9:
            self._pool.free.pop()
        return packet


def test_slots_lost_shorten_the_lap() -> None:
    # Given 30 slots, one of which is lost every ten packets
    source = ReplaySource(ramp(), "ramp", pace="manual")
    engine = LosesSlots(FORMAT, source, PoolConfig(slots=30))
    engine.start()
    ledger, board = ledger_of(engine)
    seen: list[int] = []
    for _ in range(250):
        packet = next_packet(engine)
        ledger.take(packet)
        ledger.release(packet)
        distance = board["consumer.reuse_distance"] or 0
        if distance and (not seen or distance != seen[-1]):
            seen.append(distance)
    # Then the distance falls and never rises
    assert len(seen) >= 3
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] < 20


def test_when_the_followed_slot_itself_is_lost_another_is_followed() -> None:
    # Given five slots, of which the first one used, the followed one, is lost at once
    source = ReplaySource(ramp(), "ramp", pace="manual")
    engine = ReferenceEngine(FORMAT, source, PoolConfig(slots=5))
    engine.start()
    ledger, board = ledger_of(engine)
    seen: list[int | None] = []
    for number in range(30):
        packet = next_packet(engine)
        ledger.take(packet)
        ledger.release(packet)
        del packet
        if number == 0:
            engine._pool.free.pop()
        seen.append(board["consumer.reuse_distance"])
    # Then it is given up after four laps of the pool, and the lap of another one is known
    assert (seen[20], seen[-1]) == (0, 4)


@pytest.mark.parametrize(("frames", "wrong"), [(47, 1), (48, 0), (49, 1)])
def test_a_packet_of_another_size_than_the_stream_is_counted(frames: int, wrong: int) -> None:
    board = Scoreboard.create()
    ledger = PacketLedger(board, lambda _: True, FORMAT.packet_bytes)
    ledger.take(packet_of(0, ramp()[:frames]))
    assert board["consumer.wrong_size"] == wrong


def test_without_verification_nothing_of_this_is_looked_at(make: Make) -> None:
    # Given an unverified run, whose path is to stay as short as it can be
    engine = make(slots=2)
    board: Scoreboard = engine.scoreboard  # type: ignore[attr-defined]
    ledger = PacketLedger(board, None, 1)
    for _ in range(9):
        packet = next_packet(engine)
        ledger.take(packet)
        ledger.release(packet)
    assert (board["consumer.reuse_distance"], board["consumer.wrong_size"]) == (0, 0)


def test_an_engine_that_replays_the_pcm_itself_is_right_and_what_that_proves_is_noted() -> None:
    # Given a stamped source, and an engine of a user's own that loops source.pcm
    source = ReplaySource(ramp(960), "ramp", stamped=True)
    board = Scoreboard.create()
    ledger = PacketLedger(board, ReplayVerifier(source, 48))
    plain = ReplaySource(source.pcm, "ramp")
    for sequence in range(40):
        ledger.take(packet_of(sequence, plain.block(sequence, 48)))
    # Then nothing is wrong, and the page has how soon the content repeats
    assert board["consumer.corrupt_on_delivery"] == 0
    assert board["consumer.content_period"] == plain.period(48) == 20
    # but a packet that has the stamp after all is another one's, or nobody's
    ledger.take(packet_of(40, source.block(40, 48)))
    assert board["consumer.corrupt_on_delivery"] == 1


def test_an_engine_that_begins_with_the_stamp_may_not_leave_it_out() -> None:
    source = ReplaySource(ramp(960), "ramp", stamped=True)
    board = Scoreboard.create()
    ledger = PacketLedger(board, ReplayVerifier(source, 48))
    ledger.take(packet_of(0, source.block(0, 48)))
    ledger.take(packet_of(1, ReplaySource(source.pcm, "ramp").block(1, 48)))
    assert (board["consumer.corrupt_on_delivery"], board["consumer.content_period"]) == (1, 2**62)
