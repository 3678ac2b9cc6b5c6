"""Small files that are read again and again, and stay open for it."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import ClassVar

from zcbench.probes.procfs import AT_ONCE

MOST_HELD = 512  # of one supervisor
_SURELY_WHOLE = 4000  # bytes: an answer that is shorter did not fill the kernel's page, which ends some lists


class HeldFile:
    """A file that stays open until nobody refers to it: reading it again is one call, not three."""

    _held: ClassVar[set[int]] = set()  # descriptors of all of them

    def __init__(self, path: str | Path, flags: int = os.O_RDONLY) -> None:
        """Raises OSError."""
        self.descriptor: int | None = None
        self.descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
        self._held.add(self.descriptor)

    @classmethod
    def has_room(cls) -> bool:
        """Whether one more may be held: a process may have but so many files open, and needs them elsewhere."""
        return len(cls._held) < _most_held()

    def read(self, length: int = AT_ONCE, at: int = 0) -> bytes:
        """What it holds now. Raises OSError."""
        assert self.descriptor is not None
        return os.pread(self.descriptor, length, at)

    def read_whole(self) -> bytes:
        """What it holds now, of a list that may be longer than one answer. Raises OSError."""
        content = part = self.read()
        while len(part) >= _SURELY_WHOLE:
            part = self.read(at=len(content))
            content += part
        return content

    def status(self) -> os.stat_result:
        """What the system says of it. Raises OSError."""
        assert self.descriptor is not None
        return os.fstat(self.descriptor)

    def __del__(self) -> None:
        if self.descriptor is not None:
            self._held.discard(self.descriptor)
            os.close(self.descriptor)


@cache
def _most_held() -> int:
    """A quarter of what this process may have open."""
    if sys.platform == "win32":
        return 0
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_HELD if soft == resource.RLIM_INFINITY else min(MOST_HELD, soft // 4)
