"""The capture engine in plain Python: the readable specification, and the oracle the native one is held to.

Everything happens under one lock. The counters are those of the native engine, on the same scoreboard, and the
parts have the names of the native ones: SlotPool, Segment, Slot, Stream, Sizing, the keeper.

    >>> from zcbench import PoolConfig, ReferenceEngine, ReplaySource, StreamFormat, silence
    >>> format = StreamFormat()
    >>> source = ReplaySource(silence(format), "silence", pace="manual")
    >>> with ReferenceEngine(format, source, PoolConfig(slots=1, policy="drop")) as engine:
    ...     engine.start()
    ...     engine.produce(2)
    ...     engine.stats().misses
    2
    1
"""

from zcbench.capture.reference.engine import ReferenceEngine
from zcbench.capture.reference.lease import ReferencePacket, Stream
from zcbench.capture.reference.pool import Segment, Slot, SlotPool

__all__ = ["ReferenceEngine", "ReferencePacket", "Segment", "Slot", "SlotPool", "Stream"]
