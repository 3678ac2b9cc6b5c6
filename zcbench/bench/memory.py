"""How much memory this process had at most."""

from __future__ import annotations

import sys


def peak_bytes() -> int | None:
    """The peak of its resident set; None where the system does not say.

    Not ``ru_maxrss`` on Linux: a child begins with that of the process that started it
    (getrusage(2), kernel/exec.c).
    """
    if sys.platform == "linux":
        with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return None
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS: bytes
