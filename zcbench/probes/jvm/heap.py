"""Where the Java heap lies, its use as the JVM itself prints it, and how much of a JVM is in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass

# " garbage-first heap   total 10240K, used 1663K [0x00000000fc000000, 0x0000000100000000)", of Serial and
# Parallel a line for each generation. Metaspace, which is no heap, has no addresses.
_USED = re.compile(r"used (\d+)K \[0x")
_REGION = re.compile(r"\[(0x[0-9a-f]+),(?: 0x[0-9a-f]+,)? (0x[0-9a-f]+)\)")
_MAPPING = re.compile(rb"([0-9a-f]+)-[0-9a-f]+ (\S+) \S+ \S+ \S+ *(.*)")
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


@dataclass(frozen=True)
class Pages:
    """Private memory that is in memory or in swap: of the heap, used or garbage; and of what is bounded by
    itself, the JVM's own files (its archive of classes is relocated at the start) and compiled code."""

    heap_bytes: int
    image_bytes: int


def private_pages(pid: int, info: HeapInfo) -> Pages:
    """Where the private memory of ``pid`` lies. Raises OSError.

    From ``/proc/PID/smaps`` (proc_pid_smaps(5)): the kernel walks every page table for it.
    """
    heap = image = 0
    in_heap = in_image = False
    with open(f"/proc/{pid}/smaps", "rb") as file:  # noqa: PTH123
        for line in file:
            if (found := _MAPPING.match(line)) is not None:
                in_heap = info.start <= int(found[1], 16) < info.stop
                in_image = not in_heap and (found[3].startswith(b"/") or b"x" in found[2])
            elif line.startswith(_COUNTED):
                size = 1024 * int(line.split()[1])
                heap += size * in_heap
                image += size * in_image
    return Pages(heap, image)
