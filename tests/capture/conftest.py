from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from zcbench.capture.engine import CaptureEngine, PoolConfig, StreamFormat, find_engine
from zcbench.capture.sources import ReplaySource

FORMAT = StreamFormat(frames=48, channels=2)

Make = Callable[..., CaptureEngine]


def ramp(frames: int = 1009, channels: int = 2) -> np.ndarray[Any, Any]:
    """Samples that are all different: each block is known by its content."""
    return np.arange(frames * channels, dtype=np.float32).reshape(frames, channels)


@pytest.fixture(params=["native", "reference"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a started engine over a ramp; keywords are PoolConfig's, or ``pace`` and ``limit``."""
    made: list[CaptureEngine] = []

    def _make(
        *, pace: str = "manual", limit: int | None = None, checksum: bool = False, **pool: Any
    ) -> CaptureEngine:
        source = ReplaySource(ramp(), "ramp", pace=pace, limit=limit)  # type: ignore[arg-type]
        config = PoolConfig(**{"slots": 4, **pool})
        engine = find_engine(request.param)(FORMAT, source, config, checksum=checksum)
        engine.start()
        made.append(engine)
        return engine

    yield _make
    for engine in made:
        engine.close()


def expected(sequence: int) -> np.ndarray[Any, Any]:
    return ReplaySource(ramp(), "ramp").block(sequence, FORMAT.frames)


def next_packet(engine: CaptureEngine) -> Any:
    """Capture one packet and read it."""
    assert engine.produce(1) == 1
    packet = engine.read(timeout=0)
    assert packet is not None
    return packet
