"""Capture from the device ``zc`` and save what came: run by the tests in a process with its environment."""

from __future__ import annotations

import sys
import zlib

import numpy as np

from zcbench.capture.engine import PoolConfig, StreamFormat
from zcbench.capture.native import NativeEngine
from zcbench.capture.sources import DeviceSource

PACKETS = 200

engine = NativeEngine(StreamFormat(), DeviceSource("zc"), PoolConfig(slots=50), checksum=True)
engine.start()
blocks = []
for expected in range(PACKETS):
    packet = engine.read(timeout=30)
    assert packet is not None
    assert packet.sequence == expected
    assert packet.checksum == zlib.crc32(packet.array.data)
    blocks.append(packet.array.copy())
    del packet
engine.close()
stats = engine.stats()
assert stats.captured == stats.delivered + stats.drops
assert stats.returns == stats.captured
assert stats.in_flight == 0
np.save(sys.argv[1], np.concatenate(blocks))
