"""What the subject publishes on its page: every counter, gauge and histogram that is declared there.

A process that finds the page taken by another publishes on one beside it ("page.bin.4242"): the values of all
of them are summed, those of processes that have ended too.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from zcbench.clock import now_ns
from zcbench.files import let_all_write
from zcbench.page.histogram import Histogram, columns_of, summed
from zcbench.page.layout import PAGE_VARIABLE, Entry, Kind, PageError, State
from zcbench.page.reader import PageReader, Reading, make_page
from zcbench.probes.probe import Notice, Number, Processes, Sayings
from zcbench.quantities import quantity as quantities
from zcbench.quantities.quantity import Origin, Quantity
from zcbench.quantities.registry import VOCABULARY
from zcbench.quantities.units import NS, unit_of
from zcbench.record.schema import EventKind

MOST_PAGES = 256  # of one run: a reading of all of them takes some ms
FRESH_NS = 50_000_000  # half of the supervisor's poll
FOUND_NS = 1_000_000_000  # between looks for new pages where no sample is taken


class PageProbe:
    """Reads the page at ``path``, which :meth:`environment` makes, and those beside it."""

    name = "page"
    background_ns = 0

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._readers: dict[Path, PageReader] = {}
        self._readings: list[Reading] = []
        self._quantities: dict[str, Quantity] = {}
        self._histograms: dict[str, Histogram] = {}
        self._laws: list[str] = []
        self._read_ns = -FRESH_NS
        self._found_ns = -FOUND_NS
        self._sayings = Sayings(self.name)

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """See :class:`Probe`: where the page is."""
        if not self._path.exists():
            make_page(self._path)
            let_all_write(self._path)
        return {PAGE_VARIABLE: str(self._path)}

    def begin(self, processes: Processes) -> None:
        """See :class:`Probe`."""

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`Probe`: those that are declared so far."""
        return tuple(self._quantities.values())

    def read(self) -> Mapping[str, Number | None]:
        """See :class:`Probe`."""
        self._read(settle=True)
        row: dict[str, Number | None] = {}
        for reading in self._readings:
            for entry in reading.entries:
                self._declare(entry)
            for name, value in reading.values.items():
                if value is not None:
                    row[name] = (row.get(name) or 0) + value
        for name in {name for reading in self._readings for name in reading.histograms}:
            row |= self._percentiles(name)
        self._tell_laws()
        return row

    def state(self) -> State | None:
        """How far the subject says it is: the most of all its pages. None if none was opened."""
        self._read(settle=False)
        states = [reading.state for reading in self._readings if reading.state is not None]
        return max(states, default=None)

    def progress(self) -> int:
        """A number that changes whenever something is counted or a heart beats; 0 without a page."""
        self._read(settle=False)
        moved = 0
        for reading in self._readings:
            totals = (reading.values[e.name] or 0 for e in reading.entries if e.kind is Kind.TOTAL)
            moved += sum(totals) + reading.header.heartbeat
            moved += sum(histogram.count for histogram in reading.histograms.values())
        return moved

    def _read(self, *, settle: bool) -> None:
        """Read every page that a process has opened; for all who ask at one poll, once."""
        now = now_ns()
        if not settle and now - self._read_ns < FRESH_NS:
            return
        self._read_ns = now
        if settle or now - self._found_ns >= FOUND_NS:
            self._found_ns = now
            self._find()
        readings = []
        for path, reader in self._readers.items():
            try:
                reading = reader.read(settle=settle)
            except (OSError, PageError) as error:
                self._sayings.tell(f"{path.name} cannot be read: {error}")
                continue
            if not reading.header.pid:
                continue
            for problem in reader.problems(reading):
                self._sayings.tell(f"{path.name}: {problem}")
            readings.append(reading)
        self._readings = readings

    def _find(self) -> None:
        """Open the pages that are new: a process that finds one taken makes its own."""
        with contextlib.suppress(OSError):
            names = os.listdir(self._path.parent)  # noqa: PTH208
            beside = sorted(name for name in names if name.startswith(f"{self._path.name}."))
            for name in [self._path.name, *beside][:MOST_PAGES]:
                path = self._path.with_name(name)
                if path not in self._readers:
                    with contextlib.suppress(OSError, PageError):
                        self._readers[path] = PageReader(path)

    def _declare(self, entry: Entry) -> None:
        if entry.kind is Kind.HISTOGRAM:
            for name in columns_of(entry.name) if entry.unit == NS.name else ():
                title = f"{name.rpartition('_')[0].rpartition('_')[2]} of {entry.name} since the last sample"
                self._add(Quantity(name, NS, quantities.Kind.GAUGE, Origin.SUBJECT, title))
            return
        kind = quantities.Kind.TOTAL if entry.kind is Kind.TOTAL else quantities.Kind.GAUGE
        title = "published on the page of the subject"
        self._add(Quantity(entry.name, unit_of(entry.unit), kind, Origin.SUBJECT, title))

    def _add(self, one: Quantity) -> None:
        if one.name not in self._quantities:
            self._quantities[one.name] = VOCABULARY.get(one.name, one)

    def _percentiles(self, name: str) -> Mapping[str, Number | None]:
        """Of what was recorded since the last reading, in all processes."""
        there = (reading.histograms[name] for reading in self._readings if name in reading.histograms)
        current = summed(there)
        before = self._histograms.get(name)
        self._histograms[name] = current
        return (current if before is None else current.since(before)).columns(name)

    def _tell_laws(self) -> None:
        laws = list(dict.fromkeys(law for reading in self._readings for law in reading.laws))
        if laws != self._laws:
            self._laws = laws
            message = f"the page states {len(laws)} law{'s' if len(laws) > 1 else ''}"
            self._sayings.add(Notice(EventKind.LAWS, message, {"laws": laws}))

    def notices(self) -> Sequence[Notice]:
        """See :class:`Probe`: its laws, and what is wrong with a page."""
        return self._sayings.take()

    def close(self) -> None:
        """See :class:`Probe`."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
