"""Engines end in any order: closed, dropped, or with the interpreter, while packets live and die."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from tests.capture.conftest import FORMAT, Make, expected, next_packet, ramp
from zcbench.capture.engine import PoolConfig, StreamFormat, find_engine
from zcbench.capture.native import NativeEngine
from zcbench.capture.sources import ReplaySource
from zcbench.page.scoreboard import Scoreboard

ENGINES = ["native", "reference", "copying"]


def engine_on(board: Scoreboard, name: str, pace: Any = "manual", **pool: Any) -> Any:
    source = ReplaySource(ramp(), "ramp", pace=pace)
    return find_engine(name)(FORMAT, source, PoolConfig(**pool), scoreboard=board)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("policy", ["grow", "drop"])
def test_views_outlive_an_engine_that_nobody_closed(name: str, policy: str) -> None:
    # Given views of packets of two slots (and of overflow, under grow), and a packet still queued
    board = Scoreboard.create()
    engine = engine_on(board, name, slots=2, policy=policy)
    engine.start()
    views = {}
    for _ in range(3):
        engine.produce()
        if engine.stats().queued:
            packet = engine.read()
            views[packet.sequence] = packet.array[1:]
            del packet
    engine.produce()
    # When nothing is left of the engine but its leases
    gone = weakref.ref(engine)
    del engine
    gc.collect()
    assert gone() is None
    # Then the views read what they read before, and their slots still come back
    for sequence, view in views.items():
        np.testing.assert_array_equal(view, expected(sequence)[1:])
    before, held = board["pool.returns"], 0 if name == "copying" else len(views)
    del view
    views.clear()
    assert board["pool.returns"] == (before or 0) + held


@pytest.mark.parametrize("name", ["native", "copying"])
@pytest.mark.parametrize("pace", ["real", "unpaced"])
def test_a_dropped_engine_captures_no_more(name: str, pace: str) -> None:
    # Given an engine that runs, and one packet of it
    board = Scoreboard.create()
    engine = engine_on(board, name, pace, slots=8)
    engine.start()
    packet = engine.read()
    # When the engine is dropped, with no collection
    gc.disable()
    try:
        del engine
    finally:
        gc.enable()
    # Then its thread is over, what was queued is back, and the packet reads on
    captured = board["engine.captured"]
    threading.Event().wait(0.02)
    assert board["engine.captured"] == captured
    assert board["pool.in_flight"] == (0 if name == "copying" else 1)
    np.testing.assert_array_equal(packet.array, expected(0))


def test_a_closed_engine_leaves_views_alone_while_it_runs_at_real_pace(make: Make) -> None:
    engine = make(pace="real", slots=3)
    views = [engine.read().array[3:] for _ in range(5)]  # type: ignore[union-attr]
    engine.close()
    for sequence, view in enumerate(views):
        np.testing.assert_array_equal(view, expected(sequence)[3:])
    assert engine.stats().in_flight == 5
    del view
    views.clear()
    assert engine.stats().in_flight == 0


def test_a_reader_that_waits_sees_the_stop_of_another_thread(make: Make) -> None:
    engine = make()
    stopper = threading.Timer(0.05, engine.stop)
    stopper.start()
    assert engine.read(timeout=60) is None
    stopper.join()


def test_a_blocked_producer_can_be_closed(make: Make) -> None:
    # Given policy block, and a producer that waits for the one slot the application holds
    engine = make(slots=1, policy="block", pace="unpaced")
    packet = engine.read()
    while not engine.stats().misses:
        threading.Event().wait(0.001)
    # When the engine is closed, then it does not wait for the application, and the counts add up
    engine.close()
    s = engine.stats()
    assert s.captured == s.hits + s.misses == s.delivered + s.drops + s.queued
    assert s.captured - s.refused == s.returns + s.in_flight
    assert (s.in_flight, s.overflow_allocations) == (1, 0)
    del packet
    assert engine.stats().in_flight == 0


LEAVE = """
import sys, threading
import numpy as np
from zcbench.capture.engine import PoolConfig, StreamFormat, find_engine
from zcbench.capture.sources import ReplaySource
source = ReplaySource(np.ones((480, 2), np.float32), "ones", pace="real")
engine = find_engine(sys.argv[1])(StreamFormat(frames=48), source, PoolConfig(slots=3, debug=True))
engine.start()
packets = [engine.read() for _ in range(4)]
sys.modules["kept past the end of __main__"] = [
    packets.pop().array[10:20], np.from_dlpack(packets.pop()), memoryview(packets.pop().array)]
