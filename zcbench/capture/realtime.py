"""What an engine may ask of the operating system so as not to be late: locked memory, a real-time thread."""

from __future__ import annotations

import errno
import os
import sys

from zcbench.capture import _core
from zcbench.capture.engine import SLOT_ALIGNMENT_BYTES, PoolConfig, StreamFormat
from zcbench.capture.sources import DeviceSource, ReplaySource
from zcbench.quantities.units import format_bytes

PRIORITIES = range(1, 100)  # of SCHED_FIFO (sched(7))


class RealtimeError(ValueError):
    """The operating system does not allow it; the message says which limit forbids it, and what to do."""


def check_realtime(format: StreamFormat, source: ReplaySource | DeviceSource, pool: PoolConfig) -> None:
    """Try whether ``pool.lock`` and ``source.priority`` can be had here; raises RealtimeError if not."""
    if pool.lock:
        _check_lock(format, pool)
    if source.priority is not None:
        _check_priority(source.priority)


def _check_lock(format: StreamFormat, pool: PoolConfig) -> None:
    stride = -(-format.packet_bytes // SLOT_ALIGNMENT_BYTES) * SLOT_ALIGNMENT_BYTES
    wanted = pool.slots * stride
    if error := _core.try_lock_memory(wanted):
        raise RealtimeError(
            f"pool.lock: {pool.slots:,} slots, {format_bytes(wanted)}, cannot be locked in memory: "
            f"{os.strerror(error)}; {_memory_limit()}, or leave pool.lock out"
        )


def _memory_limit() -> str:
    if sys.platform == "win32":
        return "raise the process's minimum working set (SetProcessWorkingSetSize)"
    import resource

    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    allowed = "none" if limit == resource.RLIM_INFINITY else format_bytes(limit)
    return f"the limit is {allowed}: raise it (ulimit -l, or memlock in /etc/security/limits.conf)"


def _check_priority(priority: int) -> None:
    if priority not in PRIORITIES:
        raise RealtimeError(f"source.priority: {priority} is not in 1..99")
    error = _core.try_schedule(priority)
    if error == errno.ENOSYS:
        raise RealtimeError(
            "source.priority: not supported here: macOS and Windows give the thread of an audio callback its "
            "real-time class by themselves, and have no such priority for others; leave it out"
        )
    if error:
        raise RealtimeError(
            f"source.priority: {priority}: the system refuses a real-time thread: {os.strerror(error)}; "
            f"{_priority_limit()}, or leave source.priority out"
        )


def _priority_limit() -> str:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_RTPRIO)[0] if hasattr(resource, "RLIMIT_RTPRIO") else 0
    return (
        f"the limit is {limit}: raise it (ulimit -r, or rtprio in /etc/security/limits.conf) or grant the "
        "capability SYS_NICE (docker run --cap-add SYS_NICE)"
    )
