"""The lines that Go prints at each of its collections, among all that a command prints."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence

from zcbench.probes.agents import extended
from zcbench.probes.elf import sections
from zcbench.probes.probe import Notice, Number, Processes, Sayings
from zcbench.probes.runtimes import Setting
from zcbench.quantities.names import (
    GO_HEAP_BYTES,
    RUNTIME_COLLECTIONS,
    RUNTIME_FULL_COLLECTIONS,
    RUNTIME_PAUSE_NS,
)
from zcbench.quantities.quantity import Quantity
from zcbench.quantities.registry import VOCABULARY

VARIABLE, SETTING = "GODEBUG", "gctrace=1"
_BUILD_INFO = ".go.buildinfo"  # a section of every program that Go has linked since 1.13
# runtime/extern.go has the form: "gc 3 @0.10s 2%: 0.02+0.41+0.01 ms clock, ..., 4->4->1 MB, 4 MB goal, ...".
# The program stood still for the clock's first part and its last; the last size is what lives, in whole MiB.
_LINE = re.compile(
    rb"^gc (\d+) @(\d+\.\d+)s \d+%: ([\d.]+)\+[\d.]+\+([\d.]+) ms clock, .*, \d+->\d+->(\d+) MB, \d+ MB goal,"
)
_LONGEST_LINE = 1024  # bytes: one has 200
_MIB = 2**20
_NAMES = (GO_HEAP_BYTES, RUNTIME_COLLECTIONS, RUNTIME_FULL_COLLECTIONS, RUNTIME_PAUSE_NS)


class GoProbe:
    """Reads the Go program that a command is. ``hear`` is called by one thread, all else by the sampler's."""

    name = "go"
    background_ns = 0

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._listens = False
        self._lock = threading.Lock()
        self._rest = b""  # of a line that is not whole yet
        self._number, self._at_s, self._pause_ns = 0, 0.0, 0
        self._row: dict[str, Number | None] = {}
        self._is_mixed = False
        self._sayings = Sayings(self.name)

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """See :class:`~zcbench.probes.probe.Probe`: GODEBUG, of a program of Go's."""
        # Two readings of one heap, one to the byte and one in MiB, would not compare.
        wanted = self._setting.is_named or (not self._setting.is_scraped and is_go(self._setting.program))
        # Behind ours, so that gctrace=0 of the user's own turns it off.
        more = extended(given, VARIABLE, SETTING, ",") if wanted and self._setting.launched else {}
        self._listens = SETTING in (more.get(VARIABLE) or given.get(VARIABLE, "")).split(",")
        return more

    def begin(self, processes: Processes) -> None:
        """See :class:`~zcbench.probes.probe.Probe`: what is heard is all it needs."""

    def hear(self, piece: bytes) -> None:
        """Take the next piece of the output."""
        if not self._listens:
            return
        *whole, rest = (self._rest + piece).split(b"\n")
        self._rest = rest[:_LONGEST_LINE]
        for line in whole:
            if line.startswith(b"gc ") and len(line) <= _LONGEST_LINE and (found := _LINE.match(line)):
                self._take(*found.groups())

    def _take(self, number: bytes, at_s: bytes, first_ms: bytes, last_ms: bytes, live: bytes) -> None:
        with self._lock:
            # A line has no process: a program that the first one starts prints its own, from 1 on.
            if int(number) <= self._number or float(at_s) < self._at_s:
                self._is_mixed, self._row = True, {}
            if self._is_mixed:
                return
            self._number, self._at_s = int(number), float(at_s)
            self._pause_ns += round((float(first_ms) + float(last_ms)) * 1e6)
            sizes = (int(live) * _MIB, self._number, self._number, self._pause_ns)
            self._row = dict(zip(_NAMES, sizes, strict=True))

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`~zcbench.probes.probe.Probe`: none before a collection."""
        return tuple(VOCABULARY[name] for name in _NAMES) if self._number else ()

    def read(self) -> Mapping[str, Number | None]:
        """See :class:`~zcbench.probes.probe.Probe`: what the newest collection has left."""
        with self._lock:
            row, is_mixed = dict(self._row), self._is_mixed
        if is_mixed:
            self._sayings.tell(
                "Go's heap is not read any more: collections of several Go programs stand in one output (one "
                "restarts, or starts others); scrape /debug/pprof/ of each"
            )
        return row

    def notices(self) -> Sequence[Notice]:
        """See :class:`~zcbench.probes.probe.Probe`: why the readings have ended."""
        return self._sayings.take()

    def close(self) -> None:
        """See :class:`~zcbench.probes.probe.Probe`."""


def is_go(program: str | None) -> bool:
    """Whether the file ``program`` was linked by Go; of none, and of one that cannot be read, no."""
    try:
        return program is not None and _BUILD_INFO in sections(program)
    except OSError:
        return False
