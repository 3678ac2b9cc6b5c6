"""What an engine says of its packets is held against what was seen of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from zcbench.capture.detached import DetachedPacket
from zcbench.capture.engine import PacketFlags, StreamFormat
from zcbench.clock import now_ns
from zcbench.consumers.claims import OWNER_EVERY, Claims, owner
from zcbench.consumers.ledger import PacketLedger
from zcbench.page.scoreboard import Scoreboard

FORMAT = StreamFormat(frames=48)
PERIOD_NS = 1_000_000


class Packet:
    """A packet that says what it is told to."""

    channels, checksum = FORMAT.channels, None

    def __init__(self, sequence: int, time_ns: int, flags: int = 0, array: Any = None) -> None:
        self.sequence, self.time_ns, self.flags = sequence, time_ns, flags
        self.array = np.zeros((48, 2), np.float32) if array is None else array
        self.frames, self.nbytes = 48, FORMAT.packet_bytes

    def release(self) -> None:
        self.array = None


def board_after(
    packets: Iterable[Any], *, period_ns: float | None = None, copies: bool = False, slots: int = 4
) -> Scoreboard:
    board = Scoreboard.create()
    board["pool.slots"] = slots
    claims = Claims(board, FORMAT, period_ns=period_ns, copies=copies)
    ledger = PacketLedger(board, lambda _: True, FORMAT.packet_bytes, claims)
    claims.begin()
    for packet in packets:
        ledger.take(packet)
        ledger.release(packet)
    return board


def said(board: Scoreboard) -> dict[str, int | None]:
    """Every count of what is not true that is not 0."""
    names = (
        "wrong_shape", "time_missing", "time_backward", "time_ahead", "time_early", "time_stood_ns",
        "gap_flag_false", "gap_flag_missing", "fresh",
    )  # fmt: skip
    return {n: board[f"consumer.{n}"] for n in names if board[f"consumer.{n}"]}


def sound(packets: int, slots: int = 4) -> list[Packet]:
    began = now_ns() - packets - 1
    kept = [np.zeros((48, 2), np.float32) for _ in range(slots)]
    return [Packet(n, began + n, array=kept[n % slots][:]) for n in range(packets)]


def test_nothing_is_said_of_a_sound_engine() -> None:
    board = board_after(sound(200))
    assert said(board) == {}
    assert (board["consumer.followed"], board["consumer.places"]) == (200, 4)
    assert board["consumer.owners"] == 200 // OWNER_EVERY


def test_a_stamp_may_not_go_back_stand_still_or_be_ahead() -> None:
    packets = sound(100)
    packets[50].time_ns -= 10
    packets[70].time_ns = now_ns() + 10**12
    packets[71].time_ns = packets[70].time_ns
    board = board_after(packets)
    assert board["consumer.time_backward"] == 2  # the one set back, and the first true one again
    assert board["consumer.time_ahead"] == 2
    assert (board["consumer.time_stood_ns"] or 0) >= 0


def test_stamps_that_stand_still_are_as_long_as_the_stream_went_on() -> None:
    # given one time for 100 packets of a millisecond, that all came at once
    packets = sound(100)
    for packet in packets:
        packet.time_ns = packets[0].time_ns
    board = board_after(packets, period_ns=PERIOD_NS)
    # then no more is said than the time that has gone by
    assert 0 < (board["consumer.time_stood_ns"] or 0) < 99 * PERIOD_NS + 10**9


def test_no_packet_is_stamped_before_it_can_have_been_captured() -> None:
    def early() -> list[Packet]:
        return [Packet(n, packet.time_ns - 10**9) for n, packet in enumerate(sound(60))]

    assert board_after(early(), period_ns=PERIOD_NS)["consumer.time_early"] == 60
    # and without a pace there is no such time
    assert board_after(early())["consumer.time_early"] == 0


@pytest.mark.parametrize(
    ("shape", "dtype"), [((2, 48), np.float32), ((96, 1), np.float32), ((48, 2), np.int32)]
)
def test_frames_channels_and_type_are_those_of_the_array(shape: tuple[int, int], dtype: type[Any]) -> None:
    packets = sound(3)
    packets[1].array = np.zeros(shape, dtype)
    assert said(board_after(packets)) == {"wrong_shape": 1}


def test_what_a_packet_says_of_its_own_size_is_looked_at() -> None:
    packets = sound(3)
    packets[1].nbytes -= 4
    packets[2].frames += 1
    assert said(board_after(packets)) == {"wrong_shape": 2}


def test_the_flag_gap_is_where_the_holes_are() -> None:
    packets = [p for p in sound(30) if p.sequence not in (10, 20)]
    packets[10].flags = PacketFlags.GAP  # number 11: rightly
    packets[5].flags = PacketFlags.GAP
    assert said(board_after(packets)) == {"gap_flag_false": 1, "gap_flag_missing": 1}


def test_memory_that_dies_with_its_packet_was_no_slot() -> None:
    began = now_ns() - 10**6
    fresh = (Packet(n, began + n) for n in range(OWNER_EVERY * 3))
    board = board_after(fresh)
    assert (board["consumer.fresh"], board["consumer.owners"]) == (3, 3)


def test_copies_that_say_so_are_left_alone() -> None:
    began = now_ns() - 10**6
    detached = (DetachedPacket(n, began + n, 0, None, np.zeros((48, 2), np.float32)) for n in range(200))
    board = board_after(detached)
    assert said(board) == {}
    assert board["consumer.places"] == 0
    assert said(board_after((Packet(n, began + n) for n in range(200)), copies=True)) == {}


def test_the_owner_of_memory_is_found_below_views() -> None:
    slab = np.zeros(4096, np.uint8)
    view = slab[64:448].view(np.float32).reshape(48, 2)
    below = owner(view)
    assert below is not None
    assert below() is slab
    assert owner(np.frombuffer(bytearray(64), np.uint8)) is None  # not known


def test_lateness_is_that_of_a_packet_the_reader_waited_for() -> None:
    # given a stream of 1,000 packets/s that began two seconds ago by its own word
    board = Scoreboard.create()
    board["engine.start_ns"] = now_ns() - 2 * 10**9
    claims = Claims(board, FORMAT, period_ns=PERIOD_NS)
    ledger = PacketLedger(board, lambda _: True, FORMAT.packet_bytes, claims)
    # when packet 0 comes now, stamped now, and the window of a second ends with packet 1
    for sequence in (0, 1):
        ledger.take(Packet(sequence, now_ns()), asked_ns=now_ns() - PERIOD_NS)
        claims._until_ns = 0
    # then it was two seconds late, and says that it is new
    assert (board["consumer.late_ns"] or 0) > 1.9e9
    assert (board["consumer.age_ns"] or 0) < 1e9


def test_a_packet_is_as_overdue_as_its_stall_was_long_whatever_its_stamp() -> None:
    claims = Claims(Scoreboard.create(), FORMAT, period_ns=PERIOD_NS)
    on_time = [claims.overdue(n, (n + 8) * PERIOD_NS) for n in range(3_000)]  # 7 periods late, all
    assert set(on_time) == {0}
    # held up by 400 periods, then by less and less as it catches up
    assert claims.overdue(3_000, 3_408 * PERIOD_NS) == 400 * PERIOD_NS
    assert claims.overdue(3_001, 3_408 * PERIOD_NS) == 399 * PERIOD_NS
    # a clock that is 0.1 % slow is no stall, in an hour of packets
    slow = [claims.overdue(n, round(n * 1.001 * PERIOD_NS)) for n in range(10_000, 100_000)]
    assert max(slow[3_000:]) <= 3 * PERIOD_NS


def test_nothing_is_overdue_where_nothing_is_due_at_a_time() -> None:
    claims = Claims(Scoreboard.create(), FORMAT)
    assert [claims.overdue(n, at) for n, at in enumerate((5, 10**9, 10**12))] == [0, 0, 0]


class Plain:
    """A packet of a user's own, which has what a packet must have and no more."""

    flags = 0

    def __init__(self, sequence: int, time_ns: int) -> None:
        self.sequence, self.time_ns, self.array = sequence, time_ns, np.zeros((48, 2), np.float32)

    def release(self) -> None:
        pass


def test_a_packet_need_not_say_its_size_but_what_it_says_is_checked() -> None:
    began = now_ns()
    packets = [Plain(n, began + n) for n in range(3)]
    assert said(board_after(packets)) == {}
    packets = [Plain(n, began + n) for n in range(3)]
    packets[1].frames = 47  # type: ignore[attr-defined]
    packets[2].nbytes = 1  # type: ignore[attr-defined]
    assert said(board_after(packets)) == {"wrong_shape": 2}
