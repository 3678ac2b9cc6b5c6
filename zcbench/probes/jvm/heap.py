"""Where the Java heap lies, how much of it is in memory, and its use as the JVM itself prints it."""

from __future__ import annotations

import re
from dataclasses import dataclass

# " garbage-first heap   total 10240K, used 1663K [0x00000000fc000000, 0x0000000100000000)", of Serial and
# Parallel a line for each generation. Metaspace, which is no heap, has no addresses.
_USED = re.compile(r"used (\d+)K \[0x")
_REGION = re.compile(r"\[(0x[0-9a-f]+),(?: 0x[0-9a-f]+,)? (0x[0-9a-f]+)\)")
_MAPPING = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) ")
_COUNTED = (b"Anonymous:", b"Swap:")


@dataclass(frozen=True)
class HeapInfo:
    """What ``jcmd GC.heap_info`` prints. ``start`` and ``stop`` are addresses, equal where the heap is shared
    memory (ZGC's); ``used_bytes`` are whole KiB, None of a collector that prints whole MiB."""

    start: int
    stop: int
    used_bytes: int | None


def parse_heap_info(text: str) -> HeapInfo | None:
    """None where no heap can be told of it."""
    regions = [(int(start, 16), int(stop, 16)) for start, stop in _REGION.findall(text)]
    used = [int(number) for number in _USED.findall(text)]
    used_bytes = 1024 * sum(used) if used else None
    if regions:
        return HeapInfo(min(start for start, _ in regions), max(stop for _, stop in regions), used_bytes)
    return HeapInfo(0, 0, None) if text.lstrip().startswith("ZHeap") else None


def resident_bytes(pid: int, info: HeapInfo) -> int:
    """Private memory of the heap that is in memory or in swap, used or garbage. Raises OSError.

    From ``/proc/PID/smaps`` (proc_pid_smaps(5)): the kernel walks every page table for it.
    """
    total, inside = 0, False
    with open(f"/proc/{pid}/smaps", "rb") as file:  # noqa: PTH123
        for line in file:
            if line[:1].isdigit() or line[:1].islower():
                found = _MAPPING.match(line)
                inside = found is not None and info.start <= int(found[1], 16) < info.stop
            elif inside and line.startswith(_COUNTED):
                total += 1024 * int(line.split()[1])
    return total
