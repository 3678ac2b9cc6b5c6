"""Each fault does the damage it says, and no other: played in this process, without worker or verdict."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

import psutil
import pytest

from zcbench.capture.engine import Packet, PoolConfig, StreamFormat
from zcbench.capture.reference import ReferenceEngine
from zcbench.capture.sources import ReplaySource, tone
from zcbench.consumers import loop
from zcbench.consumers.consumer import Consumer
from zcbench.consumers.kinds.immediate import Immediate
from zcbench.consumers.ledger import PacketLedger
from zcbench.consumers.verifying import ReplayVerifier
from zcbench.faults import find_fault, plant
from zcbench.faults.ownership import KeepsViews
from zcbench.page.scoreboard import Scoreboard

CHECKOUT = Path(__file__).parents[2]
FORMAT = StreamFormat(48_000, 480, 2, "float32")


class KeepsLast:
    """Holds the newest packets, by number: the hold consumer goes by time, which a test must not."""

    pause_s = 0.0

    def __init__(self, packets: int) -> None:
        self._packets = packets
        self._kept: deque[Packet] = deque()

    def consume(self, packet: Packet, ledger: PacketLedger) -> None:
        self._kept.append(packet)
        if len(self._kept) > self._packets:
            ledger.release(self._kept.popleft())

    def drain(self, ledger: PacketLedger) -> None:
        while self._kept:
            ledger.release(self._kept.popleft())


def play(
    name: str,
    *,
    packets: int = 1_000,
    slots: int = 50,
    policy: str = "grow",
    debug: bool = False,
    consumer: Consumer | None = None,
    board: Scoreboard | None = None,
) -> Scoreboard:
    """The counters after ``packets`` packets, unpaced, with fault ``name`` planted."""
    board = board or Scoreboard.create()
    source = ReplaySource(tone(FORMAT), "tone", pace="unpaced", limit=packets, stamped=True)
    engine_type, planted = plant(find_fault(name), ReferenceEngine, consumer or Immediate())
    pool = PoolConfig(slots, policy, 4096, debug)  # type: ignore[arg-type]
    engine = engine_type(FORMAT, source, pool, scoreboard=board)
    ledger = PacketLedger(board, ReplayVerifier(source, FORMAT.frames))
    engine.start()
    loop.run(engine, planted, ledger, threading.Event())
    planted.drain(ledger)
    engine.check()
    engine.close()
    return board


def wrong(board: Scoreboard) -> dict[str, int | None]:
    """The consumer's and the pool's complaints that are not 0."""
    names = (
        "consumer.gaps", "consumer.missing", "consumer.duplicates", "consumer.reordered",
        "consumer.corrupt_on_delivery", "consumer.corrupt_before_return", "pool.guard_violations",
        "pool.poison_violations", "engine.drops", "pool.in_flight",
    )  # fmt: skip
    return {name: board[name] for name in names if board[name]}


def elsewhere(*lines: str) -> subprocess.CompletedProcess[str]:
    """Run ``lines`` in a process that may die of them; :func:`play` is there."""
    # By its path: with an installed zcbench the checkout, and so "tests", is not importable.
    head = (
        "import os, signal, psutil, runpy",
        "from pathlib import Path",
        f"play = runpy.run_path({__file__!r})['play']",
    )
    program = "\n".join((*head, *lines))
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, timeout=60, cwd=CHECKOUT, check=False,
    )  # fmt: skip


# -- ownership


def test_mixed_ownership_aborts_with_packet_111_of_10_slots(tmp_path: Path) -> None:
    # given the original's 10 slots / when it runs in a process of its own
    page = tmp_path / "scoreboard.bin"
    done = elsewhere(
        "from zcbench.page.scoreboard import Scoreboard",
        f"play('mixed-ownership', slots=10, board=Scoreboard.create(Path({str(page)!r})))",
    )
    # then SIGABRT comes with the 111th packet, and no slot ever came back
    assert done.returncode == -signal.SIGABRT, done.stderr
    board = Scoreboard.open(page)
    assert (board["consumer.received"], board["pool.returns"]) == (111, 0)


def test_a_no_op_return_gives_as_many_hits_as_slots_and_keeps_no_memory() -> None:
    board = play("no-op-return", slots=10)
    assert (board["pool.hits"], board["pool.misses"], board["pool.returns"]) == (10, 990, 0)
    assert board["pool.overflow_bytes"] == board["pool.overflow_freed_bytes"]


def test_a_lost_slot_is_counted_as_returned_and_never_seen_again() -> None:
    # given 50 slots, one lost each 100 returns / when 5,100 packets went by
    board = play("lost-slot", packets=5_100)
    # then the pool ran dry, though every lease came back
    assert board["pool.returns"] == 5_100
    assert (board["pool.misses"] or 0) > 0
    assert wrong(board) == {}


def test_overflow_is_never_freed_though_every_lease_came_back() -> None:
    board = play("overflow-never-freed", slots=10, consumer=KeepsLast(20))
    assert board["pool.in_flight"] == 0
    assert (board["pool.overflow_bytes"] or 0) > 0
    assert board["pool.overflow_freed_bytes"] == 0


def test_a_double_return_makes_two_packets_share_a_slot() -> None:
    board = play("double-return", consumer=KeepsLast(10))
    assert board["consumer.corrupt_before_return"]
    assert board["pool.returns"] == board["engine.captured"]


def test_a_slot_is_recycled_under_a_view_and_not_handed_out_again_meanwhile() -> None:
    # given so many slots that none is handed out again while its view lives
    board = play("recycled-under-view", slots=450, debug=True, consumer=KeepsLast(25))
    # then every packet's bytes changed, and nothing else is wrong
    assert wrong(board) == {"consumer.corrupt_before_return": 1_000}


def test_keeping_views_is_no_fault_of_a_sound_engine() -> None:
    # given the application that keeps views, and the reference engine as it is
    board = Scoreboard.create()
    source = ReplaySource(tone(FORMAT), "tone", pace="unpaced", limit=300)
    engine = ReferenceEngine(FORMAT, source, PoolConfig(50, "grow", 64, True), scoreboard=board)
    ledger = PacketLedger(board, ReplayVerifier(source, FORMAT.frames))
    keeper = KeepsViews(KeepsLast(25))
    # when it runs
    engine.start()
    loop.run(engine, keeper, ledger, threading.Event())
    keeper.drain(ledger)
    engine.close()
    # then nothing changes under a view
    assert wrong(board) == {}
    assert board["consumer.rechecked"] == 300


def test_two_threads_return_more_than_was_acquired() -> None:
    board = play("returned-by-two-threads", packets=400)
    deadline = time.monotonic() + 10
    while board["pool.returns"] == 400 and time.monotonic() < deadline:
        time.sleep(0.01)  # the second thread may be behind
    assert (board["pool.returns"] or 0) > 400
    assert board["pool.in_flight"] == 0


def test_an_exhausted_pool_stops_the_stream_for_good() -> None:
    # given 5 slots, and a reader that lets go of nothing yet
    fault = find_fault("exhausted-deadlock")
    assert fault.engine is not None
    board = Scoreboard.create()
    source = ReplaySource(tone(FORMAT), "tone", pace="real", speed=1_000, limit=100)
    engine = fault.engine(FORMAT, source, PoolConfig(5, "block", 64, False), scoreboard=board)
    engine.start()
    kept = [engine.read(10) for _ in range(5)]
    time.sleep(0.1)  # a hundred packets' time: the producer wants its sixth slot by now
    # when everything was given back
    kept.clear()
    # then no packet comes any more
    with pytest.raises(TimeoutError):
        engine.read(0.5)
    assert board["pool.returns"] == 5


# -- data


@pytest.mark.parametrize("slots", [10, 20, 100])  # those of the shipped scenarios
@pytest.mark.parametrize(
    ("fault", "stale_by"),
    [
        ("stale-by-one", 1),
        ("stale-by-100", 100),
        ("stale-by-a-lap", None),
        ("slot-never-written", 0),
    ],
)
def test_a_stale_slot_is_seen_in_every_pool(fault: str, stale_by: int | None, slots: int) -> None:
    # given a tone that repeats after 100 packets
    board = play(fault, slots=slots)
    # then every packet with another one's bytes is known, and whose they were
    assert board["consumer.stale"] == board["consumer.corrupt_on_delivery"]
    if fault == "slot-never-written":
        assert board["consumer.stale"] == 1_000 // slots - 1
        assert (board["consumer.stale_by"] or 0) % slots == 0
    else:
        assert (board["consumer.stale"] or 0) >= 9  # of its 10 turns the first may have none before it
        assert board["consumer.stale_by"] == (stale_by or slots)


@pytest.mark.parametrize("slots", [10, 20, 100])
def test_a_slot_written_to_its_half_is_seen_in_every_pool(slots: int) -> None:
    board = play("slot-half-written", slots=slots)
    assert (board["consumer.corrupt_on_delivery"] or 0) >= 9
    assert board["consumer.stale"] == 0


def test_swapped_channels_are_known_as_that() -> None:
    board = play("swapped-channels")
    assert board["consumer.swapped_channels"] == board["consumer.corrupt_on_delivery"] == 10


def test_a_silent_drop_shows_in_the_sequence_numbers_alone() -> None:
    board = play("dropped-silently")
    assert wrong(board) == {"consumer.gaps": 10, "consumer.missing": 10}
    assert board["engine.delivered"] == board["engine.captured"] == 1_000


def test_a_duplicate_is_the_same_packet_again() -> None:
    assert wrong(play("duplicated")) == {"consumer.duplicates": 10}


def test_an_overtaken_packet_comes_after_the_next() -> None:
    board = play("reordered")
    assert wrong(board) == {
        "consumer.gaps": 10,
        "consumer.missing": 10,
        "consumer.reordered": 10,
    }
    assert board["consumer.received"] == 1_000


def test_a_torn_packet_is_wrong_when_it_is_delivered() -> None:
    assert play("torn")["consumer.corrupt_on_delivery"] == 10


def test_a_short_packet_lacks_a_frame_and_the_bytes_say_so() -> None:
    board = play("wrong-size")
    frame_bytes = FORMAT.packet_bytes // FORMAT.frames
    assert board["engine.delivered_bytes"] == 1_000 * FORMAT.packet_bytes - 10 * frame_bytes


def test_an_overrun_lands_in_the_guard_zone() -> None:
    # each is seen when its slot returns; the payload itself is right
    assert wrong(play("overrun", debug=True)) == {"pool.guard_violations": 10}


def test_lying_statistics_count_more_hits_than_acquires() -> None:
    board = play("lying-statistics")
    assert (board["pool.hits"] or 0) + (board["pool.misses"] or 0) == 1_020
    assert board["engine.captured"] == 1_000


# -- memory and resources


def blocks_kept(name: str, packets: int) -> int:
    """Python's allocated blocks after ``packets`` packets, less those before and after playing none."""
    gc.collect()
    before = sys.getallocatedblocks()
    _, planted = plant(find_fault(name), ReferenceEngine, Immediate())
    ledger = PacketLedger(Scoreboard.create(), None)
    for number in range(packets):
        planted.consume(Numbered(number), ledger)  # type: ignore[arg-type]
    gc.collect()
    return sys.getallocatedblocks() - before


