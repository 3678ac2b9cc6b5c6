"""Which probes a subject that is no engine of ours brings, as its scenario asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zcbench.probes.jsonlines import JsonLines
from zcbench.probes.malloc.meter import MallocMeter, MeterMissingError
from zcbench.probes.malloc.unmetered import PRELOAD_VARIABLE
from zcbench.probes.openmetrics import Scrape
from zcbench.probes.page import PageProbe
from zcbench.probes.probe import Notice, Probe
from zcbench.probes.processes.probe import ProcessProbe
from zcbench.quantities.law import parse_law
from zcbench.record.capabilities import Capability, capabilities_of
from zcbench.record.schema import PAGE_FILE, EventKind
from zcbench.scenario import Scenario, SubjectTable
from zcbench.scenario.tables import READ_JSON_LINES

MALLOC_FOLDER = "malloc"  # of the run directory: the pages of the malloc meter, one a process


class Instrumented:
    """The probes of one subject. ``page`` and ``lines`` are those that the subject itself has to do with.

    Raises RecordError for a mapping, LawError for a law that cannot be understood.
    """

    def __init__(self, scenario: Scenario) -> None:
        table = scenario.subject
        self._scenario, self._table = scenario, table
        self.page: PageProbe | None = None
        self.lines = JsonLines(table.map) if table.read == READ_JSON_LINES else None
        self._scrape = [Scrape(url, table.map, every_s=scenario.sampling.every) for url in table.scrape]
        for law in table.laws:
            parse_law(law)
        self.notices: list[Notice] = []

    def promised(self) -> tuple[Capability, ...]:
        """What can be asked about whatever the record has: what a mapping says that the subject publishes."""
        published: list[Probe] = [*self._scrape, *([] if self.lines is None else [self.lines])]
        return capabilities_of(one.name for probe in published for one in probe.quantities())

    def probes(self, directory: Path, *, ours: bool) -> Sequence[Probe]:
        """Those of a run in ``directory``; of a process that is not ``ours`` those that need no start."""
        found: list[Probe] = [ProcessProbe(dear_every_s=self._scenario.sampling.uss_every)]
        if ours:
            self.page = PageProbe(directory / PAGE_FILE)
            found.append(self.page)
        if self._table.command:
            found += self._malloc(directory)
        found += self._scrape
        return [*found, *([] if self.lines is None else [self.lines])]

    def _malloc(self, directory: Path) -> list[Probe]:
        if "malloc" not in self._table.probes:
            return []
        try:
            return [MallocMeter(directory / MALLOC_FOLDER, preload=self._table.env.get(PRELOAD_VARIABLE))]
        except MeterMissingError as error:
            self.notices.append(Notice(EventKind.PROBE, str(error), {"probe": "malloc"}))
            return []


def check_published(table: SubjectTable) -> None:
    """Whether what the subject is to publish can be understood. Raises RecordError, LawError."""
    Instrumented(Scenario(subject=table))
