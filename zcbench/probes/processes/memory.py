"""Memory that takes the kernel time to count, of one process or of a control group (Linux)."""

from __future__ import annotations

import os

from zcbench.probes import procfs
from zcbench.probes.process import Process
from zcbench.quantities.names import (
    CGROUP_ANONYMOUS_BYTES,
    CGROUP_BYTES,
    FILE_BYTES,
    PSS_BYTES,
    SHARED_BYTES,
    USS_BYTES,
)

_CGROUP_ROOT = "/sys/fs/cgroup"
_ROLLUP = (b"Pss", b"Private_Clean", b"Private_Dirty", b"Shared_Clean", b"Shared_Dirty", b"Anonymous")


def dear_memory(pid: int) -> dict[str, int]:
    """Unique and proportional set size, private file memory, shared memory, in bytes. Raises OSError.

    From ``/proc/PID/smaps_rollup`` (proc_pid_smaps_rollup(5)): the kernel walks every page table for it.
    """
    found = procfs.numbers(procfs.read_record(f"/proc/{pid}/smaps_rollup"), _ROLLUP)
    if b"Pss" not in found:  # it ended between open and read
        raise ProcessLookupError(f"/proc/{pid}/smaps_rollup: empty")
    private = found.get(b"Private_Clean", 0) + found.get(b"Private_Dirty", 0)
    return {
        USS_BYTES: private,
        PSS_BYTES: found[b"Pss"],
        # Anonymous pages may be shared with a forked child: what is private and not anonymous is a file's.
        FILE_BYTES: max(0, private - found.get(b"Anonymous", 0)),
        SHARED_BYTES: found.get(b"Shared_Clean", 0) + found.get(b"Shared_Dirty", 0),
    }


def unique_bytes(process: Process) -> int:
    """Unique set size: what the system would get back at its end. Raises OSError, psutil.Error."""
    if procfs.IS_LINUX:
        return dear_memory(process.pid)[USS_BYTES]
    return int(process.memory_full_info().uss)


class ControlGroup:
    """The memory of the control group that a process lies in, if it is not the one that we lie in."""

    def __init__(self, pid: int) -> None:
        """Find it. There is none if it cannot be found, or would count this process's memory too."""
        self._current = self._stat = ""
        theirs, ours = _group(pid), _group(os.getpid())
        if theirs is None or theirs == ours:
            return
        version, path = theirs
        # A group's memory is also its children's: one above ours counts us.
        if ours is not None and (ours[1] + "/").startswith(path.rstrip("/") + "/"):
            return
        if version == 2:
            folder = _CGROUP_ROOT + path
            self._current, self._stat = f"{folder}/memory.current", f"{folder}/memory.stat"
        else:
            folder = f"{_CGROUP_ROOT}/memory{path}"
            self._current, self._stat = f"{folder}/memory.usage_in_bytes", f"{folder}/memory.stat"

    def read(self) -> dict[str, int]:
        """Its memory, and how much of it is anonymous; empty without a group of its own."""
        if not self._current:
            return {}
        try:
            found = {CGROUP_BYTES: int(procfs.read(self._current))}
            lines = (line.split() for line in procfs.read(self._stat).splitlines())
            stat = {words[0]: int(words[1]) for words in lines if len(words) == 2}
        except (OSError, ValueError):
            return {}
        anonymous = stat.get(b"anon", stat.get(b"total_rss"))
        if anonymous is not None:
            found[CGROUP_ANONYMOUS_BYTES] = anonymous
        return found


def _group(pid: int) -> tuple[int, str] | None:
    """Version and path of its memory group: "0::/path" of version 2, "4:memory:/path" of version 1."""
    try:
        lines = procfs.read(f"/proc/{pid}/cgroup").decode(errors="replace").splitlines()
    except OSError:
        return None
    unified = None
    for line in lines:
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if "memory" in controllers.split(","):
            return 1, path
        if number == "0":
            unified = path
    return None if unified is None else (2, unified)
