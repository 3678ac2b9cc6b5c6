"""What applications do with packets, and that a wrong byte or number never goes unseen."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.capture.conftest import FORMAT, Make, next_packet, ramp
from zcbench.capture.detached import DetachedPacket
from zcbench.capture.engine import CaptureEngine, PoolConfig, StreamFormat
from zcbench.capture.reference import ReferenceEngine
from zcbench.capture.sources import ReplaySource
from zcbench.consumers import loop
from zcbench.consumers.consumer import Consumer
from zcbench.consumers.kinds import slow
from zcbench.consumers.kinds.copy import Copy
from zcbench.consumers.kinds.immediate import Immediate
from zcbench.consumers.ledger import PacketLedger
from zcbench.consumers.registry import consumer_names, find_consumer, make_consumer
from zcbench.consumers.verifying import ReplayVerifier, verify_checksum
from zcbench.page.scoreboard import Scoreboard


def ledger_of(engine: Any, *, verify: Any = None) -> tuple[PacketLedger, Scoreboard]:
    """A ledger on the engine's own scoreboard; every byte is compared unless told otherwise."""
    board: Scoreboard = engine.scoreboard
    verify = verify or ReplayVerifier(ReplaySource(ramp(), "ramp"), FORMAT.frames)
    return PacketLedger(board, verify), board


def consume(engine: CaptureEngine, consumer: Consumer, ledger: PacketLedger) -> None:
    loop.run(engine, consumer, ledger, threading.Event())


def short(kind: str) -> Consumer:
    times = {"hold": 0.005, "work": 0.0001, "every": 0.005}
    options = find_consumer(kind).traits.options
    return make_consumer(kind, **{option.name: times[option.name] for option in options})