if sys.argv[2] == "a reading thread":
    threading.Thread(target=list, args=(engine,), daemon=True).start()
if sys.argv[2] == "exception":
    raise KeyError("the application failed")
"""


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("way", ["the end", "exception", "a reading thread"])
def test_the_interpreter_may_leave_a_running_engine_and_its_views(name: str, way: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", LEAVE, name, way],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == (1 if way == "exception" else 0), done.stderr
    last = done.stderr.strip().splitlines()[-1:]
    assert last == (["KeyError: 'the application failed'"] if way == "exception" else [])


FORK = """
import os, sys
import numpy as np
from zcbench.capture.engine import PoolConfig, StreamFormat
from zcbench.capture.native import NativeEngine
from zcbench.capture.sources import ReplaySource
source = ReplaySource(np.arange(480, dtype=np.float32).reshape(240, 2), "ramp", "unpaced", limit=3)
engine = NativeEngine(StreamFormat(frames=48), source, PoolConfig(slots=4, policy="adaptive"))
engine.start()
packet = engine.read()
array = packet.array
child = os.fork()
if not child:
    for forbidden in (engine.read, engine.stats, engine.check, engine.maintain, engine.start):
        try:
            forbidden()
        except RuntimeError as error:
            assert "forked" in str(error)
        else:
            os._exit(3)
    engine.close()
    packet.release()
    right = array.tolist() == source.block(0, 48).tolist()
    del packet, array, forbidden, engine
    sys.exit(0 if right else 4)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
rest = list(engine)
stats = engine.stats()
print(len(rest), stats.in_flight, stats.returns, stats.delivered, stats.queued, array[3].tolist())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, which this system does not")
def test_a_forked_child_changes_nothing_of_its_parent_s_engine() -> None:
    # given a child that reads, closes, releases and drops what it has inherited, then ends as Python does
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-X", "faulthandler", "-c", FORK],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # then the parent's engine has all its packets in flight, and its page says so
    assert done.stderr == ""
    assert done.stdout == "2 3 0 3 0 [6.0, 7.0]\n"


CLOSE_AFTER_FORK = """
import contextlib, os, sys
import numpy as np
from zcbench.capture.engine import PoolConfig, StreamFormat, find_engine
from zcbench.capture.sources import ReplaySource
source = ReplaySource(np.ones((480, 2), np.float32), "ones", pace="real", speed=0.001)
engine = find_engine(sys.argv[1])(StreamFormat(), source, PoolConfig(slots=4))
engine.start()
with getattr(engine, "_changed", contextlib.nullcontext()):  # nobody else has the lock
    child = os.fork()
engine.close()
if not child:
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, which this system does not")
@pytest.mark.parametrize("name", ENGINES)
def test_a_forked_child_may_close_an_engine_whose_thread_stayed_behind(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CLOSE_AFTER_FORK, name],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("7\n", "")


NO_THREAD_TO_BE_HAD = """
import resource, sys
import numpy as np
from pathlib import Path
from zcbench.capture.engine import PoolConfig, StreamFormat, find_engine
from zcbench.capture.sources import ReplaySource
source = ReplaySource(np.ones((480, 2), np.float32), "ones", pace="real")
engine = find_engine(sys.argv[1])(StreamFormat(), source, PoolConfig(slots=4, policy=sys.argv[2]))
mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
before = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (mapped + 2**20, before[1]))  # a thread's stack is larger
try:
    engine.start()
