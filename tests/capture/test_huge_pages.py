"""A large pool asks for pages of 2 MiB: walked through slot by slot, it has more of 4 KiB than the TLB."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

import numpy as np
import pytest

from zcbench.capture.engine import PoolConfig, StreamFormat
from zcbench.capture.native import NativeEngine
from zcbench.capture.sources import ReplaySource

LARGE = StreamFormat(frames=8192, channels=2)  # 64 KiB a packet
HUGE_PAGE_BYTES = 2 << 20


def asked_for_huge_pages(address: int) -> bool:
    """Whether the mapping with ``address`` has the flag "hg" in /proc/self/smaps (proc(5), VmFlags)."""
    within = False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        if bounds := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            within = int(bounds[1], 16) <= address < int(bounds[2], 16)
        elif within and line.startswith("VmFlags:"):
            return "hg" in line.split()
    raise LookupError(f"no mapping at {address:#x}")


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="Linux has such advice")
def test_a_pool_of_two_huge_pages_and_more_asks_for_them() -> None:
    # given what this kernel says of memory for which they were asked: it may be built without them
    asked = mmap.mmap(-1, 2 * HUGE_PAGE_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        asked.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        pytest.skip("this kernel has no huge pages")
    assert asked_for_huge_pages(np.frombuffer(asked, np.uint8).ctypes.data)
    # when
    pcm = np.zeros((LARGE.frames, LARGE.channels), np.float32)
    with NativeEngine(LARGE, ReplaySource(pcm, "silence", pace="manual"), PoolConfig(256)) as engine:
        engine.start()
        engine.produce(128)
        slot = engine.read_many(128, 0)[-1].array  # in the middle of the pool
        # then
        assert asked_for_huge_pages(slot.ctypes.data)
