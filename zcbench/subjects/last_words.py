"""What a program said of its end: the line of its last output that tells why, as its runtime writes it."""

from __future__ import annotations

import re

from zcbench.foreign import brief, one_line

KEPT = 8192  # bytes of the output's end
LONGEST = 160  # characters that are quoted
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Each is written once, and more may follow it: a stack, a version. The first line of these tells.
_FATAL = re.compile(
    r"thread '.*'.* panicked at |panic: |fatal error: |Exception in thread |terminate called |\*\*\* .* \*\*\*"
    r"|.*: Assertion [`'].*' failed\."
    r"|(?:free|malloc|realloc|munmap_chunk|corrupted|double free).*(?:\(\)|corrupt)"
    r"|\w*Error(?: \[\w+\])?: |Uncaught |Unhandled exception|FATAL|memory allocation of |Segmentation fault"
)  # fmt: skip
# What these begin goes on in the next line.
_GOES_ON = re.compile(r"terminate called after throwing|thread '.*'.* panicked at [^']*:$")

# As C++, Rust, Go, Java, Node, Python and the C library's callers say it.
_NO_MEMORY = re.compile(
    r"std::bad_alloc|memory allocation of \d+ bytes failed|OutOfMemoryError|heap out of memory|MemoryError"
    r"|out of memory|Cannot allocate memory",
    re.IGNORECASE,
)


def had_no_memory(words: str) -> bool:
    """Whether a program's last words say that it could get no more memory."""
    return _NO_MEMORY.search(words) is not None


class LastWords:
    """Listens to a program's output, and keeps its end."""

    def __init__(self) -> None:
        self._kept = b""

    def hear(self, piece: bytes) -> None:
        """Take the next piece of the output; returns at once."""
        self._kept = (self._kept + piece[-KEPT:])[-KEPT:]

    def why(self) -> str | None:
        """The line that tells of its end, else the last one; None of a program that printed nothing."""
        text = _COLOURS.sub("", self._kept.decode(errors="replace"))
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            return None
        at = next((n for n, line in enumerate(lines) if _FATAL.match(line)), len(lines) - 1)
        said = lines[at]
        if _GOES_ON.match(said) and at + 1 < len(lines):
            said += f" {lines[at + 1]}"
        return brief(one_line(said), LONGEST)
