"""Why a process has no page of the malloc meter, by what can be seen of it from outside."""

from __future__ import annotations

import os
import stat
import struct

from zcbench.probes import procfs

PRELOAD_VARIABLE = "LD_PRELOAD" if procfs.IS_LINUX else "DYLD_INSERT_LIBRARIES"

_PT_INTERP = 3
_LARGEST_TABLE = 1 << 16  # bytes of program headers read: executables have about a dozen of 56


def reason(pid: int, library: str) -> str:
    """One clause: "it is linked statically". ``library`` is the meter's path."""
    executable = f"/proc/{pid}/exe"
    try:
        status = os.stat(executable)  # noqa: PTH116
        if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
            return "it runs with another user's rights (setuid), and nothing can be preloaded into that"
        if (clause := _of_file(executable)) is not None:
            return clause
        variables = procfs.read(f"/proc/{pid}/environ").split(b"\0")
    except PermissionError:
        return "it is another user's and cannot be looked into"
    except OSError:
        return "it cannot be looked into"
    preload = next((v for v in variables if v.startswith(PRELOAD_VARIABLE.encode() + b"=")), b"")
    if os.fsencode(library) not in preload:
        return f"it was started without {PRELOAD_VARIABLE}: whoever started it replaced the environment"
    return "it could not write its page, or refuses preloaded libraries"


def _of_file(executable: str) -> str | None:
    """What its file says; None if a library could be preloaded into it."""
    with open(executable, "rb") as file:  # noqa: PTH123
        header = file.read(64)
        if header[:4] != b"\x7fELF" or len(header) < 64:
            return "its file is not an ELF program"
        if header[4] != struct.calcsize("P") // 4:
            return f"it is a {32 if header[4] == 1 else 64}-bit program, and the meter is not"
        at, size, count = struct.unpack_from("<Q", header, 32)[0], *struct.unpack_from("<HH", header, 54)
        file.seek(at)
        table = file.read(min(size * count, _LARGEST_TABLE))
    kinds = [struct.unpack_from("<I", table, i * size)[0] for i in range(len(table) // max(size, 4))]
    return None if _PT_INTERP in kinds else "it is linked statically"
