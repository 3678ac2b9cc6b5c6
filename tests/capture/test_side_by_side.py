"""The native engine does what the reference engine does, step by step: every counter, every byte."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.capture.conftest import FORMAT, expected, ramp
from zcbench.capture.engine import CaptureEngine, PoolConfig, PoolStats
from zcbench.capture.native import NativeEngine
from zcbench.capture.reference import ReferenceEngine
from zcbench.capture.sources import ReplaySource


def counters(engine: CaptureEngine) -> dict[str, Any]:
    """Every counter but the one that is a time, and the memory, of which each has its own kind of metadata."""
    names = {field.name for field in dataclasses.fields(PoolStats)} - {
        "oldest_lease_ns",
        "slab_bytes",
    }
    stats = engine.stats()
    return {name: getattr(stats, name) for name in sorted(names)}


class SideBySide(RuleBasedStateMachine):
    """Two engines, the same steps. ``packets`` and ``views`` hold pairs (native, reference)."""

    def __init__(self) -> None:
        super().__init__()
        self.engines: tuple[CaptureEngine, ...] = ()
        self.packets: list[tuple[Any, ...]] = []
        self.views: list[tuple[Any, ...]] = []
        self.closed = False

    @initialize(
        slots=st.integers(1, 6),
        policy=st.sampled_from(["grow", "drop", "block", "adaptive"]),
        fewer=st.integers(0, 3),
        more=st.sampled_from([0, 1, 10, 100]),
        queue=st.sampled_from([1, 2, 3, 8]),
        debug=st.booleans(),
        checksum=st.booleans(),
        limit=st.sampled_from([None, 0, 5, 30]),
    )
    def start(
        self,
        slots: int,
        policy: Any,
        fewer: int,
        more: int,
        queue: int,
        debug: bool,
        checksum: bool,
        limit: Any,
    ) -> None:
        bounds = {"min": max(1, slots - fewer), "max": slots + more, "shrink_after_s": 0.0}
        pool = PoolConfig(slots, policy, queue, debug, **bounds)  # type: ignore[arg-type]
        self.engines = tuple(
            make(
                FORMAT,
                ReplaySource(ramp(), "ramp", pace="manual", limit=limit),
                pool,
                checksum=checksum,
            )
            for make in (NativeEngine, ReferenceEngine)
        )
        for engine in self.engines:
            engine.start()

    def both(self, step: Any) -> tuple[Any, ...]:
        return tuple(step(engine) for engine in self.engines)

    @rule(packets=st.integers(0, 5))
    def produce(self, packets: int) -> None:
        native, reference = self.both(lambda engine: engine.produce(packets))
        assert native == reference

    @rule()
    def read(self) -> None:
        def step(engine: CaptureEngine) -> Any:
            try:
                return engine.read(timeout=0)
            except TimeoutError:
                return "nothing"

        native, reference = self.both(step)
        if isinstance(native, str) or isinstance(reference, str) or native is None or reference is None:
            assert native == reference
            return
        self.compare(native, reference)

    def compare(self, native: Any, reference: Any) -> None:
        for name in ("sequence", "frames", "channels", "nbytes", "flags", "checksum"):
            assert getattr(native, name) == getattr(reference, name), name
        self.packets.append((native, reference))

    @rule(packets=st.integers(1, 5))
    def read_many(self, packets: int) -> None:
        def step(engine: CaptureEngine) -> Any:
            try:
                return list(engine.read_many(packets, timeout=0))
            except TimeoutError:
                return "nothing"

        native, reference = self.both(step)
        if isinstance(native, str) or isinstance(reference, str):
            assert native == reference
            return
        for pair in zip(native, reference, strict=True):
            self.compare(*pair)

    @precondition(lambda self: self.packets)
    @rule(data=st.data())
    def drop_a_packet(self, data: st.DataObject) -> None:
        del self.packets[data.draw(st.integers(0, len(self.packets) - 1))]

    @precondition(lambda self: self.packets)
    @rule(data=st.data())
    def release_a_packet(self, data: st.DataObject) -> None:
        for packet in self.packets[data.draw(st.integers(0, len(self.packets) - 1))]:
            packet.release()

    @precondition(lambda self: any(not pair[0].released for pair in self.packets))
    @rule(data=st.data())
    def take_a_view(self, data: st.DataObject) -> None:
        # Drawn by index: hypothesis keeps what it draws, and a packet kept is a slot kept.
        live = [n for n, pair in enumerate(self.packets) if not pair[0].released]
        pair = self.packets[data.draw(st.sampled_from(live))]
        self.views.append((pair[0].sequence, *(packet.array[3:9].T for packet in pair)))

    @precondition(lambda self: self.views)
    @rule(data=st.data())
    def drop_a_view(self, data: st.DataObject) -> None:
        del self.views[data.draw(st.integers(0, len(self.views) - 1))]

    @rule(steps=st.integers(1, 4))
    def maintain(self, steps: int) -> None:
        for _ in range(steps):
            self.both(lambda engine: engine.maintain())

    @rule()
    def stop(self) -> None:
        self.both(lambda engine: engine.stop())

    @rule()
    def close(self) -> None:
        self.both(lambda engine: engine.close())

    @rule()
    def check(self) -> None:
        native, reference = self.both(lambda engine: engine.check())
        assert native == reference

    @invariant()
    def counters_agree(self) -> None:
        if self.engines:
            native, reference = self.both(counters)
            assert native == reference
            s = self.engines[0].stats()
            assert s.captured == s.hits + s.misses == s.delivered + s.drops + s.queued
            assert s.captured - s.refused == s.returns + s.in_flight

    @invariant()
    def bytes_agree(self) -> None:
        for native, reference in self.packets:
            assert native.released == reference.released
            if not native.released:
                np.testing.assert_array_equal(native.array, expected(native.sequence))
                np.testing.assert_array_equal(reference.array, expected(native.sequence))
        for sequence, native, reference in self.views:
            np.testing.assert_array_equal(native, expected(sequence)[3:9].T)
            np.testing.assert_array_equal(reference, native)

    def teardown(self) -> None:
        self.both(lambda engine: engine.close())
        self.packets.clear()
        self.views.clear()
        for engine in self.engines:
            assert engine.stats().in_flight == 0


TestSideBySide = SideBySide.TestCase
TestSideBySide.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