@pytest.fixture
def no_gc() -> Iterator[None]:
    """No garbage collection but those a test asks for."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("kind", consumer_names())
def test_every_consumer_checks_every_byte_twice_and_gives_everything_back(make: Make, kind: str) -> None:
    # Given a stream of 300 packets
    engine = make(pace="unpaced", limit=300, slots=20, debug=True)
    ledger, board = ledger_of(engine)
    consumer = short(kind)
    # When the consumer has taken them and the stream is over
    consume(engine, consumer, ledger)
    consumer.drain(ledger)
    gc.collect()
    # Then each was compared on delivery and before its return, and is back
    received = {name: board[f"consumer.{name}"] for name in ("received", "checked", "rechecked")}
    assert received == {"received": 300, "checked": 300, "rechecked": 300}
    assert board["consumer.corrupt_on_delivery"] == board["consumer.corrupt_before_return"] == 0
    assert (board["consumer.last_sequence"], board["consumer.gaps"]) == (299, 0)
    assert (board["consumer.held"], board["pool.in_flight"]) == (0, 0)
    assert board["engine.stop_ns"] >= board["engine.start_ns"]  # type: ignore[operator]


def test_an_unknown_consumer_is_refused_with_those_there_are() -> None:
    with pytest.raises(LookupError, match="no consumer 'hoard'; there are immediate, hold, cycle, slow"):
        make_consumer("hoard")


@pytest.mark.parametrize("kind", ["immediate", "slow", "burst", "copy"])
def test_a_consumer_that_keeps_nothing_needs_one_slot(make: Make, kind: str) -> None:
    engine = make(slots=1)
    ledger, board = ledger_of(engine)
    consumer = short(kind)
    for _ in range(20):
        packet = next_packet(engine)
        ledger.take(packet)
        consumer.consume(packet, ledger)
        del packet
        assert board["pool.in_flight"] == 0
    assert board["pool.misses"] == 0


def test_hold_keeps_exactly_the_packets_of_its_time(make: Make) -> None:
    # Given packets 1 ms apart (48 frames at 48 kHz), on their deadlines, and 10 ms to hold
    engine = make(pace="real", limit=60, slots=60)
    ledger, board = ledger_of(engine)
    consumer = make_consumer("hold", hold=0.010)
    # When the stream is over
    consume(engine, consumer, ledger)
    # Then 10 packets are held, knowingly, and are all that is out
    assert (board["consumer.held"], board["pool.in_flight"]) == (10, 10)
    assert board["consumer.rechecked"] == 50
    consumer.drain(ledger)
    assert (board["consumer.held"], board["pool.in_flight"]) == (0, 0)


@pytest.mark.usefixtures("no_gc")
def test_cycle_gives_nothing_back_until_gc_runs(make: Make) -> None:
    engine = make(limit=30, slots=5)
    engine.produce(30)
    ledger, board = ledger_of(engine)
    consume(engine, make_consumer("cycle"), ledger)
    assert (board["pool.in_flight"], board["consumer.rechecked"]) == (30, 0)
    gc.collect()
    assert (board["pool.in_flight"], board["consumer.rechecked"]) == (0, 30)


@pytest.mark.usefixtures("no_gc")
def test_cycle_drains_by_a_collection(make: Make) -> None:
    engine = make(limit=3)
    engine.produce(3)
    ledger, board = ledger_of(engine)
    consumer = make_consumer("cycle")
    consume(engine, consumer, ledger)
    consumer.drain(ledger)
    assert board["pool.in_flight"] == 0


def test_slow_works_on_each_packet_while_it_holds_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make(limit=3)
    engine.produce(3)
    ledger, board = ledger_of(engine)
    worked: list[tuple[float, int | None]] = []

    def work(seconds: float) -> None:
        worked.append((seconds, board["pool.in_flight"]))

    monkeypatch.setattr(slow.time, "sleep", work)
    consume(engine, make_consumer("slow", work=0.25), ledger)
    assert worked == [(0.25, 3), (0.25, 2), (0.25, 1)]


def test_burst_reads_all_there_is_then_pauses(make: Make) -> None:
    # Given a stream of which 4, then 3, then no packets are there
    engine = make(limit=7, slots=7)
    ledger, board = ledger_of(engine)
    seen_at_pause: list[tuple[float | None, int | None]] = []

    class Pauses(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            seen_at_pause.append((timeout, board["consumer.received"]))
            engine.produce(4)
            return False

    # When it is read in bursts
    loop.run(engine, make_consumer("burst", every=1.5), ledger, Pauses())
    # Then it paused whenever nothing was left, and only then
    assert seen_at_pause == [(1.5, 0), (1.5, 4)]
    assert board["consumer.received"] == 7


def test_a_stop_ends_an_endless_stream_and_loses_nothing_captured(make: Make) -> None:
    engine = make(pace="real", slots=200)
    ledger, board = ledger_of(engine)
    stop = threading.Event()

    class StopsAtTen(Immediate):
        def consume(self, packet: Any, ledger: PacketLedger) -> None:
            super().consume(packet, ledger)
            if packet.sequence == 10:
                stop.set()

    loop.run(engine, StopsAtTen(), ledger, stop)
    assert board["consumer.received"] == board["engine.captured"] >= 11  # type: ignore[operator]
    assert (board["engine.drops"], board["engine.queued"]) == (0, 0)
    assert board["engine.stop_ns"] > 0  # type: ignore[operator]


def test_what_the_application_raises_comes_through(make: Make) -> None:
    class Fails(Immediate):
        def consume(self, packet: Any, ledger: PacketLedger) -> None:
            raise ZeroDivisionError(packet.sequence)

    engine = make(limit=3)
    engine.produce(3)
    ledger, _ = ledger_of(engine)
    with pytest.raises(ZeroDivisionError, match="0"):
        consume(engine, Fails(), ledger)


VERIFIERS: dict[str, Callable[[], Any]] = {
    "replay": lambda: ReplayVerifier(ReplaySource(ramp(), "ramp"), FORMAT.frames),
    "checksum": lambda: verify_checksum,
}


@pytest.mark.parametrize("place", [0, 200, 383])
@pytest.mark.parametrize("verifier", VERIFIERS)
def test_one_wrong_bit_on_delivery_is_seen(make: Make, verifier: str, place: int) -> None:
    engine = make(checksum=True)
    ledger, board = ledger_of(engine, verify=VERIFIERS[verifier]())
    for damaged in (False, True, False):
        packet = next_packet(engine)
        packet.array.reshape(-1).view(np.uint8)[place] ^= 1 if damaged else 0
        ledger.take(packet)
        packet.release()
    assert (board["consumer.checked"], board["consumer.corrupt_on_delivery"]) == (3, 1)


@pytest.mark.parametrize("kind", ["hold", "cycle"])
@pytest.mark.parametrize("verifier", VERIFIERS)
def test_one_bit_that_changes_while_a_packet_is_held_is_seen(make: Make, verifier: str, kind: str) -> None:
    # Given three packets, held
    engine = make(checksum=True)
    ledger, board = ledger_of(engine, verify=VERIFIERS[verifier]())
    consumer = make_consumer(kind, **({"hold": 1000} if kind == "hold" else {}))
    for number in range(3):
        packet = next_packet(engine)
        ledger.take(packet)
        consumer.consume(packet, ledger)
        # When somebody writes into one of them
        if number == 1:
            packet.array.reshape(-1).view(np.uint8)[17] ^= 8
        del packet
    # Then that one is found just before it is given back
    consumer.drain(ledger)
    gc.collect()
    assert (board["consumer.rechecked"], board["consumer.corrupt_before_return"]) == (3, 1)
    assert board["consumer.corrupt_on_delivery"] == 0


class RecyclesTooEarly(ReferenceEngine):
    """Gives every slot back as soon as its packet was handed out: the wrong owner, for real."""

    def read(self, timeout: float | None = None) -> Any:
        self._pool.free.append(self._queue[0])
        return super().read(timeout)


def test_a_slot_recycled_while_it_is_held_is_seen() -> None:
    # Given an engine that puts slots back into the pool while the application still reads them
    source = ReplaySource(ramp(), "ramp", pace="manual")
    engine = RecyclesTooEarly(FORMAT, source, PoolConfig(slots=3))
    engine.start()
    ledger, board = ledger_of(engine)
    consumer = make_consumer("hold", hold=1000)
    # When more packets are held than there are slots
    for _ in range(9):
        packet = next_packet(engine)
        ledger.take(packet)
        consumer.consume(packet, ledger)
    consumer.drain(ledger)
    # Then each was right when it came, and the overwritten ones are counted
    assert (board["consumer.corrupt_on_delivery"], board["consumer.corrupt_before_return"]) == (
        0,
        6,
    )


def test_not_a_number_is_compared_by_its_bytes() -> None:
    pcm = np.full((10, 1), np.nan, np.float32)
    verify = ReplayVerifier(ReplaySource(pcm, "nan"), 5)
    assert verify(packet_of(0, pcm[:5]))
    other = pcm[:5].copy()
    other.view(np.uint32)[2] ^= 1  # a NaN still, but another
    assert not verify(packet_of(0, other))


def test_a_packet_that_is_too_short_is_wrong() -> None:
    verify = ReplayVerifier(ReplaySource(ramp(), "ramp"), 48)
    assert not verify(packet_of(0, ramp()[:47]))


def test_packets_of_a_long_source_are_compared_to_its_end_and_past_it() -> None:
    # Given a source that repeats only after 5,000 packets
    source = ReplaySource(ramp(5000, 1), "ramp")
    verify = ReplayVerifier(source, 1)
    for sequence in (0, 1025, 4999, 5000):
        right = source.block(sequence, 1)
        assert verify(packet_of(sequence, right))
        assert not verify(packet_of(sequence, right + 1))


def packet_of(sequence: int, samples: Any) -> DetachedPacket:
    return DetachedPacket(sequence, 0, 0, None, samples)


@pytest.mark.parametrize(
    ("numbers", "gaps", "missing", "duplicates", "reordered"),
    [
        ([0, 1, 2], 0, 0, 0, 0),
        ([3, 4], 1, 3, 0, 0),  # a stream starts at 0
        ([0, 2, 3, 7], 2, 4, 0, 0),
        ([0, 1, 1, 2], 0, 0, 1, 0),
        ([0, 3, 1, 2, 4], 1, 2, 0, 2),
    ],
)
def test_holes_repetitions_and_disorder_are_told_apart(
    numbers: list[int], gaps: int, missing: int, duplicates: int, reordered: int
) -> None:
    board = Scoreboard.create()
    ledger = PacketLedger(board, None)
    for number in numbers:
        ledger.take(packet_of(number, ramp(1)))
    names = ("gaps", "missing", "duplicates", "reordered", "received", "checked")
    counted = [board[f"consumer.{name}"] for name in names]
    assert counted == [gaps, missing, duplicates, reordered, len(numbers), 0]


def test_every_packet_the_engine_drops_is_missing_for_the_consumer(make: Make) -> None:
    # Given a pool of two slots under policy drop, read only now and then
    engine = make(slots=2, policy="drop", limit=50)
    ledger, board = ledger_of(engine)
    consumer = make_consumer("immediate")
    while engine.produce(7):
        while engine.stats().queued:
            packet = engine.read()
            assert packet is not None
            ledger.take(packet)
            consumer.consume(packet, ledger)
            del packet
    stats = engine.stats()
    # Then what it did not get is what the engine dropped, but for those after the last it got
    last = board["consumer.last_sequence"]
    assert last is not None
    assert stats.drops > 30
    assert board["consumer.missing"] == stats.drops - (stats.captured - 1 - last)
    assert board["consumer.corrupt_on_delivery"] == 0


def test_copies_are_the_samples_and_need_no_slot(make: Make) -> None:
    engine = make(limit=3)
    engine.produce(3)
    ledger, board = ledger_of(engine)
    consumer = Copy()
    consume(engine, consumer, ledger)
    newest = consumer._newest
    assert board["pool.in_flight"] == 0
    source = ReplaySource(ramp(), "ramp")
    assert newest is not None
    assert np.array_equal(newest, source.block(2, FORMAT.frames))


def test_the_checksum_verifier_takes_every_dtype() -> None:
    for dtype in ("float32", "int32", "int16"):
        format = StreamFormat(frames=5, dtype=dtype)  # type: ignore[arg-type]
        pcm = np.arange(10).astype(dtype).reshape(5, 2)
        source = ReplaySource(pcm, "few", pace="manual")
        engine = ReferenceEngine(format, source, PoolConfig(), checksum=True)
        engine.start()
        assert verify_checksum(next_packet(engine))
