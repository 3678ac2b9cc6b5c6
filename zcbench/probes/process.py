"""One process of a subject, as every probe reads it."""

from __future__ import annotations

import psutil

from zcbench.probes import procfs
from zcbench.probes.held import HeldFile
from zcbench.probes.procfs import Stat


class Process(psutil.Process):  # type: ignore[misc]
    """A process whose files in ``/proc`` stay open once they were read: the next reading is one system call in
    place of three. It is never that of another process which has come to its number.

    Where there is no ``/proc`` it is psutil's alone. Raises psutil.NoSuchProcess.
    """

    def __init__(self, pid: int | None = None) -> None:
        super().__init__(pid)
        self._files: dict[str, HeldFile] = {}
        self._start_ns: int | None = None

    def record(self, name: str) -> bytes:
        """What ``/proc/PID/name``, a file of one record, says now. Raises OSError when the process is gone, or
        is somebody else's and may not be read."""
        held = self._held(name)
        return procfs.read_record(f"/proc/{self.pid}/{name}") if held is None else held.read()

    def records(self, name: str) -> bytes:
        """What ``/proc/PID/name``, a file of many records, says now. Raises OSError as :meth:`record` does."""
        held = self._held(name)
        return procfs.read(f"/proc/{self.pid}/{name}") if held is None else held.read_whole()

    def _held(self, name: str) -> HeldFile | None:
        """The file, open; None if that would be one too many."""
        held = self._files.get(name)
        if held is None and HeldFile.has_room():
            held = self._files[name] = HeldFile(f"/proc/{self.pid}/{name}")
        return held

    def lives(self) -> bool:
        """Whether it can still do something."""
        try:
            if procfs.IS_LINUX:
                return self.stat().lives
            return bool(self.is_running() and self.status() != psutil.STATUS_ZOMBIE)
        except (OSError, psutil.NoSuchProcess):
            return False

    def resident_bytes(self) -> int:
        """Its resident set. Raises OSError, psutil.Error when it is gone."""
        return self.stat().resident_bytes if procfs.IS_LINUX else int(self.memory_info().rss)

    def stat(self) -> Stat:
        """What ``/proc/PID/stat`` says now. Raises OSError when the process is gone."""
        stat = procfs.parse_stat(self.record("stat"))
        if self._start_ns is None:
            self._start_ns = stat.start_ns
        if stat.start_ns != self._start_ns:
            raise ProcessLookupError(f"process {self.pid} is another one by now")
        return stat
