"""Which probes a subject that is no engine of ours brings, as its scenario asks."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

from zcbench.probes.jsonlines import JsonLines
from zcbench.probes.malloc.meter import MallocMeter, MeterMissingError
from zcbench.probes.openmetrics import Scrape
from zcbench.probes.page import PageProbe
from zcbench.probes.probe import Listening, Notice, Probe
from zcbench.probes.processes.probe import ProcessProbe
from zcbench.probes.runtimes import Setting, make
from zcbench.quantities.law import parse_law
from zcbench.record.capabilities import Capability, capabilities_of
from zcbench.record.schema import PAGE_FILE, EventKind
from zcbench.scenario import Scenario, SubjectTable
from zcbench.scenario.probes import named, runtimes, wanted
from zcbench.scenario.tables import MALLOC_PROBE, READ_JSON_LINES
from zcbench.subjects.assembly import gc_every_s
from zcbench.subjects.output import Listener

MALLOC_FOLDER = "malloc"  # beside those of the runtimes: the pages of the malloc meter, one a process


class Instrumented:
    """The probes of one subject. ``page`` is the one that the subject itself has to do with.

    Raises RecordError for a mapping, LawError for a law that cannot be understood.
    """

    def __init__(self, scenario: Scenario) -> None:
        table = scenario.subject
        self._scenario, self._table = scenario, table
        self.page: PageProbe | None = None
        self._lines = JsonLines(table.map) if table.read == READ_JSON_LINES else None
        self._scrape = [Scrape(url, table.map, every_s=scenario.sampling.every) for url in table.endpoints]
        for law in table.laws:
            parse_law(law)
        self.notices: list[Notice] = []
        self.listeners: list[Listener] = []  # of its probes, to the subject's output
        self._remove: weakref.finalize[[], Instrumented] | None = None  # what :meth:`_inside` has made

    def promised(self) -> tuple[Capability, ...]:
        """What can be asked about whatever the record has: what a mapping says that the subject publishes."""
        published: list[Probe] = [*self._scrape, *([] if self._lines is None else [self._lines])]
        return capabilities_of(one.name for probe in published for one in probe.quantities())

    def probes(self, directory: Path, *, ours: bool) -> Sequence[Probe]:
        """Those of a run in ``directory``; of a process that is not ``ours`` those that need no start."""
        found: list[Probe] = [ProcessProbe(dear_every_s=self._scenario.sampling.uss_every)]
        if ours:
            self.page = PageProbe(directory / PAGE_FILE)
            found.append(self.page)
        if self._table.kind != "call":  # its runtime is the worker's, which reads itself
            inside = self._inside()
            if self._table.command:
                found += self._malloc(inside)
            found += self._runtimes(inside)
        found += [*self._scrape, *([] if self._lines is None else [self._lines])]
        self.listeners = [probe.hear for probe in found if isinstance(probe, Listening)]
        return found

    def close(self) -> None:
        """Remove what its probes wrote for each other; the probes are closed."""
        if self._remove is not None:
            self._remove()

    def _inside(self) -> Path:
        """A new folder for what writes inside the subject's processes, and is read from outside.

        Files come and go there with the processes, so it is no part of the run directory: that often lies in
        the subject's working directory, and a program that walks it (``node --test``) stops at a file that is
        gone when it is looked at.
        """
        folder = Path(tempfile.mkdtemp(prefix="zcbench-"))
        self._remove = weakref.finalize(self, functools.partial(shutil.rmtree, folder, ignore_errors=True))
        folder.chmod(0o755)  # a subject that root starts may become another user
        return folder

    def _runtimes(self, folder: Path) -> list[Probe]:
        asked = wanted(self._table)
        return [
            make(
                name,
                Setting(
                    folder=folder / name,
                    gc_every_s=gc_every_s(self._scenario),
                    sample_every_s=float(self._scenario.sampling.every),
                    launched=bool(self._table.command),
                    program=_program(self._table),
                    is_named=name in named(self._table),
                    is_scraped=bool(self._scrape),
                ),
            )
            for name in runtimes()
            if name in asked
        ]

    def _malloc(self, folder: Path) -> list[Probe]:
        if MALLOC_PROBE not in wanted(self._table):
            return []
        try:
            return [MallocMeter(folder / MALLOC_FOLDER)]
        except MeterMissingError as error:
            self.notices.append(Notice(EventKind.PROBE, str(error), {"probe": "malloc"}))
            return []


def _program(table: SubjectTable) -> str | None:
    """The file that a command starts; None where it cannot be found, and of a subject that is no command."""
    if not table.command:
        return None
    path = table.env.get("PATH")
    found = shutil.which(table.words[0], path=path)
    # A path with a folder in it is one from where the command runs.
    beside = Path(table.cwd or ".", table.words[0])
    return str(beside) if os.sep in table.words[0] and beside.is_file() else found


def check_published(table: SubjectTable) -> None:
    """Whether what the subject is to publish can be understood. Raises RecordError, LawError."""
    Instrumented(Scenario(subject=table))
