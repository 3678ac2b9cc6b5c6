"""One process at one moment: what costs little to read."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from functools import cache

import psutil

from zcbench.probes import procfs
from zcbench.probes.process import Process
from zcbench.quantities.names import (
    ANONYMOUS_BYTES,
    CPU_SYSTEM_S,
    CPU_USER_S,
    IO_READ_BYTES,
    IO_WRITTEN_BYTES,
    PRIVATE_BYTES,
    RSS_BYTES,
    RUN_QUEUE_NS,
    SWAP_BYTES,
    VIRTUAL_BYTES,
)

# A process has those of its children in them that it has waited for, so that also what lived between two
# samples is counted.
INHERITED = (CPU_USER_S, CPU_SYSTEM_S, "faults_minor", "faults_major")
# Of these a process's part stays when it has ended: a sum over the living would fall.
TOTALS = (*INHERITED, "ctx_voluntary", "ctx_involuntary", IO_READ_BYTES, IO_WRITTEN_BYTES, RUN_QUEUE_NS)


class Gone(Exception):  # noqa: N818
    """The process has ended, or its number is another's by now."""


@dataclass
class Reading:
    """``values`` by quantity, only INHERITED ones of a process that has ended; ``unreadable`` says which parts
    are not ours to read ("descriptors")."""

    name: str
    start_ns: int
    is_zombie: bool
    has_ended: bool = False  # a zombie, or about to be one: its memory is given back
    values: dict[str, int | float] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)


def read_process(process: Process) -> Reading:
    """Its readings of now. Raises Gone."""
    return _linux(process) if procfs.IS_LINUX else _elsewhere(process)


def _linux(process: Process) -> Reading:
    try:
        stat = process.stat()
    except OSError as error:
        raise Gone from error
    is_zombie = not stat.lives
    reading = Reading(stat.name, stat.start_ns, is_zombie, is_zombie or not stat.virtual_bytes)
    values = reading.values
    values |= {
        CPU_USER_S: stat.user_s,
        CPU_SYSTEM_S: stat.system_s,
        "faults_minor": stat.minor_faults,
        "faults_major": stat.major_faults,
    }
    if reading.has_ended:
        return reading
    values |= {
        RSS_BYTES: stat.resident_bytes,
        VIRTUAL_BYTES: stat.virtual_bytes,
        "threads": stat.threads,
    }
    try:
        status = procfs.numbers(process.record("status"), _OF_STATUS)
        values |= {_OF_STATUS[key]: number for key, number in status.items()}
        values |= _waited(process)
        # These need the rights of a debugger, in most kernels: another user's process does not give them.
        try:
            values["fds"] = _descriptor_count(process.pid)
        except PermissionError:
            reading.unreadable.add("descriptors")
        try:
            io = procfs.numbers(process.record("io"), _IO)
            values |= {IO_READ_BYTES: io[b"read_bytes"], IO_WRITTEN_BYTES: io[b"write_bytes"]}
        except PermissionError:
            reading.unreadable.add("storage")
        except (FileNotFoundError, KeyError):  # a kernel without task accounting
            pass
    except OSError as error:
        raise Gone from error
    return reading


_OF_STATUS = {
    # In stat it lags RssAnon (the kernel sums each core's part in status only): their difference is the files.
    b"VmRSS": RSS_BYTES,
    b"RssAnon": ANONYMOUS_BYTES,
    b"VmSwap": SWAP_BYTES,
    b"voluntary_ctxt_switches": "ctx_voluntary",
    b"nonvoluntary_ctxt_switches": "ctx_involuntary",
}
_IO = (b"read_bytes", b"write_bytes")


def _waited(process: Process) -> dict[str, int]:
    """How long its first thread could have run and had no core; nothing of a kernel that does not count it."""
    with contextlib.suppress(OSError, ValueError):
        _, waited_ns, turns = process.record("schedstat").split()
        if int(turns):
            return {RUN_QUEUE_NS: int(waited_ns)}
    return {}


def _descriptor_count(pid: int) -> int:
    folder = f"/proc/{pid}/fd"
    if _folder_size_is_count():
        return os.stat(folder).st_size  # noqa: PTH116
    return len(os.listdir(folder))  # noqa: PTH208


@cache
def _folder_size_is_count() -> bool:
    """Whether the kernel says how many descriptors there are (Linux 6.2) without listing them."""
    return os.stat("/proc/self/fd").st_size > 0  # noqa: PTH116


def _elsewhere(process: Process) -> Reading:
    try:
        with process.oneshot():
            start_ns = int(process.create_time() * 1e9)
            is_zombie = process.status() == psutil.STATUS_ZOMBIE
            reading = Reading(process.name(), start_ns, is_zombie, is_zombie)
            if is_zombie:
                return reading
            cpu, memory = process.cpu_times(), process.memory_info()
            values: dict[str, int | float] = {
                RSS_BYTES: memory.rss,
                VIRTUAL_BYTES: memory.vms,
                "threads": process.num_threads(),
                "fds": process.num_fds() if hasattr(process, "num_fds") else process.num_handles(),
                CPU_USER_S: cpu.user,
                CPU_SYSTEM_S: cpu.system,
            }
            if hasattr(memory, "private"):  # Windows
                values[PRIVATE_BYTES] = memory.private
            if hasattr(memory, "pfaults"):  # macOS
                values |= {"faults_minor": memory.pfaults - memory.pageins, "faults_major": memory.pageins}
            switches = process.num_ctx_switches()
            values |= {"ctx_voluntary": switches.voluntary, "ctx_involuntary": switches.involuntary}
            if hasattr(process, "io_counters"):
                io = process.io_counters()
                values |= {IO_READ_BYTES: io.read_bytes, IO_WRITTEN_BYTES: io.write_bytes}
    except psutil.AccessDenied:
        raise Gone from None
    except psutil.Error as error:
        raise Gone from error
    reading.values = values
    return reading
