"""Each peer does the whole work; what goes wrong is seen; what is allocated is counted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import repeat

import pytest

from zcbench.bench import cell, rounds
from zcbench.bench.allocations import allocated
from zcbench.bench.cell import Measured, Order, WrongPacketsError
from zcbench.bench.peers import MEMCPY, PEERS, PeerInfo
from zcbench.bench.plan import Plan, work
from zcbench.bench.results import Setting
from zcbench.bench.rounds import MeasurementError, Rounds, measure_apart
from zcbench.bench.work import Packet, Work, blocks

SMALL = Setting(size=256, hold=0, threads=1)


@pytest.mark.parametrize(("threads", "hold"), [(1, 0), (3, 20)])
@pytest.mark.parametrize("name", [name for name in PEERS if name != MEMCPY])
def test_every_peer_delivers_every_packet_once_and_right(name: str, threads: int, hold: int) -> None:
    # measure() adds up the ends of all packets, and raises if the sum is not the one of what was sent
    setting = Setting(size=256, hold=hold, threads=threads)
    found = measure_apart(Order(peer=name, work=work(setting, 300)))
    assert found.wall_ns > 0
    assert found.peak_bytes is None or found.peak_bytes > 2**20
    assert found.allocated is None


class Playback:
    """A peer that has all packets before it starts."""

    def __init__(self, made: Work) -> None:
        self._work = made

    def start(self) -> None:
        pass

    def packets(self, thread: int) -> Iterator[Packet]:
        sent = blocks(self._work)
        for number in range(thread, self._work.packets, self._work.threads):
            yield sent[number % len(sent)]

    def close(self) -> None:
        pass

    def producer_cpu_ns(self) -> int:
        return 0


class Repeating(Playback):
    def packets(self, thread: int) -> Iterator[Packet]:
        return repeat(blocks(self._work)[0])


class Losing(Playback):
    def packets(self, thread: int) -> Iterator[Packet]:
        for number, packet in enumerate(super().packets(thread)):
            if number != 5:
                yield packet


class Torn(Playback):
    def packets(self, thread: int) -> Iterator[Packet]:
        for number, packet in enumerate(super().packets(thread)):
            if number == 5:
                packet[-1, -1] = 0
            yield packet


class Broken(Playback):
    def packets(self, thread: int) -> Iterator[Packet]:
        raise OSError("no such ring")


class Allocating(Playback):
    def packets(self, thread: int) -> Iterator[Packet]:
        for packet in super().packets(thread):
            bytes(5000)
            yield packet


def _measure(kind: type[Playback], monkeypatch: pytest.MonkeyPatch, packets: int = 50) -> Measured:
    monkeypatch.setattr(PeerInfo, "load", lambda _info: kind)
    return cell.measure(Order(peer="copyto", work=work(SMALL, packets)))


def test_a_sound_peer_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _measure(Playback, monkeypatch).wall_ns > 0


@pytest.mark.parametrize("kind", [Repeating, Losing, Torn])
def test_a_peer_with_wrong_packets_fails(kind: type[Playback], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongPacketsError, match="add up to"):
        _measure(kind, monkeypatch)


def test_what_a_peer_raises_ends_its_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="no such ring"):
        _measure(Broken, monkeypatch)


def test_every_allocation_for_a_packet_is_counted() -> None:
    plain, more = (allocated(work(SMALL, 50), partial(cell._done, kind)) for kind in (Playback, Allocating))
    # then 5,000 bytes for each packet are one object more, and one of malloc's
    assert plain.calls == 0
    assert more.calls == pytest.approx(1, abs=0.01)
    assert more.objects - plain.objects == pytest.approx(1, abs=0.01)
    assert more.size == pytest.approx(5033, rel=0.01)


def test_zcbench_takes_no_memory_from_the_system_for_a_packet() -> None:
    order = Order(peer="zcbench", work=work(Setting(size=3840, hold=10, threads=1), 2000), counting=True)
    found = measure_apart(order)
    assert found.allocated is not None
    assert found.allocated.calls == pytest.approx(0, abs=0.01)
    # The array: taken from Python's own allocator, and given back. Packet and lease are made of dead ones.
    assert found.allocated.objects == pytest.approx(1, abs=0.1)
    assert found.kept_blocks == pytest.approx(0, abs=0.02)


def _plan(*names: str, count: int = 2) -> Plan:
    return Plan([PEERS[name] for name in names], [SMALL], count, seed=1, seconds=0.001)


def test_every_round_measures_every_peer_in_an_order_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def instead(order: Order) -> Measured:
        asked.append(order.peer)
        return Measured(wall_ns=1, cpu_ns=1, application_ns=1, kept_blocks=0, peak_bytes=None)

    monkeypatch.setattr(rounds, "measure_apart", instead)
    names = ["memcpy", "copyto", "zcbench", "queue"]
    done = Rounds(_plan(*names, count=6), lambda _text: None)
    done.run()
    turns = [asked[at : at + 4] for at in range(0, len(asked), 4)]
    assert len(turns) == 7  # the opening round, which counts, and six on the clock
    assert all(sorted(turn) == sorted(names) for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 1
    assert [c.peer for c in done.results.cells] == names
    assert all(len(c.rounds) == 6 for c in done.results.cells)


def test_a_peer_that_fails_is_told_and_stops_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def instead(order: Order) -> Measured:
        if order.peer == "queue":
            raise MeasurementError("ended by SIGBUS")
        return Measured(wall_ns=1, cpu_ns=1, application_ns=1, kept_blocks=0, peak_bytes=None)

    said: list[str] = []
    monkeypatch.setattr(rounds, "measure_apart", instead)
    done = Rounds(_plan("queue", "zcbench"), said.append)
    done.run()
    failed, sound = (done.results.find(name, SMALL) for name in ("queue", "zcbench"))
    assert failed is not None
    assert (failed.failed, failed.rounds) == ("ended by SIGBUS", (None, None))
    assert sound is not None
    assert sound.failed is None
    assert any("queue failed" in text and "SIGBUS" in text for text in said)


def test_a_peer_that_is_not_installed_is_told_with_what_to_do() -> None:
    absent = PeerInfo("absent", "Absent", "peer", "absent", 1, "nowhere", ("zcbench-absent",))
    done = Rounds(Plan([absent], [SMALL], 1, seed=1, seconds=0.001), lambda _text: None)
    done.run()
    (told,) = done.results.peers
    assert told.missing is not None
    assert "pip install 'zcbench[bench]'" in told.missing
    assert done.results.cells == ()


def test_a_child_that_dies_or_hangs_is_a_failed_measurement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = Order(peer="zcbench", work=work(SMALL, 10))
    with pytest.raises(MeasurementError, match="KeyError: 'nobody'"):
        measure_apart(Order(peer="nobody", work=order.work))
    monkeypatch.setattr(rounds, "TIMEOUT_S", 0.01)
    with pytest.raises(MeasurementError, match="not done after"):
        measure_apart(order)
