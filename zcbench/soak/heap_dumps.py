"""Which places in a program keep what they allocate, from jemalloc's profiler, in every process of its tree.

jemalloc is preloaded, or is the program's own; its variables go from a process to those that it starts, forks
or executes. Each process dumps what is live after so many bytes that it has allocated:

    heap_v2/SAMPLE
      t*: BLOCKS: BYTES [...]          in all
    @ 0xADDRESS 0xCALLER ...           a stack,
      t*: BLOCKS: BYTES [...]          and what it holds
    MAPPED_LIBRARIES:                  /proc/PID/maps

into PREFIX.PID.SEQUENCE.iNUMBER.heap. A dump is read once its process has begun the next; what is between the
first third of a process's dumps and the last one is looked at, as with heaptrack (heap_trace).
"""

from __future__ import annotations

import contextlib
import ctypes.util
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from zcbench.soak.addresses import Named, name_all, read_maps
from zcbench.soak.heap_trace import LEAST_PARTS, NOT_TO_BLAME, PARTS, WARM_UP, grows, largest

DUMPS = 256  # that a process makes in a run, if it allocates what the whole tree did
MOST_KEPT = 64  # of a process: of more each second one goes, evenly
STEPS = PARTS - WARM_UP  # between the dumps that are looked at
LEAST_INTERVAL, MOST_INTERVAL = 12, 36  # binary logarithms of bytes
BUSY_PER_S = 20_000  # allocations: of more only samples are followed, a stack costs some µs
SAMPLE = 16  # binary logarithm of the bytes between two samples of those
LOOK_S = 0.5
TRIAL_S = 20.0
UNPROFILED = b"<jemalloc>: Invalid conf pair: prof:"  # what one without its profiler says
# The one that a program brings may be prefixed, as Rust's is.
_VARIABLES = ("MALLOC_CONF", "_RJEM_MALLOC_CONF")
_FILE = re.compile(r"heap\.(\d+)\.(\d+)\.[a-z]\d+\.heap$")
_COUNT = re.compile(r"\s+t\*: (\d+): (\d+) \[")
_NOTHING = "jemalloc's profiler saw nothing: it cannot be preloaded into a static program, or a setuid one"
_NO_SITE = "jemalloc's profiler saw no place that holds more and more; run it for longer"


