"""Locked memory and a real-time thread: had where the system allows it, refused by name where it does not."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from pathlib import Path

import pytest

from tests.capture.conftest import FORMAT, ramp
from zcbench.capture import _core
from zcbench.capture.engine import PoolConfig, StreamFormat
from zcbench.capture.native import NativeEngine
from zcbench.capture.realtime import RealtimeError, check_realtime
from zcbench.capture.reference import ReferenceEngine
from zcbench.capture.sources import ReplaySource

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def source(priority: int | None = None, limit: int | None = None) -> ReplaySource:
    return ReplaySource(ramp(), "ramp", limit=limit, priority=priority)


def locked_kib() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmLck:")[1].split()[0])


@on_linux
def test_a_locked_pool_is_locked_while_it_lives_and_while_a_lease_does() -> None:
    # given a pool of 8 KiB: every Linux lets a process lock 64 (getrlimit(2))
    before = locked_kib()
    engine = NativeEngine(FORMAT, source(limit=1), PoolConfig(20, lock=True))
    assert locked_kib() >= before + 7
    engine.start()
    packet = engine.read(5)
    assert packet is not None
    view = packet.array
    engine.close()
    del engine, packet
    assert locked_kib() > before
    del view
    assert locked_kib() == before


@on_linux
def test_an_adaptive_pool_locks_what_it_adds_and_unlocks_what_it_gives_up() -> None:
    manual = ReplaySource(ramp(), "ramp", pace="manual")
    pool = PoolConfig(8, "adaptive", lock=True, shrink_after_s=0.0)
    engine = NativeEngine(FORMAT, manual, pool)
    engine.start()
    began = locked_kib()
    held = []
    for _ in range(40):
        engine.produce()
        held.append(engine.read(0))
        engine.maintain()
    grown = locked_kib()
    held.clear()
    for _ in range(20):
        engine.maintain()
    assert grown > began
    assert locked_kib() == began


def test_a_limit_on_locked_memory_is_named_with_what_was_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_core, "try_lock_memory", lambda _bytes: errno.ENOMEM)
    with pytest.raises(RealtimeError, match=r"pool\.lock: 100 slots, 375\.00 KiB.*limit"):
        NativeEngine(
            StreamFormat(),
            ReplaySource(ramp(), "ramp"),
            PoolConfig(100, lock=True),
        )


@pytest.mark.parametrize(
    ("error", "says"),
    [(errno.EPERM, "refuses a real-time thread.*limit.*SYS_NICE"), (errno.ENOSYS, "not supported")],
)
def test_a_priority_that_is_not_to_be_had_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, error: int, says: str
) -> None:
    monkeypatch.setattr(_core, "try_schedule", lambda _priority: error)
    with pytest.raises(RealtimeError, match=f"source.priority.*{says}.*leave"):
        check_realtime(FORMAT, source(priority=10), PoolConfig())


@pytest.mark.parametrize("priority", [0, 100])
def test_a_priority_out_of_range_is_refused(priority: int) -> None:
    with pytest.raises(RealtimeError, match=r"not in 1\.\.99"):
        check_realtime(FORMAT, source(priority=priority), PoolConfig())


@on_linux
def test_the_capturing_thread_has_the_priority_or_there_is_no_engine() -> None:
    def scheduled(policy: int) -> set[int]:
        found = set()
        for thread in Path("/proc/self/task").iterdir():
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                if os.sched_getscheduler(int(thread.name)) == policy:
                    found.add(int(thread.name))
        return found

    before = scheduled(os.SCHED_FIFO)
    if _core.try_schedule(5):
        with pytest.raises(RealtimeError):
            NativeEngine(FORMAT, source(priority=5), PoolConfig())
        return
    with NativeEngine(FORMAT, source(priority=5), PoolConfig()) as engine:
        engine.start()
        assert engine.read(5) is not None
        (capturing,) = scheduled(os.SCHED_FIFO) - before
        assert os.sched_getparam(capturing).sched_priority == 5
    # A thread that was joined is on its way out of /proc.
    patience_ends = time.monotonic() + 30
    while scheduled(os.SCHED_FIFO) != before:
        assert time.monotonic() < patience_ends
        time.sleep(0.01)


def test_the_reference_engine_says_that_it_has_neither() -> None:
    with pytest.raises(ValueError, match="use native"):
        ReferenceEngine(FORMAT, source(), PoolConfig(lock=True))
    with pytest.raises(ValueError, match="use native"):
        ReferenceEngine(FORMAT, source(priority=3), PoolConfig())
