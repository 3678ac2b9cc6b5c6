"""What Linux says of one process in ``/proc``: read as bytes, with as few system calls as there are files.

Each function raises OSError when the process is gone (or is somebody else's and may not be read), and nothing
else.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

IS_LINUX: Final = sys.platform == "linux"
_TICKS_PER_S = os.sysconf("SC_CLK_TCK") if IS_LINUX else 100
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if IS_LINUX else 4096
_LARGEST = 1 << 20  # bytes read of one file: a status or stat has a few hundred
AT_ONCE = 1 << 14  # bytes asked for a call: the kernel gives a page, and a buffer of 1 MiB has to be mapped


class Stat(NamedTuple):
    """``/proc/PID/stat``, proc_pid_stat(5). Times in s, the start in ns since the machine's."""

    name: str
    state: str  # "Z": a zombie
    parent: int
    group: int
    session: int
    minor_faults: int
    major_faults: int
    user_s: float  # with that of children that it has waited for, as the faults
    system_s: float
    threads: int
    start_ns: int
    virtual_bytes: int
    resident_bytes: int
    image: tuple[str, int, int]  # another one is another program: its name, where its code and its stack begin

    @property
    def lives(self) -> bool:
        """Whether it can still do something."""
        return self.state not in "ZX"


def read(path: str) -> bytes:
    """A file of ``/proc``, whole up to 1 MiB."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # The kernel gives whole records, at most a page of them a call: only an empty answer is the end.
        parts = []
        size = 0
        while size < _LARGEST and (part := os.read(file, AT_ONCE)):
            parts.append(part)
            size += len(part)
        return b"".join(parts)
    finally:
        os.close(file)


def read_record(path: str) -> bytes:
    """A file of ``/proc`` that is one record: one call gives it whole."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, AT_ONCE)
    finally:
        os.close(file)


def stat(pid: int) -> Stat:
    """What ``/proc/PID/stat`` says."""
    return parse_stat(read_record(f"/proc/{pid}/stat"))


def parse_stat(content: bytes) -> Stat:
    """What a ``/proc/PID/stat`` with this ``content`` says."""
    # A name may hold spaces and brackets: the last bracket ends it.
    before, _, after = content.rpartition(b")")
    fields = after.split()
    try:
        name = before.partition(b"(")[2].decode(errors="replace")
        return Stat(
            name=name,
            state=fields[0].decode(),
            parent=int(fields[1]),
            group=int(fields[2]),
            session=int(fields[3]),
            minor_faults=int(fields[7]) + int(fields[8]),
            major_faults=int(fields[9]) + int(fields[10]),
            user_s=(int(fields[11]) + int(fields[13])) / _TICKS_PER_S,
            system_s=(int(fields[12]) + int(fields[14])) / _TICKS_PER_S,
            threads=int(fields[17]),
            start_ns=int(fields[19]) * (10**9 // _TICKS_PER_S),
            virtual_bytes=int(fields[20]),
            resident_bytes=int(fields[21]) * _PAGE_BYTES,
            image=(name, int(fields[23]), int(fields[25])),
        )
    except (IndexError, ValueError):  # read in the moment of its end
        raise ProcessLookupError(f"/proc/PID/stat: {content!r}") from None


@cache
def lists_children() -> bool:
    """Whether the kernel lists the children of each thread (CONFIG_PROC_CHILDREN; proc_pid_task(5))."""
    return os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110


def boot_ns() -> int:
    """Now, in ns since the machine started, with what it slept (CLOCK_BOOTTIME); elsewhere since 1970."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) if IS_LINUX else time.time_ns()


def start_ns(pid: int) -> int:
    """When it started, in ns since the machine did (CLOCK_BOOTTIME), rounded down to the kernel's tick."""
    return stat(pid).start_ns


def numbers(content: bytes, names: Iterable[bytes]) -> dict[bytes, int]:
    """The numbers on the lines ``names`` of a file of lines "Name:  123 kB", in bytes where it says kB."""
    # A search for each is a quarter of the time that a pattern takes, and a tenth of what splitting does.
    content = b"\n%s\n" % content
    found = {}
    for name in names:
        start = content.find(b"\n%s:" % name)
        if start >= 0:
            words = content[start + len(name) + 2 : content.index(b"\n", start + 1)].split()
            found[name] = int(words[0]) * (1024 if words[1:] == [b"kB"] else 1)
    return found


def maps_file(pid: int, path: str) -> bool:
    """Whether the process has the file ``path`` mapped, by its device and inode: a path may be anybody's."""
    status = os.stat(path)  # noqa: PTH116
    wanted = f" {os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x} {status.st_ino} ".encode()
    with open(f"/proc/{pid}/maps", "rb") as file:  # noqa: PTH123
        return any(wanted in line for line in file)


def executable(pid: int) -> str:
    """The file that it runs, "" of a kernel's thread or if that is not ours to know."""
    try:
        return os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115
    except PermissionError:
        return ""
