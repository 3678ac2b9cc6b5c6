"""What a process has open and running; by name before the stream and after its drain."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import psutil

MOST_NAMES = 64


def children(pid: int) -> int:
    """Child processes of ``pid``. On Linux the kernel's own list: psutil looks at every process there is."""
    if sys.platform == "linux":
        try:
            lists = Path(f"/proc/{pid}/task").glob("*/children")
            return sum(len(file.read_text().split()) for file in lists)
        except OSError:  # a thread that just ended, or a kernel without these files
            pass
    return len(psutil.Process(pid).children())


def resources() -> dict[str, Any]:
    """Open descriptors, threads and child processes of this process: counts and (the first 64) names."""
    process = psutil.Process()
    family = process.children(recursive=True)
    fds = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    return {
        "fds": fds,
        "threads": process.num_threads(),
        "children": len(family),
        "fd_names": _descriptors(process)[:MOST_NAMES],
        "thread_names": sorted(thread.name for thread in threading.enumerate())[:MOST_NAMES],
        "child_names": sorted(_name(child) for child in family)[:MOST_NAMES],
    }


def _descriptors(process: psutil.Process) -> list[str]:
    """ "3 pipe" and the like on Linux; elsewhere the open files, which is what can be had."""
    if sys.platform != "linux":
        return sorted(f"{file.fd} {Path(file.path).name}" for file in process.open_files())
    named = []
    for entry in sorted(os.listdir("/proc/self/fd"), key=int):  # noqa: PTH208
        try:
            target = os.readlink(f"/proc/self/fd/{entry}")  # noqa: PTH115
        except OSError:  # the listing's own descriptor
            continue
        # No folders: a record names no place on the machine.
        named.append(f"{entry} {target.partition(':[')[0].rpartition('/')[2]}")
    return named


def _name(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {process.name()}"
    except psutil.Error:
        return f"{process.pid} gone"