class Numbered:
    """As much of a packet as a leak looks at."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence

    def release(self) -> None:
        pass


@pytest.mark.parametrize(("name", "every"), [("leak-objects", 1), ("leak-every-10", 10)])
def test_python_objects_leak_at_the_stated_rate(name: str, every: int) -> None:
    kept = blocks_kept(name, 10_000 * every)
    # One block each, and those of the deque that holds them. A hundred or so come from Python's free list of
    # floats, and the rest of this process moves by tens.
    assert 9_500 <= kept <= 11_000


def test_a_leaking_cycle_survives_a_collection() -> None:
    try:
        assert blocks_kept("leak-cycles", 1_000) >= 1_000
    finally:
        gc.unfreeze()
        gc.collect()


def test_benign_garbage_is_collected() -> None:
    assert blocks_kept("gc-sawtooth", 2_000) < 200


@pytest.mark.skipif(not hasattr(psutil, "heap_info"), reason="no mallinfo2 here")
def test_native_memory_leaks_at_the_stated_rate() -> None:
    _, planted = plant(find_fault("leak-native"), ReferenceEngine, Immediate())
    ledger = PacketLedger(Scoreboard.create(), None)
    before = psutil.heap_info().heap_used
    for number in range(10_000):
        planted.consume(Numbered(number), ledger)  # type: ignore[arg-type]
    assert psutil.heap_info().heap_used - before >= 10_000 * 64


def test_descriptors_and_threads_leak_one_each_50_packets() -> None:
    process = psutil.Process()
    for name, count in (("leak-fds", process.num_fds), ("leak-threads", process.num_threads)):
        before = count()
        play(name, packets=200)
        assert count() - before == 4, name


def test_leaked_children_die_with_the_worker() -> None:
    # given a process that leaked two children and is killed
    done = elsewhere(
        "play('leak-children', packets=400)",
        "print(*[child.pid for child in psutil.Process().children()], flush=True)",
        "os.kill(os.getpid(), signal.SIGKILL)",
    )
    pids = [int(word) for word in done.stdout.split()]
    assert len(pids) == 2
    # when the pipe that only it could close is closed / then they end
    deadline = time.monotonic() + 20
    while any(map(runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(runs, pids))


def runs(pid: int) -> bool:
    """Whether ``pid`` is there and not just waiting to be reaped by somebody else's init."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
