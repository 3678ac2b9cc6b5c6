"""What may disturb a capture in its own process and beside it: each a context in which it goes on."""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psutil

Pressure = Callable[[], contextlib.AbstractContextManager[None]]

HOGS = 4
FAULTED_BYTES = 64 * 2**20
CONTAINERS = 100_000
MOST_MEMORY_BYTES = 2**30


@contextlib.contextmanager
def _threads(body: Callable[[], None], number: int) -> Iterator[None]:
    """``number`` threads that run ``body`` over and over."""
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            body()

    threads = [threading.Thread(target=run, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


# A process that outlives the benchmark, however that ended, would go on for ever: it ends with its pipe.
_WITH_ITS_PARENT = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
while True:
"""


@contextlib.contextmanager
def _processes(body: str, number: int) -> Iterator[None]:
    """``number`` Python processes that run ``body`` over and over."""
    command = [sys.executable, "-S", "-c", f"{_WITH_ITS_PARENT}    {body}"]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) for _ in range(number)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def gil() -> contextlib.AbstractContextManager[None]:
    """Threads of pure Python that give the GIL up only when it is taken from them."""

    def body() -> None:
        for _ in range(100_000):
            pass

    return _threads(body, HOGS)


def gc_storm() -> contextlib.AbstractContextManager[None]:
    """Full collections of a large heap, one after the other; each holds the GIL all the time."""
    heap = [[n] for n in range(CONTAINERS)]

    def body() -> None:
        heap[0] = [heap]  # never done with
        gc.collect()

    return _threads(body, 1)


def page_faults() -> contextlib.AbstractContextManager[None]:
    """Memory mapped, touched page by page and unmapped: the process's memory map is locked most of the time."""

    def body() -> None:
        import numpy as np

        with mmap.mmap(-1, FAULTED_BYTES) as fresh:
            pages = np.frombuffer(fresh, np.uint8)
            pages[:: mmap.PAGESIZE] = 1
            del pages

    return _threads(body, 2)


def malloc_storm() -> contextlib.AbstractContextManager[None]:
    """Blocks of all sizes allocated and freed by several threads: malloc's locks are fought over."""

    def body() -> None:
        blocks = [bytearray(1 << (n % 18)) for n in range(2_000)]
        del blocks

    return _threads(body, HOGS)


def cpu() -> contextlib.AbstractContextManager[None]:
    """Two busy processes for each core."""
    return _processes("pass", 2 * (os.cpu_count() or 1))


@contextlib.contextmanager
def swapped() -> Iterator[None]:
    """Two busy processes for each core, and this thread, the reader's, below them: nice 19 (Linux)."""
    with cpu():
        before = _renice(19)
        try:
            yield
        finally:
            if before is not None:
                with contextlib.suppress(OSError):  # going up again is root's
                    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), before)


def _renice(nice: int) -> int | None:
    if not sys.platform.startswith("linux"):
        return None  # there a thread has no nice value of its own
    thread = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, thread)
    os.setpriority(os.PRIO_PROCESS, thread, nice)
    return before


def memory() -> contextlib.AbstractContextManager[None]:
    """A process that fills a quarter of the free memory, at most 1 GiB, and lets go of it, over and over."""
    wanted = min(MOST_MEMORY_BYTES, psutil.virtual_memory().available // 4)
    return _processes(f"b'x' * {wanted}", 1)


PRESSURES: dict[str, Pressure] = {
    "none": contextlib.nullcontext,
    "gil": gil,
    "gc": gc_storm,
    "page-faults": page_faults,
    "malloc": malloc_storm,
    "memory": memory,
    "cpu": cpu,
    "swapped": swapped,
}


def meaning(name: str) -> str:
    """What a pressure is, in a sentence."""
    known: Any = PRESSURES[name]
    return "nothing else" if name == "none" else str(known.__doc__).split(":")[0].split(";")[0].rstrip(".")
