"""HotSpot's attach mechanism: one command a connection, over a socket that the JVM makes on request.

The request is a file ``.attach_pidPID`` and SIGQUIT (attachListener_linux.cpp). A JVM that finds the file makes
the socket ``.java_pidPID``; one that does not prints all threads' stacks, and a process that does not handle
the signal dies of it: it is sent only where the kernel says that the process handles it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import time
from dataclasses import dataclass

from zcbench.probes import procfs

HANDSHAKE_S = 5.0  # until the JVM has made its socket: it does so at its next safepoint
_POLL_S = 0.02
ANSWER_S = 120.0  # a full collection of a large heap with its histogram takes seconds
LARGEST_ANSWER = 8 * 2**20  # a class histogram of 50,000 classes
_VERSION = b"1"
_ARGUMENTS = 3  # always as many, empty ones with them
_SIGQUIT_BIT = 1 << (signal.SIGQUIT - 1)
# What tells in a JVM's arguments that SIGQUIT does not begin a conversation.
_REFUSALS = ("-XX:+DisableAttachMechanism",)


class AttachError(Exception):
    """The JVM does not talk to us; a clause that says why."""


@dataclass(frozen=True)
class Target:
    """A JVM: its ``pid`` here, the one in its own namespace, its user, and the start that tells it from a later
    process of the same number."""

    pid: int
    inner_pid: int
    user: int
    start_ns: int
    shares_files: bool  # whether it has the same view of the file system as we

    @property
    def folder(self) -> str:
        """``/tmp`` as the JVM sees it: ``java.io.tmpdir`` does not move it."""
        return f"/proc/{self.pid}/root/tmp"

    @property
    def socket(self) -> str:
        """Where it answers, once asked to."""
        return f"{self.folder}/.java_pid{self.inner_pid}"


def target(pid: int) -> Target:
    """The process ``pid`` as one to attach to. Raises OSError when it has ended or is not ours to look into."""
    fields = _status(pid)
    numbers = fields.get(b"NSpid", b"").split() or [str(pid).encode()]
    uids = fields.get(b"Uid", b"").split()
    user = int(uids[1]) if len(uids) > 1 else -1
    shares = os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")  # noqa: PTH115
    return Target(pid, int(numbers[-1]), user, procfs.start_ns(pid), shares)


def forget(one: Target) -> None:
    """Remove the socket of a JVM that has ended: one that was killed leaves it."""
    path = f"/tmp/.java_pid{one.inner_pid}"
    with contextlib.suppress(OSError):
        status = os.lstat(path)
        if one.shares_files and stat.S_ISSOCK(status.st_mode) and status.st_uid == one.user:
            os.unlink(path)  # noqa: PTH108


def _status(pid: int) -> dict[bytes, bytes]:
    lines = procfs.read(f"/proc/{pid}/status").splitlines()
    return dict(line.split(b":", 1) for line in lines if b":" in line)


def command(one: Target, *words: str, timeout_s: float = ANSWER_S) -> str:
    """What the JVM answers to a command: ``("jcmd", "GC.run")``. Raises AttachError."""
    _shake_hands(one)
    padded = [*words, *[""] * (_ARGUMENTS + 1 - len(words))]
    message = b"\0".join([_VERSION, *(word.encode() for word in padded)]) + b"\0"
    until_s = time.monotonic() + timeout_s
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(one.socket)
            connection.sendall(message)
            answer = _read(connection, until_s)
    except OSError as error:
        raise AttachError(f"it does not answer: {error}") from None
    status, _, text = answer.partition(b"\n")
    if status.strip() != b"0":
        said = text.decode(errors="replace").strip().splitlines()
        raise AttachError(f"it refuses {' '.join(words[:2])}: {said[0][:200] if said else status[:40]!r}")
    return text.decode(errors="replace")


def _read(connection: socket.socket, until_s: float) -> bytes:
    parts, size = [], 0
    while part := connection.recv(1 << 16):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            raise OSError(f"more than {LARGEST_ANSWER // 2**20} MiB")
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("too slow")
        connection.settimeout(left_s)
    return b"".join(parts)


def _shake_hands(one: Target) -> None:
    """Have the JVM make its socket, if it has not. Raises AttachError."""
    try:
        if _has_socket(one):
            return
        if (why := refusal(one.pid)) is not None:
            raise AttachError(why)
        _request(one)
    except PermissionError:
        raise AttachError("it belongs to another user; watch it as that user, or as root") from None
    except OSError as error:
        raise AttachError(f"it cannot be asked: {error.strerror or error}") from None


def _has_socket(one: Target) -> bool:
    try:
        status = os.lstat(one.socket)
    except FileNotFoundError:
        return False
    if not stat.S_ISSOCK(status.st_mode) or status.st_uid not in (one.user, 0):
        raise AttachError(f".java_pid{one.inner_pid} in its /tmp is not the JVM's")
    return True


def refusal(pid: int) -> str | None:
    """Why ``pid`` must not be sent SIGQUIT; None if it may. Raises OSError."""
    if not int(_status(pid).get(b"SigCgt", b"0"), 16) & _SIGQUIT_BIT:
        return "it does not handle SIGQUIT, by which one asks"
    # Variables too: JAVA_TOOL_OPTIONS and its like.
    given = procfs.read(f"/proc/{pid}/cmdline") + b"\0"
    with contextlib.suppress(OSError):
        given += procfs.read(f"/proc/{pid}/environ")
    for flag in _REFUSALS:
        if flag.encode() in given:
            return f"it was started with {flag}"
    return None


def _request(one: Target) -> None:
    path = f"{one.folder}/.attach_pid{one.inner_pid}"
    handle = os.pidfd_open(one.pid)
    try:
        # The number may be another process's by now; what the handle means is fixed.
        if procfs.start_ns(one.pid) != one.start_ns:
            raise ProcessLookupError(0, "it has ended")
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            # An old JVM takes the file of its own user only.
            if os.geteuid() == 0 and one.user > 0:
                os.fchown(made, one.user, -1)
            signal.pidfd_send_signal(handle, signal.SIGQUIT)
            until_s = time.monotonic() + HANDSHAKE_S
            while not _has_socket(one):
                if time.monotonic() > until_s:
                    raise AttachError(f"it makes no socket within {HANDSHAKE_S:.0f} s")
                time.sleep(_POLL_S)
        finally:
            os.close(made)
            os.unlink(path)  # noqa: PTH108
    finally:
        os.close(handle)