except (OSError, RuntimeError) as error:
    refused = str(error)
resource.setrlimit(resource.RLIMIT_AS, before)
assert engine.read(timeout=20) is None
print(refused)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("policy", ["grow", "adaptive"])
def test_an_engine_that_cannot_start_its_thread_has_ended(name: str, policy: str) -> None:
    # when there is no memory for a thread's stack
    done = subprocess.run(
        [sys.executable, "-c", NO_THREAD_TO_BE_HAD, name, policy],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    # then that is said, and no reader waits for what will not come
    assert done.returncode == 0, done.stderr
    assert "unavailable" in done.stdout or "can't start new thread" in done.stdout


@pytest.mark.parametrize("dtype", ["float32", "int32", "int16"])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_both_engines_hand_out_the_same_bytes_of_every_format(dtype: Any, channels: int) -> None:
    # 37 frames of content in packets of 5: they wrap in the middle of a packet.
    format = StreamFormat(frames=5, channels=channels, dtype=dtype)
    pcm = np.arange(37 * channels).astype(dtype).reshape(37, channels)
    source = ReplaySource(pcm, "wraps", pace="manual", limit=20)
    for name in ENGINES:
        engine = find_engine(name)(format, source, PoolConfig(slots=2))
        engine.start()
        engine.produce(20)
        for packet in engine:
            assert packet.array.dtype == dtype
            np.testing.assert_array_equal(packet.array, source.block(packet.sequence, 5))
            assert packet.nbytes == format.packet_bytes
        assert engine.stats().delivered == 20


def test_a_million_slots_are_a_pool() -> None:
    format = StreamFormat(frames=1, channels=1, dtype="int16")
    source = ReplaySource(np.arange(100, dtype=np.int16)[:, None], "few", pace="manual")
    engine = NativeEngine(format, source, PoolConfig(slots=1_000_000))
    engine.start()
    held = [next_packet(engine) for _ in range(100)]
    assert [int(packet.array[0, 0]) for packet in held] == list(range(100))
    assert len({packet.array.ctypes.data for packet in held}) == 100
    assert engine.stats().hits == 100


def test_a_finaliser_in_the_cycle_reads_the_packet_as_it_was(make: Make) -> None:
    # gc runs the finalisers of a whole cycle before it frees any of it (PEP 442).
    engine = make(slots=2, debug=True)
    seen: list[tuple[int, bool]] = []

    class Node:
        def __init__(self, packet: Any) -> None:
            self.packet, self.itself = packet, self

        def __del__(self) -> None:
            right = np.array_equal(self.packet.array, expected(self.packet.sequence))
            seen.append((engine.stats().returns, right))

    gc.disable()
    try:
        for _ in range(2):
            Node(next_packet(engine))
        gc.collect()
    finally:
        gc.enable()
    assert seen == [(0, True), (0, True)]
    assert engine.stats().returns == 2


def test_a_view_that_a_finaliser_keeps_keeps_the_slot(make: Make) -> None:
    # Given a cycle whose finaliser takes a view of the packet and puts it where it lives on
    engine = make(slots=1)
    kept: list[Any] = []

    class Node:
        def __init__(self, packet: Any) -> None:
            self.packet, self.itself = packet, self

        def __del__(self) -> None:
            kept.append(self.packet.array[2:])

    Node(next_packet(engine))
    # When gc frees the cycle, and the pool is used again
    gc.collect()
    assert engine.stats().in_flight == 1
    next_packet(engine).release()
    # Then the view reads what it read, and the slot returns with it
    np.testing.assert_array_equal(kept[0], expected(0)[2:])
    kept.clear()
    gc.collect()
    assert engine.stats().in_flight == 0
