"""What a process has open and running; by name before the stream and after its drain."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil

from zcbench.probes import procfs
from zcbench.record.schema import EventKind
from zcbench.subjects.inside.written_files import WrittenFiles

MOST_NAMES = 64

Note = Callable[[str, str, dict[str, Any]], None]


def children(pid: int) -> int:
    """Child processes of ``pid``. On Linux the kernel's own list: psutil looks at every process there is."""
    if procfs.IS_LINUX and procfs.lists_children():
        try:
            lists = Path(f"/proc/{pid}/task").glob("*/children")
            return sum(len(file.read_text().split()) for file in lists)
        except OSError:  # a thread that just ended
            pass
    return len(psutil.Process(pid).children())


def resources() -> dict[str, Any]:
    """Open descriptors, threads and child processes of this process: how many, how many of each name, and the
    first 64 one by one."""
    process = psutil.Process()
    family = process.children(recursive=True)
    fds = _descriptors(process)
    threads = sorted(thread.name for thread in threading.enumerate())
    processes = sorted(_name(child) for child in family)
    return {
        "fds": _open(process),
        "threads": process.num_threads(),
        "children": len(family),
        "fd_names": fds[:MOST_NAMES],
        "thread_names": threads[:MOST_NAMES],
        "child_names": processes[:MOST_NAMES],
        "fd_counts": _counted(name.partition(" ")[2] for name in fds),
        "thread_counts": _counted(
            name.split("-")[0] if name.startswith("Thread-") else name for name in threads
        ),
        "child_counts": _counted(name.partition(" ")[2] for name in processes),
    }


def _open(process: psutil.Process) -> int:
    """Open descriptors, without the one that looking at them takes: from outside nobody sees that one."""
    if sys.platform == "linux":
        return int(process.num_fds()) - 1
    return process.num_fds() if hasattr(process, "num_fds") else process.num_handles()


def _counted(names: Iterable[str]) -> dict[str, int]:
    """How many of each name, of the 64 names there are most of."""
    return dict(Counter(names).most_common(MOST_NAMES))


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


def leave_what_is_there() -> None:
    """Without it, a forced collection is a pause of tens of ms; with it, one of tens of µs."""
    gc.collect()
    gc.freeze()


def tell_open(when: str, note: Note) -> None:
    """Note what this process has open."""
    note(EventKind.RESOURCES, when, resources())


def tell_left(written: WrittenFiles, note: Note) -> None:
    """Note what is open and what was written once all is closed."""
    tell_open("after the drain", note)
    left = written.left()
    note(EventKind.WRITTEN_FILES, f"{left['files']} files are left outside the temporary folder", left)
