"""``--read jsonl``: JSON lines in the subject's output, between lines of anything else."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from zcbench.importers.cells import is_missing
from zcbench.probes.probe import Notice, Number, Processes
from zcbench.probes.published import Latest, Vocabulary, strangers, whole
from zcbench.quantities.quantity import Quantity

LONGEST_LINE = 2**20  # bytes: decoding one takes some ms, in the sampler's thread
# Lines that wait for the next sample. Of more the newest count: a level is the newest there is, a total too.
MOST_WAITING = 2**18
DEEPEST = 4  # levels of objects within each other that names are made of: "pool.hits" is two
MOST_NAMES = 1000  # looked at in one line, and remembered as strangers


class JsonLines:
    """Reads objects of numbers from what it hears: ``{"pool": {"hits": 12}}`` is pool.hits.

    ``hear`` is given the output piece by piece, by any one thread; it returns at once. ``specs`` are as for
    ``--map``. Raises RecordError for one that cannot be understood.
    """

    name = "jsonl"
    background_ns = 0

    def __init__(self, specs: Iterable[str] = ()) -> None:
        self._vocabulary = Vocabulary(specs)
        self._latest = Latest(self.name)
        self._lock = threading.Lock()
        self._rest = bytearray()  # of a line that is not whole yet
        self._skipping = False  # the rest of a line that is too long
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._strangers: set[str] = set()
        self._objects = 0

    def hear(self, piece: bytes) -> None:
        """Take the next piece of the output."""
        first, newline, others = piece.partition(b"\n")
        self._extend(first)
        if not newline:
            return
        self._end_line()
        whole, _, rest = others.rpartition(b"\n")
        for line in whole.split(b"\n"):
            self._wait(line)
        self._extend(rest)

    def _extend(self, part: bytes) -> None:
        if self._skipping:
            return
        self._rest += part
        if len(self._rest) > LONGEST_LINE:
            # What is no object need not be told of.
            if self._rest.lstrip()[:1] == b"{":
                self._latest.tell(f"a line of JSON is longer than {LONGEST_LINE:,} bytes and was not read")
            self._rest.clear()
            self._skipping = True

    def _end_line(self) -> None:
        if not self._skipping:
            self._wait(bytes(self._rest))
        self._rest.clear()
        self._skipping = False

    def _wait(self, line: bytes) -> None:
        if b"{" not in line or len(line) > LONGEST_LINE:
            return
        with self._lock:
            self._waiting.append(line)
            self._waiting_bytes += len(line)
            while self._waiting_bytes > MOST_WAITING and len(self._waiting) > 1:
                self._waiting_bytes -= len(self._waiting.popleft())

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """See :class:`Probe`: none."""
        return {}

    def begin(self, processes: Processes) -> None:
        """See :class:`Probe`: what is heard is all it needs."""

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`Probe`: those that were mapped."""
        return tuple(one.quantity for one in self._vocabulary.given)

    def read(self) -> Mapping[str, Number | None]:
        """See :class:`Probe`: what was printed since the last call."""
        with self._lock:
            lines, self._waiting = self._waiting, deque()
            self._waiting_bytes = 0
        for line in lines:
            found = json_object(line)
            if found is not None:
                self._objects += 1
                self._latest.publish(self._values(found))
        return self._latest.take()

    def _values(self, found: Mapping[str, Any]) -> dict[Quantity, Number]:
        values: dict[Quantity, Number] = {}
        for name, cell in flat(found):
            mapped = [one for one in self._vocabulary.named(name) if not one.labels]
            if is_number(cell) and not self._vocabulary.is_known(name) and len(self._strangers) < MOST_NAMES:
                self._strangers.add(name)
            for one in mapped:
                try:
                    value = one.column.value(cell)
                except (ValueError, TypeError, OverflowError):
                    self._latest.tell(f"{name}: {str(cell)[:40]!r} is no number of {one.quantity.unit}")
                    continue
                if value is not None:
                    values[one.quantity] = whole(value)
        return values

    def notices(self) -> tuple[Notice, ...]:
        """See :class:`Probe`: lines that were too long, cells that are no numbers, counters that restarted."""
        return self._latest.notices()

    def close(self) -> None:
        """See :class:`Probe`."""
        self._end_line()
        self.read()
        if not self._objects:
            self._latest.tell("no line of JSON was printed", silent=True)
            return
        self._latest.tell_at_end("lines of JSON", self._vocabulary.missing(), strangers(self._strangers))


def json_object(line: bytes) -> dict[str, Any] | None:
    """The object that ``line`` ends with, whatever stands before it (a log's time and level); None without."""
    start = line.find(b"{")
    text = line[start:].strip()
    if start < 0 or not text.endswith(b"}"):
        return None
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if not any(word in text for word in (b"NaN", b"Infinity")):
            return None
        try:
            found = json.loads(text)  # takes what JSON has not, and many languages print
        except (ValueError, RecursionError):
            return None
    except RecursionError:
        return None
    return found if isinstance(found, dict) else None


def flat(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and cells, those of inner objects as "outer.inner"; of at most MOST_NAMES."""
    waiting: deque[tuple[str, Any, int]] = deque((name, cell, 1) for name, cell in found.items())
    seen = 0
    while waiting and seen < MOST_NAMES:
        seen += 1
        name, cell, depth = waiting.popleft()
        if isinstance(cell, dict):
            if depth < DEEPEST:
                waiting.extend((f"{name}.{inner}", value, depth + 1) for inner, value in cell.items())
        else:
            yield name, cell


def is_number(cell: Any) -> bool:
    """Whether a cell is a number that a reading can have."""
    return isinstance(cell, int | float) and not isinstance(cell, bool) and not is_missing(cell)
