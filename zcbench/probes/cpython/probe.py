"""The CPython probe: sets what a child's Python begins with, and reads the pages of the agents in it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from zcbench.clock import now_ns
from zcbench.probes import procfs
from zcbench.probes.agents import AgentPages, extended
from zcbench.probes.cpython import attaching, recognise
from zcbench.probes.cpython.injected._zcbench_inside.settings import Settings
from zcbench.probes.probe import Notice, Number, Processes
from zcbench.probes.runtimes import Setting
from zcbench.quantities.quantity import Quantity
from zcbench.record.schema import EventKind

INJECTED = Path(__file__).parent / "injected"
PATH_VARIABLE = "PYTHONPATH"
# A process may have no page yet: it has one after 0.2 s, if it gets to run.
PATIENCE_NS = 3_000_000_000
LONGEST_LIST = 32  # processes named one by one
SITES_SUFFIX = ".sites"
MOST_SITES = 10

_Key = tuple[int, float]


class CPythonProbe:
    """Reads the CPython processes of a subject. Of one without a reading it tells once, with the reason."""

    name = "cpython"
    background_ns = 0

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._pages = AgentPages(self.name, setting)
        self._processes: Processes = tuple
        self._first_seen: dict[_Key, int] = {}
        self._done: set[_Key] = set()  # looked at: read, or told of
        self._told = 0
        self._threads: list[threading.Thread] = []
        self._notices: list[Notice] = []

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """See :class:`~zcbench.probes.probe.Probe`. With PYTHONTRACEMALLOC given, lines that grow are told."""
        if os.pathsep in str(INJECTED):
            self._tell(f"Python is not read: a path cannot hold the {os.pathsep!r} of {INJECTED.parent.name}")
            return {}
        traced = given.get(recognise.TRACING_VARIABLE, "0") not in ("", "0")
        self._pages.environment()
        return {
            self._pages.variable: self._settings(traced).text(),
            **extended(given, PATH_VARIABLE, str(INJECTED), os.pathsep),
        }

    def _settings(self, traced: bool) -> Settings:
        gc_every = self._setting.gc_every_s
        every_ns = None if gc_every is None else max(1, round(gc_every * 1e9))
        return Settings(str(self._pages.folder), every_ns, traced)

    def begin(self, processes: Processes) -> None:
        """See :class:`~zcbench.probes.probe.Probe`."""
        self._processes = processes
        self._pages.begin(processes)
        if not self._setting.launched:
            self._look(now_ns())

    def quantities(self) -> tuple[Quantity, ...]:
        """See :class:`~zcbench.probes.probe.Probe`: none before a process of CPython's was read."""
        return self._pages.quantities()

    def read(self) -> Mapping[str, Number | None]:
        """See :class:`~zcbench.probes.probe.Probe`."""
        row = self._pages.read()
        if procfs.IS_LINUX:
            self._look(now_ns())
        return row

    def notices(self) -> Sequence[Notice]:
        """See :class:`~zcbench.probes.probe.Probe`: who is not read, and why."""
        notices, self._notices = [*self._notices, *self._pages.notices()], []
        return notices

    def close(self) -> None:
        """See :class:`~zcbench.probes.probe.Probe`. An agent in a process that goes on finds its page gone, and
        ends."""
        self._tell_sites()
        for thread in self._threads:
            thread.join()
        self._pages.close()

    # -- who is not read

    def _look(self, now: int) -> None:
        read = self._pages.pids
        for process in self._processes():
            try:
                key = (process.pid, process.create_time())
            except psutil.Error:
                continue
            first = self._first_seen.setdefault(key, now)
            if key in self._done:
                continue
            if process.pid in read:
                self._done.add(key)
            elif not self._setting.launched or now - first > PATIENCE_NS:
                self._done.add(key)
                self._ask_or_tell(process.pid)

    def _ask_or_tell(self, pid: int) -> None:
        try:
            python = recognise.recognise(pid)
            if python is None:
                return
            if self._setting.launched:
                self._tell_unread(pid, python, recognise.reason(pid, python, str(INJECTED)))
            else:
                # It starts a Python: no sample waits for that.
                self._threads.append(threading.Thread(target=self._attach, args=(pid, python), daemon=True))
                self._threads[-1].start()
        except OSError:  # gone meanwhile, or somebody else's
            return

    def _attach(self, pid: int, python: recognise.Python) -> None:
        self._pages.environment()  # the folder
        path = self._pages.folder / attaching.SCRIPT
        path.write_text(attaching.script(str(INJECTED), self._settings(False).text()), encoding="utf-8")
        try:
            attaching.attach(pid, python, path)
        except attaching.AttachError as error:
            self._tell_unread(pid, python, str(error))

    def _tell_unread(self, pid: int, python: recognise.Python, why: str) -> None:
        self._told += 1
        if self._told <= LONGEST_LIST:
            name = os.path.basename(python.executable) or "Python"  # noqa: PTH119
            self._tell(f"Python's objects are not read in process {pid} ({name}): {why}")

    def _tell(self, message: str) -> None:
        self._notices.append(Notice(EventKind.PROBE, message, {"probe": self.name}))

    # -- lines that grew

    def _tell_sites(self) -> None:
        """An event with the lines whose memory grew, of all processes together, where they were followed."""
        grown: dict[str, tuple[int, int]] = {}
        for path in sorted(self._pages.folder.glob(f"*{SITES_SUFFIX}")):
            try:
                sites = json.loads(path.read_text(encoding="utf-8"))["sites"]
                for one in sites:
                    size, blocks = grown.get(one["site"], (0, 0))
                    grown[one["site"]] = size + int(one["grown_bytes"]), blocks + int(one["grown_blocks"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                self._tell(f"{path.name} cannot be read: {error!r}")
        if not grown:
            return
        largest = sorted(grown.items(), key=lambda item: item[1], reverse=True)[:MOST_SITES]
        told = [{"site": site, "grown_bytes": n, "grown_blocks": blocks} for site, (n, blocks) in largest]
        message = f"{len(grown)} source lines whose memory grew"
        self._notices.append(Notice(EventKind.ALLOCATIONS, message, {"sites": told}))
