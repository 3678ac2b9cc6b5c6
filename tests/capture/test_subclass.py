"""An engine of one's own made out of a shipped one: what the subclass says is what is called."""

from __future__ import annotations

from typing import Any

import pytest

from tests.capture.conftest import FORMAT, ramp
from zcbench.capture.copying import CopyingEngine
from zcbench.capture.engine import PoolConfig
from zcbench.capture.native import NativeEngine
from zcbench.capture.reference import ReferenceEngine
from zcbench.capture.sources import ReplaySource


@pytest.mark.parametrize("base", [NativeEngine, ReferenceEngine, CopyingEngine])
def test_an_overridden_read_is_called_and_can_call_the_one_it_overrides(base: Any) -> None:
    class Doubled(base):  # type: ignore[misc]
        asked = 0

        def read(self, timeout: float | None = None) -> Any:
            self.asked += 1
            return super().read(timeout)

        def read_many(self, packets: int, timeout: float | None = None) -> Any:
            self.asked += 100
            return super().read_many(packets, timeout)

    source = ReplaySource(ramp(), "ramp", pace="manual", limit=3)
    with Doubled(FORMAT, source, PoolConfig(slots=4)) as engine:
        engine.start()
        engine.produce(3)
        assert engine.read(0).sequence == 0
        assert [packet.sequence for packet in engine.read_many(2)] == [1, 2]
        asked = engine.asked
        assert asked >= 101, "an overridden method was passed by"
        assert list(engine) == []  # iterating reads as well
        assert engine.asked > asked