def find_library() -> str | None:
    """The name by which the loader finds a jemalloc with a profiler (Linux); None without one."""
    if sys.platform != "linux":
        return None
    name = ctypes.util.find_library("jemalloc")
    if name is None:
        return None
    variables = {**os.environ, "LD_PRELOAD": name, "MALLOC_CONF": "prof:true"}
    true = shutil.which("true")
    try:
        done = subprocess.run(
            [true or "true"], env=variables, capture_output=True, timeout=TRIAL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if UNPROFILED in done.stderr or b"cannot be preloaded" in done.stderr else name


@dataclass(frozen=True)
class Dump:
    """What was live in a process: bytes and blocks by stack, innermost address first."""

    live: dict[tuple[int, ...], tuple[float, float]]
    maps: list[str]


def read_dump(path: Path) -> Dump:
    """The dump at ``path``. Raises OSError, ValueError."""
    lines = path.read_text(errors="replace").splitlines()
    if not lines or not lines[0].startswith("heap_v2/"):
        raise ValueError(f"{path} is no dump of jemalloc's")
    sample = int(lines[0].partition("/")[2])
    live: dict[tuple[int, ...], tuple[float, float]] = {}
    stack: tuple[int, ...] = ()
    for at, line in enumerate(lines):
        if line.startswith("MAPPED_LIBRARIES"):
            return Dump(live, lines[at + 1 :])
        if line.startswith("@"):
            stack = tuple(int(word, 16) for word in line.split()[1:])
        elif stack and (count := _COUNT.match(line)) is not None:
            blocks, size = int(count[1]), int(count[2])
            if blocks:
                live[stack] = _scaled(blocks, size, sample)
    raise ValueError(f"{path} is cut short")


def _whole(path: Path) -> Dump | None:
    """The dump at ``path``; None of one that its process did not live to end."""
    with contextlib.suppress(OSError, ValueError):
        return read_dump(path)
    return None


def _scaled(blocks: int, size: int, sample: int) -> tuple[float, float]:
    """Bytes and blocks, of samples taken each ``sample`` bytes (jeprof's AdjustSamples)."""
    share = 1 - math.exp(-size / blocks / sample) if sample > 1 else 1.0
    return size / share, blocks / share


def find_sites(dumps: Mapping[int, Path], pid: int) -> list[dict[str, str | int]]:
    """The places of one process that hold more and more; ``dumps`` by their number."""
    last = max(dumps)
    # Growth is looked at in steps as even as heaptrack's.
    wanted = (last * (WARM_UP + at * (PARTS - WARM_UP) / STEPS) / PARTS for at in range(STEPS + 1))
    steps = {min(dumps, key=lambda number: abs(number - at)) for at in wanted}
    read = [_dump for number in sorted(steps) if (_dump := _whole(dumps[number])) is not None]
    if len(read) < LEAST_PARTS:
        return []
    stacks = {stack for dump in read for stack in dump.live}
    named = name_all((address - 1 for stack in stacks for address in stack), read_maps(read[-1].maps))
    of_site: dict[str, list[list[float]]] = {}
    for stack in stacks:
        site = f"{site_of(stack, named)}, in process {pid} ({_program(read[-1])})"
        sums = of_site.setdefault(site, [[0.0, 0.0] for _ in read])
        for at, dump in enumerate(read):
            size, blocks = dump.live.get(stack, (0.0, 0.0))
            sums[at][0] += size
            sums[at][1] += blocks
    growing = {site: sums for site, sums in of_site.items() if grows([one[0] for one in sums])}
    found: list[dict[str, str | int]] = [
        {
            "site": site,
            "grown_bytes": round(sums[-1][0] - sums[0][0]),
            "grown_blocks": round(sums[-1][1] - sums[0][1]),
        }
        for site, sums in growing.items()
    ]
    return found


def site_of(stack: tuple[int, ...], named: Mapping[int, Named]) -> str:
    """ "program.c:31 in block, called by main": the innermost place that is the program's own."""
    names = [named[address - 1] for address in stack if address - 1 in named]
    own = next((n for n, one in enumerate(names) if not one.module.startswith(NOT_TO_BLAME)), None)
    if own is None:
        return str(names[-1]) if names else "an unknown place"
    caller = names[own + 1].function if own + 1 < len(names) else None
    return str(names[own]) + (f", called by {caller}" if caller is not None else "")


def _program(dump: Dump) -> str:
    """The name of a process's program: the file that is mapped first."""
    return next((Path(line.split(maxsplit=5)[5]).name for line in dump.maps if " /" in line), "unknown")


class HeapDumps:
    """A folder that dumps go to while it is entered: start the program with ``variables``. Afterwards ``sites``
    are what its processes held more and more of, and ``error`` is why there are none.

    ``allocated_bytes`` and ``allocations`` are what the program's processes took in a run of ``duration_s``.
    """

    name = "jemalloc's profiler"
    what = "where more and more native memory is held"

    def __init__(
        self, library: str | None, duration_s: float, *, allocated_bytes: float, allocations: float
    ) -> None:
        self._library = library
        every = math.log2(max(1.0, allocated_bytes) / DUMPS)
        self._interval = min(MOST_INTERVAL, max(LEAST_INTERVAL, math.floor(every)))
        self._sample = SAMPLE if allocations > BUSY_PER_S * duration_s else 0
        self._folder = Path(tempfile.mkdtemp(prefix="zcbench-"))
        self._folder.chmod(0o777)  # a program may change its user
        self._over = threading.Event()
        self._pruner = threading.Thread(target=self._prune, daemon=True)
        self.error: str | None = None
        self.sites: list[dict[str, str | int]] = []

    @property
    def variables(self) -> dict[str, str]:
        """Those that the program is to be started with."""
        conf = (
            f"prof:true,lg_prof_sample:{self._sample},lg_prof_interval:{self._interval},"
            f"prof_prefix:{self._folder / 'heap'}"
        )
        preloaded = {} if self._library is None else {"LD_PRELOAD": self._library}
        return {**preloaded, **dict.fromkeys(_VARIABLES, conf)}

    def look(self, directory: Path) -> None:
        """See :class:`zcbench.soak.tracing.Tool`: it all lies in the folder."""

    def __enter__(self) -> Self:
        self._pruner.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pruner.join()
        try:
            self._find()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _find(self) -> None:
        by_process = self._dumps()
        for pid, dumps in by_process.items():
            self.sites += find_sites(dumps, pid)
        self.sites = largest(self.sites)
        self.error = _NO_SITE if by_process else _NOTHING

    def _dumps(self) -> dict[int, dict[int, Path]]:
        """The dumps of each process, by their number."""
        found: dict[int, dict[int, Path]] = {}
        for path in self._folder.iterdir():
            if (name := _FILE.search(path.name)) is not None:
                found.setdefault(int(name[1]), {})[int(name[2])] = path
        return found

    def _prune(self) -> None:
        while not self._over.wait(LOOK_S):
            for dumps in self._dumps().values():
                last, apart = max(dumps), 1
                while last > MOST_KEPT * apart:
                    apart *= 2
                for number, path in dumps.items():
                    if number % apart and number < last - 1:  # the last one may still be written
                        path.unlink(missing_ok=True)
