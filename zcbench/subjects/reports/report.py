"""One report of a tool that a program runs under, and what its tools have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

LONGEST_LINE = 4096  # characters of a line that are looked at
MOST_LINES = 400  # of one report: the stacks of some threads
MOST_SITES = 10  # of a report of lost blocks
LONGEST_KIND = 120  # characters

LEAK = "lost_blocks"
BAD_ACCESS = "bad_access"
RACE = "race"
UNDEFINED = "undefined"
UNINITIALISED = "uninitialised"

# "LINE" and "LINE:COLUMN" behind a file's name.
PLACE = r":\d+(?::\d+)?"
# Where no fault is the program's own: the tools', the libraries' of C and C++, what starts a program.
_RUNTIME_FILES = (
    "/libsanitizer/", "compiler-rt/", "/sysdeps/", "sysdeps/", "csu/", "/csu/", "/usr/include/", "/usr/lib/",
    "/include/c++/", "/rustc/", "/usr/local/go/src/", "/lib/go", "vg_replace_", "nptl/", "clone.S",
    "pthread_create.c",
)  # fmt: skip
_RUNTIME_FUNCTIONS = re.compile(
    r"_*interceptor_|__(asan|lsan|tsan|msan|ubsan|hwasan|sanitizer|libc_start|clone|GI_)|_start$"
    r"|operator (new|delete)"
    r"|(malloc|calloc|realloc|reallocarray|free|aligned_alloc|posix_memalign|memalign|strdup|strndup|memcpy"
    r"|memmove|memset|strlen|strcpy|strncpy|pthread_create|start_thread|clone)\b|\?\?\?"
)


@dataclass(frozen=True)
class Frame:
    """A place in a stack: function, and "FILE:LINE" where the program has that."""

    function: str
    place: str | None

    @property
    def is_own(self) -> bool:
        """Whether it may be the program's own code."""
        if _RUNTIME_FUNCTIONS.match(self.function):
            return False
        return self.place is None or not any(part in self.place for part in _RUNTIME_FILES)

    def __str__(self) -> str:
        """ "leak.c:7 in forgotten"."""
        return self.function if self.place is None else f"{self.place} in {self.function}"


@dataclass(frozen=True)
class Report:
    """What a ``tool`` found: its ``kind`` in the tool's words, the ``cause`` in ours, the first place of the
    program's own, and of lost blocks how many bytes in how many, and from where."""

    tool: str
    kind: str
    cause: str
    where: str | None = None
    size: int | None = None
    blocks: int | None = None
    sites: tuple[tuple[int, int, str], ...] = ()

    @property
    def sentence(self) -> str:
        """ "AddressSanitizer: heap-use-after-free, at parse.c:9 in main"."""
        if self.cause == LEAK and self.size is not None:
            blocks = (
                "" if self.blocks is None else f" in {self.blocks:,} block{'s' if self.blocks != 1 else ''}"
            )
            said = f"{self.tool} found {self.size:,} bytes{blocks} lost"
            return said if self.where is None else f"{said}, allocated at {self.where}"
        return f"{self.tool}: {self.at_place}"

    @property
    def at_place(self) -> str:
        """ "heap-use-after-free, at parse.c:9 in main"."""
        return self.kind if self.where is None else f"{self.kind}, at {self.where}"

    @property
    def may_be_fatal(self) -> bool:
        """Whether its tool may end a program for it: a sanitizer does for all but what it finds at the end."""
        return self.tool.endswith("Sanitizer") and self.cause not in (LEAK, RACE)

    @property
    def signature(self) -> tuple[object, ...]:
        """Two reports of the same are one."""
        return self.tool, self.kind, self.where, self.size

    def at(self, stack: Sequence[Frame]) -> Report:
        """The same, found at ``stack``."""
        return replace(self, where=own_place(stack))


def own_place(stack: Sequence[Frame]) -> str | None:
    """The innermost place in a stack that is the program's own: one with a line, if any has."""
    own = [frame for frame in stack if frame.is_own]
    with_line = [frame for frame in own if frame.place is not None]
    return next((str(frame) for frame in (*with_line, *own)), None)
