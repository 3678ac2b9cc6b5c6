"""The kernel's count of out-of-memory kills in the control groups of some processes (Linux, versions 1 and 2).

A process that dies of SIGKILL does not know why; the counter of its group does, if it has risen meanwhile.
https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.events), cgroup-v1/memory.html (memory.oom_control).
"""

from __future__ import annotations

import re
from pathlib import Path

_PROC = Path("/proc")
_COUNT = re.compile(r"^oom_kill ([0-9]{1,18})$", re.MULTILINE)


class OomKills:
    """Follows the groups of each process it was told of, from then on."""

    def __init__(self, proc: Path = _PROC) -> None:
        self._proc = proc
        self._before: dict[Path, int] = {}
        self._counted: set[str] = set()  # groups whose kills are counted, as /proc/PID/cgroup lists them

    def follow(self, *pids: int | str) -> None:
        """Count kills in the groups that ``pids`` are in now; to be asked again, as they may move to others."""
        # Most processes of a subject are where its first one is.
        unknown = {groups for pid in pids if (groups := self._groups(pid))} - self._counted
        if not unknown:
            return
        try:
            mounts = (self._proc / "self" / "mountinfo").read_text(errors="replace")
        except OSError:  # this is no Linux
            return
        for groups in unknown:
            counts = {counter: _read(counter) for counter in _counters(groups, mounts)}
            for counter, count in counts.items():
                if count is not None:
                    self._before.setdefault(counter, count)
            if None not in counts.values():
                self._counted.add(groups)

    def _groups(self, pid: int | str) -> str:
        try:
            return (self._proc / str(pid) / "cgroup").read_text(errors="replace")
        except OSError:  # it is gone, or this is no Linux
            return ""

    def risen(self) -> bool:
        """Whether the kernel has killed for memory in one of these groups."""
        return any((_read(counter) or 0) > before for counter, before in self._before.items())


def _counters(groups: str, mounts: str) -> list[Path]:
    """The files that count kills in ``groups``, as /proc/PID/cgroup lists them."""
    found = []
    for line in groups.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers == "":
            found += [f / "memory.events" for f in _folders(mounts, "cgroup2", "", group)]
        elif "memory" in controllers.split(","):
            found += [f / "memory.oom_control" for f in _folders(mounts, "cgroup", "memory", group)]
    return found


def _folders(mounts: str, kind: str, option: str, group: str) -> list[Path]:
    """Where ``group`` of a hierarchy is mounted. A container often sees a part of it, whose root it is."""
    found = []
    for line in mounts.splitlines():
        about, _, of = line.partition(" - ")
        fields, (fstype, _, options) = (
            about.split(),
            of.split(" ", 2) if of.count(" ") > 1 else ("", "", ""),
        )
        if fstype != kind or len(fields) < 5 or (option and option not in options.split(",")):
            continue
        root, place = fields[3].rstrip("/"), Path(fields[4])
        if group == root or group.startswith(f"{root}/"):
            found.append(place / group[len(root) :].lstrip("/"))
        else:  # a name that is told from outside this namespace
            found.append(place)
    return found


def _read(counter: Path) -> int | None:
    try:
        count = _COUNT.search(counter.read_text(errors="replace"))
    except OSError:
        return None
    return None if count is None else int(count[1])
