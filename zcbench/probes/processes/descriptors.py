"""What a process's descriptors point to (Linux): their kinds, and names that a climb can be told by."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from zcbench.probes import procfs
from zcbench.quantities.known import DESCRIPTOR_KINDS

# "anon_inode:[eventfd]" and the like, as the kernel names what has no file; proc_pid_fd(5).
_ANONYMOUS = {"eventfd", "timerfd", "signalfd", "inotify"}
_OTHER_NAMES = {"eventpoll": "epoll", "dmabuf": "dmabuf"}
_NUMBER = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|\d+")
_NETWORKS = ("tcp", "tcp6", "udp", "udp6", "unix")
# include/net/tcp_states.h
_TCP_STATES = ("", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close",
               "close_wait", "last_ack", "listen", "closing", "new_syn_recv")  # fmt: skip
_LISTENING_UNIX = 0x10000  # __SO_ACCEPTCON in the flags


@dataclass(frozen=True)
class Descriptors:
    """How many there are of each kind ("socket") and of each name ("file *.log"); ``sockets`` are their inodes,
    which :class:`SocketNames` has words for."""

    kinds: Mapping[str, int]
    names: Mapping[str, int]
    sockets: tuple[str, ...]


def descriptors(pid: int) -> Descriptors:
    """The open descriptors of a process. Raises OSError if it is gone or another user's."""
    folder = f"/proc/{pid}/fd"
    kinds: Counter[str] = Counter()
    names: Counter[str] = Counter()
    sockets: list[str] = []
    for number in os.listdir(folder):  # noqa: PTH208
        try:
            target = os.readlink(f"{folder}/{number}")  # noqa: PTH115
        except FileNotFoundError:  # closed meanwhile
            continue
        kind = kind_of(target, f"{folder}/{number}")
        kinds[kind] += 1
        if kind == "socket":
            sockets.append(target[len("socket:[") : -1])
        else:
            names[_name(kind, target)] += 1
    return Descriptors(kinds, names, tuple(sockets))


def kind_of(target: str, link: str) -> str:
    """The kind of what ``target`` says, which the ``link`` of /proc/PID/fd points to: one of
    DESCRIPTOR_KINDS."""
    if target.startswith("/"):
        return _kind_of_path(target, link)
    prefix, _, inside = target.partition(":")
    if prefix in ("socket", "pipe"):
        return prefix
    inside = inside.strip("[]")
    if prefix == "anon_inode":
        return inside if inside in _ANONYMOUS else _OTHER_NAMES.get(inside, "other")
    return "other"


def _kind_of_path(target: str, link: str) -> str:
    if target.startswith("/memfd:"):
        return "memfd"
    if target.startswith("/dmabuf:"):
        return "dmabuf"
    if target.startswith("/dev/") and not target.startswith("/dev/shm/"):
        return "device"
    return "directory" if os.path.isdir(link) else "file"  # noqa: PTH112


def _name(kind: str, target: str) -> str:
    """What a person would call it, with numbers as "*", so that the files of one pattern count as one. Without
    folders: a record names no place on the machine."""
    if kind in ("file", "directory", "memfd"):
        deleted = " (deleted)" if target.endswith(" (deleted)") else ""
        name = target.removesuffix(" (deleted)").removeprefix("/memfd:").rpartition("/")[2]
        return f"{kind} {pattern(name)}{deleted}".strip()
    if kind == "device":
        return f"device {pattern(target.removeprefix('/dev/'))}"
    if kind == "other":
        return f"other {target.partition(':')[2].strip('[]') or target}"
    return kind


def pattern(name: str) -> str:
    """A name with its numbers replaced: "worker-*" of "worker-12", "*.tmp" of "1a2b3c4d.tmp"."""
    return _NUMBER.sub("*", name)


class SocketNames:
    """What sockets are, by inode: "tcp close_wait", "unix listen". A network is read once: processes share
    it."""

    def __init__(self) -> None:
        self._networks: dict[str, dict[str, str]] = {}

    def of(self, pid: int, inodes: Iterable[str]) -> list[str]:
        """The names of a process's sockets: "socket tcp close_wait", or "socket" of one that is not listed."""
        try:
            network = os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115
        except OSError:
            network = ""
        if network not in self._networks:
            self._networks[network] = _sockets(pid)
        names = self._networks[network]
        return [f"socket {names.get(inode, '')}".strip() for inode in inodes]


def _sockets(pid: int) -> dict[str, str]:
    found = {}
    for network in _NETWORKS:
        try:
            lines = procfs.read(f"/proc/{pid}/net/{network}").decode(errors="replace").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if network == "unix" and len(fields) > 6:
                listens = int(fields[3], 16) & _LISTENING_UNIX
                found[fields[6]] = "unix listen" if listens else "unix"
            elif network != "unix" and len(fields) > 9:
                found[fields[9]] = f"{network.rstrip('6')} {_state(network, fields[3])}".strip()
    return found


def _state(network: str, code: str) -> str:
    if not network.startswith("tcp"):
        return ""
    try:
        return _TCP_STATES[int(code, 16)]
    except (ValueError, IndexError):
        return ""


assert {*_ANONYMOUS, *_OTHER_NAMES.values(), "socket", "pipe", "memfd", "other"} <= set(DESCRIPTOR_KINDS)
