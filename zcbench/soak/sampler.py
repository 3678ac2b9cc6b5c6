"""One row of readings: the page, the subject's processes from outside, the disk, the supervisor itself."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import psutil

from zcbench.clock import now_ns
from zcbench.page.histogram import Histogram
from zcbench.probes.instruments import Instruments
from zcbench.probes.process import Process
from zcbench.probes.processes.memory import unique_bytes
from zcbench.probes.processes.reading import Gone, read_process
from zcbench.quantities.names import (
    CONSUMER_RECEIVED,
    CPU_SYSTEM_S,
    CPU_USER_S,
    ELAPSED_S,
    ENGINE_DELIVERED,
    OUTPUT_BYTES,
    RATE_PER_S,
    RSS_BYTES,
    SAMPLE_LATE_S,
    SUPERVISOR_CPU_S,
    SUPERVISOR_RSS_BYTES,
    TEMPORARY_BYTES,
    USS_BYTES,
)
from zcbench.record.schema import RunInfo
from zcbench.soak.disk import TemporaryFolder
from zcbench.soak.page_file import PageFile
from zcbench.subjects.inside.leftovers import children
from zcbench.subjects.subject import Counters, Subject

Row = dict[str, int | float | None]

_HISTOGRAMS = ("delivery_ns", "hold_ns")
_OF_WORKER = (
    RSS_BYTES, "threads", "fds", CPU_USER_S, CPU_SYSTEM_S, "ctx_voluntary", "ctx_involuntary",
)  # fmt: skip
SETTLE_TRIES = 20
SETTLE_PAUSE_S = 50e-6  # several times what a packet's way through the engine takes
USS_SLACK = 0.95  # of sampling.uss_every: a sample that comes a little early is not left out


class Sampler:
    """Takes the samples of one run; each knows the one before, for rates and percentiles between them."""

    def __init__(
        self,
        info: RunInfo,
        subject: Subject,
        instruments: Instruments,
        temporary: TemporaryFolder,
        page: PageFile,
    ) -> None:
        self._subject, self._temporary, self._page = subject, temporary, page
        self._instruments = instruments
        self._reads_processes = "processes" not in instruments.names
        self._started_ns = info.started_ns
        self._uss_every_ns = info.scenario.sampling.uss_every * 1e9 * USS_SLACK
        self._uss_ns: int | None = None  # when it was last read
        self._previous: tuple[float, int] = (0.0, 0)  # elapsed_s and delivered at the last sample
        self._histograms: dict[str, Histogram] = {
            name: Histogram.empty() for name in _HISTOGRAMS if page.is_written
        }
        self._own = psutil.Process()

    def sample(self, deadline: int) -> Row:
        """The readings of now, of a sample that was due at ``deadline`` (ns)."""
        counters, settled, now = read_counters(self._page)
        row: Row = {
            ELAPSED_S: (now - self._started_ns) / 1e9,
            SAMPLE_LATE_S: max(0, now - deadline) / 1e9,
        }
        row.update(counters)
        row.update(self._instruments.read())
        # What an engine does not count, the worker has counted.
        row[ENGINE_DELIVERED] = row.get(ENGINE_DELIVERED) or row.get(CONSUMER_RECEIVED)
        row["phase"] = self._subject.phase(counters)
        row["settled"] = int(settled)
        row["due"] = self._subject.due(counters, now)
        if self._reads_processes:
            row.update(self._read_processes(now))
        row.update(self._read_disk())
        row.update(self._interval(row))
        own_cpu = self._own.cpu_times()
        row[SUPERVISOR_RSS_BYTES] = self._own.memory_info().rss
        row[SUPERVISOR_CPU_S] = own_cpu.user + own_cpu.system
        return row

    def _read_processes(self, now: int) -> Row:
        is_due = self._uss_ns is None or now - self._uss_ns >= self._uss_every_ns
        row = total([read_one(p, with_uss=is_due) for p in self._subject.processes()])
        if USS_BYTES in row:
            self._uss_ns = now
        return row

    def _read_disk(self) -> Row:
        row: Row = {OUTPUT_BYTES: self._subject.output_bytes()}
        # What ran before knows nothing of the folder.
        if self._subject.is_ours and (contents := self._temporary.look()) is not None:
            row |= {"temporary_files": contents.files, TEMPORARY_BYTES: contents.size}
        return row

    def _interval(self, row: Row) -> Row:
        """Rate and percentiles since the last sample."""
        elapsed, delivered = float(row[ELAPSED_S] or 0), int(row[ENGINE_DELIVERED] or 0)
        seconds = elapsed - self._previous[0]
        known = seconds > 0 and row[ENGINE_DELIVERED] is not None
        out: Row = {RATE_PER_S: (delivered - self._previous[1]) / seconds if known else None}
        self._previous = (elapsed, delivered)
        for name, earlier in self._histograms.items():
            current = self._page.board.histogram(name)
            self._histograms[name] = current
            out |= current.since(earlier).columns(name)
        # What a probe has read is not replaced by what is missing on our page.
        return {name: value for name, value in out.items() if value is not None or name not in row}


def read_counters(page: PageFile) -> tuple[Counters, bool, int]:
    """The counters, whether two readings a moment apart were the same, and when they were read (ns).

    The time is the reading's own: the pause between two may be long on a busy machine, and a rate is
    made of both.
    """
    before = page.counters()
    if not page.is_written:
        return before, True, now_ns()
    for _ in range(SETTLE_TRIES):
        time.sleep(SETTLE_PAUSE_S)
        now = now_ns()
        after = page.counters()
        if after == before:
            return after, True, now
        before = after
    return before, False, now


def read_one(process: Process, *, with_uss: bool) -> Row:
    """The figures of the worker; none after its death, nor of one that has given its memory back."""
    try:
        reading = read_process(process)
        if reading.has_ended:
            return {}
        row: Row = {name: reading.values[name] for name in _OF_WORKER if name in reading.values}
        row["children"] = children(process.pid)
    except (Gone, psutil.Error):
        return {}
    if with_uss:
        with contextlib.suppress(OSError, psutil.Error):  # not every kernel gives it
            row[USS_BYTES] = unique_bytes(process)
    return row


def total(rows: Sequence[Row]) -> Row:
    """The sum over the processes that live; what was not read of one of them is not known of all."""
    alive = [row for row in rows if row]
    if not alive:
        return {}
    return {name: sum(row[name] or 0 for row in alive) for name in alive[0]
            if all(name in row for row in alive)}  # fmt: skip


def resident(processes: Sequence[Process]) -> int | None:
    """Resident bytes of ``processes`` together; None if none of them lives."""
    rss = None
    for process in processes:
        with contextlib.suppress(OSError, psutil.Error):
            rss = (rss or 0) + process.resident_bytes()
    return rss
