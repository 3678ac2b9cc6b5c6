"""Which places in a native program keep what they allocate, from heaptrack, where it is installed.

heaptrack's library is preloaded into the program and writes what it allocates and frees into a pipe; its
interpreter puts names to addresses; what comes out is counted here while the program runs, so that nothing of
it has to lie on a disk. The format is heaptrack's own (src/interpret/heaptrack_interpret.cpp): a letter and
numbers in base 16 a line.

    s LENGTH TEXT               the next string
    i ADDRESS MODULE [FUNCTION [FILE LINE] ...]   the next place in code; what is inlined into it follows
    t PLACE CALLER              the next trace: a place, and the trace of who called it
    a SIZE TRACE                the next kind of allocation
    + KIND, - KIND              one more of a kind, one less
    c MS                        the time since the program's start

Numbers of strings, places and traces begin with 1; 0 is none. Those of kinds begin with 0.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Self

MOST_SITES = 10
LEAST_SHARE = 0.01  # of what the first one grew by: less is what happened to be in use
PARTS = 12  # of a run: what is live is noted at the end of each
WARM_UP = 4  # parts, after which what is live is to stay
LEAST_PARTS = 4  # after that, for a growth to be told from a change
MOST_FALLS = 4  # one in so many steps: what only changes falls in half of them
DEEPEST = 64  # callers that are looked at
INTERPRET_S = 60.0  # for the interpreter to end after its program
# Where no allocation is anybody's: the C and C++ libraries, and what stands before them.
NOT_TO_BLAME = (
    "libc.so",
    "libc-",
    "libstdc++.so",
    "libc++.so",
    "libheaptrack",
    "libjemalloc",
    "ld-linux",
    "ld-musl",
)
_NO_SITE = (
    "heaptrack saw no place that holds more and more; it follows the process that the command is, not what "
    "that starts: give the program itself, not a shell or a script around it, or apt install libjemalloc2, "
    "whose profiler follows them all"
)
_NOTHING = "heaptrack saw nothing: it follows the first process alone, and no static one"

Found = dict[str, str | int]  # site, grown_bytes, grown_blocks


@dataclass(frozen=True)
class Tool:
    """heaptrack as it is installed: the library to preload, and its interpreter."""

    library: Path
    interpreter: Path


def find_tool() -> Tool | None:
    """heaptrack, where it is on the search path (Linux)."""
    script = shutil.which("heaptrack")
    if script is None:
        return None
    home = Path(script).resolve().parent.parent / "lib" / "heaptrack"
    found = Tool(home / "libheaptrack_preload.so", home / "libexec" / "heaptrack_interpret")
    return found if found.library.is_file() and found.interpreter.is_file() else None


@dataclass
class Trace:
    """What heaptrack's interpreter tells, line by line; ``snapshots`` are what was live at the end of each
    ``part_ms``: how many blocks of each kind."""

    part_ms: float
    strings: list[str] = field(default_factory=lambda: [""])
    places: list[tuple[int, ...]] = field(default_factory=lambda: [()])
    traces: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    kinds: list[tuple[int, int]] = field(default_factory=list)
    live: list[int] = field(default_factory=list)
    snapshots: list[list[int]] = field(default_factory=list)

    def take(self, lines: Iterable[bytes]) -> None:
        """Read ``lines``. Raises ValueError, IndexError for what is none of heaptrack's."""
        live = self.live
        for line in lines:
            letter = line[:1]
            if letter == b"+":
                live[int(line[2:], 16)] += 1
            elif letter == b"-":
                live[int(line[2:], 16)] -= 1
            elif letter == b"a":
                size, trace = line[2:].split()
                self.kinds.append((int(size, 16), int(trace, 16)))
                live.append(0)
            else:
                self._take_other(letter, line[2:])

    def _take_other(self, letter: bytes, rest: bytes) -> None:
        match letter:
            case b"s":
                self.strings.append(rest.partition(b" ")[2].decode(errors="replace").rstrip("\n"))
            case b"i":
                self.places.append(tuple(int(number, 16) for number in rest.split()))
            case b"t":
                place, caller = rest.split()
                self.traces.append((int(place, 16), int(caller, 16)))
            case b"c":
                while int(rest, 16) >= self.part_ms * (len(self.snapshots) + 1):
                    self.snapshots.append(self.live[:])

    def sites(self) -> list[dict[str, str | int]]:
        """The places that hold more and more from a third of the run on, largest growth first: what is live
        there falls in a quarter of the parts at most. Empty of a run too short to have them."""
        kept = self.snapshots[len(self.snapshots) * WARM_UP // PARTS :]
        if len(kept) < LEAST_PARTS:
            return []
        sizes: dict[str, list[int]] = {}
        blocks: Counter[str] = Counter()
        for kind, (size, trace) in enumerate(self.kinds[: len(kept[-1])]):
            course = [at[kind] if kind < len(at) else 0 for at in kept]
            if min(course) == max(course):
                continue
            site = self.site(trace)
            before = sizes.get(site, [0] * len(kept))
            sizes[site] = [sum_ + size * count for sum_, count in zip(before, course, strict=True)]
            blocks[site] += course[-1] - course[0]
        growing = {site: course[-1] - course[0] for site, course in sizes.items() if grows(course)}
        found: list[Found] = [
            {"site": site, "grown_bytes": size, "grown_blocks": blocks[site]} for site, size in growing.items()
        ]
        return largest(found)

    def site(self, trace: int) -> str:
        """ "program.c:31 in block, called by main": the innermost place that is the program's own."""
        names = [*self._stack(trace)]
        own = next((n for n, (_, is_own) in enumerate(names) if is_own), 0)
        if not names:
            return "an unknown place"
        caller = f", called by {names[own + 1][0].rpartition(' in ')[2]}" if own + 1 < len(names) else ""
        return names[own][0] + caller

    def _stack(self, trace: int) -> Iterator[tuple[str, bool]]:
        """The places of a trace, innermost first, and whether each is the program's own."""
        for _ in range(DEEPEST):
            place, trace = self.traces[trace]
            if not place:
                return
            _, module, *rest = (*self.places[place], 0, 0)
            name = Path(self.strings[module]).name
            is_own = not name.startswith(NOT_TO_BLAME)
            frames = [rest[at : at + 3] for at in range(0, len(rest) - 2, 3)]
            for function, file, line in frames:
                if file:
                    yield f"{self.strings[file]}:{line} in {self.strings[function]}", is_own
                elif function:
                    yield f"{name} in {self.strings[function]}", is_own
            if not frames or not frames[0][0]:
                yield f"{name} (no symbols)", is_own


def largest(sites: Iterable[Found]) -> list[Found]:
    """The sites that grew most, those first."""
    found = sorted(sites, key=lambda one: -int(one["grown_bytes"]))[:MOST_SITES]
    return [one for one in found if int(one["grown_bytes"]) >= LEAST_SHARE * int(found[0]["grown_bytes"])]


def grows(course: Sequence[float]) -> bool:
    """Whether what is live grew, in most of the steps."""
    falls = sum(after < before for before, after in pairwise(course))
    return course[-1] > course[0] and falls * MOST_FALLS <= len(course) - 1


class HeapTrace:
    """A pipe that the program's allocations come through while it is entered: start the program with
    ``variables``. Afterwards ``sites`` are what it held more and more of, and ``error`` is why there are none.
    """

    name = "heaptrack"
    what = "where more and more native memory is held"

    def __init__(self, tool: Tool, duration_s: float) -> None:
        self._tool = tool
        self._folder = Path(tempfile.mkdtemp(prefix="zcbench-"))
        self._trace = Trace(duration_s * 1000 / PARTS)
        self.error: str | None = None
        self.sites: list[dict[str, str | int]] = []

    @property
    def variables(self) -> dict[str, str]:
        """Those that the program is to be started with."""
        return {"LD_PRELOAD": str(self._tool.library), "DUMP_HEAPTRACK_OUTPUT": str(self._pipe)}

    def look(self, directory: Path) -> None:
        """See :class:`zcbench.soak.tracing.Tool`: it all comes through the pipe."""

    @property
    def _pipe(self) -> Path:
        return self._folder / "heaptrack"

    def __enter__(self) -> Self:
        os.mkfifo(self._pipe)
        # Both ends, so that neither waits for the other; the end of the program's is seen once ours is closed.
        self._end = os.open(self._pipe, os.O_RDWR | os.O_CLOEXEC)
        with self._pipe.open("rb", buffering=0) as theirs:
            self._popen = subprocess.Popen(
                [self._tool.interpreter], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._end)
        self._reader.join(INTERPRET_S)
        if self._reader.is_alive():
            self.error = "heaptrack's interpreter did not end"
        self._popen.kill()
        self._popen.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self.error is None:
            self.sites = self._trace.sites()
            self.error = _NO_SITE if self._trace.kinds else _NOTHING

    def _read(self) -> None:
        assert self._popen.stdout is not None
        try:
            with contextlib.closing(self._popen.stdout) as lines:
                self._trace.take(lines)
        except (ValueError, IndexError) as error:
            self.error = f"what heaptrack wrote cannot be read: {error}"
            self._popen.kill()
