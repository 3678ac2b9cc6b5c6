"""Whether a process is Node: its name, and what its program has in it. A number is not enough: SIGUSR1 ends
every program that does not expect it."""

from __future__ import annotations

import mmap
import os
import signal
from pathlib import Path

import psutil

from zcbench.probes import procfs

NAMES = frozenset({"node", "nodejs", "node.exe"})
# In every Node since 14: the name that its built-in modules have in stack traces. A library holds it on Debian.
_INSIDE = b"node:internal/"
_LIBRARY = "libnode.so"
_SIGNAL_BIT = 1 << (getattr(signal, "SIGUSR1", 10) - 1)


def is_called_node(process: psutil.Process) -> bool:
    """Whether its program's file is called as Node's is; a program may change its own title."""
    try:
        return os.path.basename(process.exe()) in NAMES  # noqa: PTH119
    except psutil.Error:
        return False


def why_not(process: psutil.Process) -> str | None:
    """Why the process is none that may be asked to open its inspector, as a clause; None if it may."""
    if not procfs.IS_LINUX:
        return "what it does at SIGUSR1 can be told on Linux only"
    try:
        if process.uids().effective != os.geteuid():
            return f"it is another user's ({process.username()})"
        if not is_called_node(process) or not _has_node_inside(process.pid):
            return "it is not Node"
        if _is_disabled(process):
            return "it was started with --disable-sigusr1"
        if not _catches(process.pid):
            return "it does not listen for SIGUSR1"
    except (psutil.Error, OSError):
        return "it cannot be looked into"
    return None


def _has_node_inside(pid: int) -> bool:
    if _LIBRARY.encode() in procfs.read(f"/proc/{pid}/maps"):
        return True
    with (
        Path(f"/proc/{pid}/exe").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as program,
    ):
        return program.find(_INSIDE) >= 0


def _is_disabled(process: psutil.Process) -> bool:
    options = process.environ().get("NODE_OPTIONS", "").split()
    return "--disable-sigusr1" in [*process.cmdline(), *options]


def _catches(pid: int) -> bool:
    """Whether it has a handler of SIGUSR1, Node's or its own: without one the signal would end it."""
    for line in procfs.read(f"/proc/{pid}/status").splitlines():
        if line.startswith(b"SigCgt:"):
            return bool(int(line.split()[1], 16) & _SIGNAL_BIT)
    return False
