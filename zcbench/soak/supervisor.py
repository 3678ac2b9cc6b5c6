"""The parent: starts the subject, samples it on absolute deadlines, writes the record, tells how it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
import psutil

from zcbench.clock import now_ns
from zcbench.foreign import signal_name
from zcbench.page.scoreboard import Histogram, Scoreboard
from zcbench.record.reader import read_events
from zcbench.record.schema import (
    DONE,
    FAULT_FILE,
    RUNNING,
    SCOREBOARD_FILE,
    STARTING,
    STDERR_FILE,
    WORKER_EVENTS_FILE,
    End,
    Ending,
    Event,
    RunInfo,
)
from zcbench.record.writer import RecordWriter, run_id
from zcbench.scenario import Scenario, consumer_facts
from zcbench.soak.abort import Aborts
from zcbench.soak.disk import OutputLog, TemporaryFolder
from zcbench.soak.environment import environment
from zcbench.soak.oom import OomKills
from zcbench.subjects.assembly import due_packets, gc_every_s, stream_format
from zcbench.subjects.engine import EngineSubject, Subject
from zcbench.subjects.inside.leftovers import children
from zcbench.subjects.inside.native_sites import read_sites

Row = dict[str, int | float | None]

START_GRACE_S = (
    5.0  # imports and the slab take this long on a busy machine; limits.hang is about packets
)
POLL_S = 0.1  # how often the user's wishes, hangs and limits are looked at between samples
ABORT_GRACE_S = 2.0  # for faulthandler to write the stacks of a hung subject
SLEPT_S = 1.0  # ten polls: no scheduling delay that a supervisor at rest would see
SETTLE_TRIES = 20
SETTLE_PAUSE_S = 50e-6  # several times what a packet's way through the engine takes
SUSPEND_S = 2.0  # the wall clock ran this much further than the monotonic one


class Observer(Protocol):
    """Somebody who watches a run: a live view, a heartbeat, an exporter."""

    def on_start(self, run: RunInfo) -> None:
        """The run is about to start."""
        ...

    def on_sample(self, row: Mapping[str, int | float | None]) -> None:
        """A sample was taken; ``row`` maps metric names to values."""
        ...

    def on_event(self, event: Event) -> None:
        """Something happened."""
        ...

    def on_end(self, end: End) -> None:
        """The run is over."""
        ...


def run(
    scenario: Scenario,
    directory: Path,
    *,
    command: Sequence[str],
    observers: Sequence[Observer] = (),
) -> End:
    """Run ``scenario`` into the new, empty ``directory`` and return how it ended.

    Ctrl-C, SIGTERM and SIGHUP drain and end the run; a second Ctrl-C ends it at once. Raises OSError if the
    record could not be begun.
    """
    format = stream_format(scenario)
    info = RunInfo(
        id=run_id(scenario.name),
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        started_ns=now_ns(),
        command=list(command),
        scenario=scenario,
        environment=environment(),
        tracemalloc=scenario.sampling.tracemalloc and not scenario.source.unpaced,
        due_packets=None if scenario.source.kind == "device" else due_packets(scenario, format),
        gc_every_s=gc_every_s(scenario),
        tags=scenario.tags,
        consumer=consumer_facts(scenario.consumer),
    )
    packets_per_s = format.packets_per_s * (
        1.0 if info.due_packets is None else scenario.source.speed
    )
    writer = RecordWriter(directory, info)
    try:
        end = _Watch(info, writer, packets_per_s, observers).run()
        _tell_native_sites(directory, end, writer)
        return end
    finally:
        writer.close()


def _tell_native_sites(directory: Path, end: End, writer: RecordWriter) -> None:
    """What memray followed, if it did. A trace that a crash cut off is not worth the record's end."""
    try:
        sites = read_sites(directory)
        if sites is not None:
            message = f"{len(sites)} places hold native memory"
            writer.event(
                Event(
                    elapsed_s=end.elapsed_s or 0.0,
                    kind="native_allocations",
                    message=message,
                    data={"sites": sites},
                )
            )
    except (OSError, ValueError) as error:
        print(f"zcbench: memray's trace cannot be read: {error}", file=sys.stderr)


@dataclass
class _Interrupts:
    """What the user asked for so far."""

    signal: str | None = None
    count: int = 0

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Catch SIGINT, SIGTERM and SIGHUP; only in the main thread, where Python delivers them."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [signal.SIGINT, signal.SIGTERM]
        # The terminal's end is to be heard, unless nohup has had it ignored.
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {n: signal.signal(n, self._on_signal) for n in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: Any) -> None:
        self.signal = self.signal or signal.Signals(number).name
        self.count += 1


class _Watch:
    """One run under observation."""

    def __init__(
        self,
        info: RunInfo,
        writer: RecordWriter,
        packets_per_s: float,
        observers: Sequence[Observer],
    ) -> None:
        self._info, self._writer, self._observers = info, writer, list(observers)
        self._packets_per_s = packets_per_s
        self._limits = info.scenario.limits
        self._board = Scoreboard.create(writer.directory / SCOREBOARD_FILE)
        _reserve(writer.directory / SCOREBOARD_FILE)
        self._page = (writer.directory / SCOREBOARD_FILE).open("rb", buffering=0)
        self._page_bytes = os.fstat(self._page.fileno()).st_size
        self._own = psutil.Process()
        self._interrupts = _Interrupts()
        self._asked = 0
        self._aborts = Aborts(info.scenario)
        self._aborted: str | None = None
        self._progress = (0, now_ns())  # what moved so far, and when it last did
        self._looked_ns = now_ns()
        self._previous: tuple[float, int] = (0.0, 0)  # elapsed_s and delivered at the last sample
        self._histograms: dict[str, Histogram] = {
            name: self._board.histogram(name) for name in ("delivery_ns", "hold_ns")
        }
        self._last_uss_ns: int | None = None
        self._last_process: Row = {}
        self._temporary: TemporaryFolder | None = None
        self._output = OutputLog(writer.directory / STDERR_FILE)
        self._clock_offset = _clock_offset_s()
        self._oom_kills = OomKills()
        self._oom_kills.follow("self")

    # -- the loop

    def run(self) -> End:
        """Start the subject, sample it until it ends, write the end."""
        for observer in tuple(self._observers):
            self._tell(observer, "on_start", self._info)
        try:
            return self._run()
        finally:
            if self._temporary is not None:
                self._temporary.remove()

    def _run(self) -> End:
        with self._interrupts.listening():
            try:
                self._temporary = TemporaryFolder()
                environment = self._temporary.environment()
                subject = EngineSubject(self._writer.directory, environment)
            except (OSError, RuntimeError) as error:  # no process, no descriptor, no thread
                end = self._end(
                    Ending.HARNESS, message=f"the subject could not be started: {error}"
                )
            else:
                end = self._watch_to_the_end(subject)
            self._tell_temporary_files()
            self._finish(end)
        self._page.close()
        return end

    def _tell_temporary_files(self) -> None:
        """What is left of them now that the subject is gone, and whatever it does at its exit is done."""
        if self._temporary is None:
            return
        left = self._temporary.look(whatever_it_costs=True)
        assert left is not None
        event = Event(
            elapsed_s=self._elapsed_s(),
            kind="temporary_files",
            message=f"{left.files} temporary files are left",
            data={
                "files": left.files,
                "bytes": left.size,
                "names": left.names,
                "whole": left.whole,
            },
        )
        with contextlib.suppress(OSError):  # a full disk is told of by the end
            self._writer.event(event)

    def _watch_to_the_end(self, subject: Subject) -> End:
        try:
            return self._watch(subject)
        except OSError as error:
            self._writer.make_room()
            _put_down(subject)
            return self._end(Ending.HARNESS, message=f"the record could not be written: {error}")
        except BaseException:
            _put_down(subject)
            raise

    def _watch(self, subject: Subject) -> End:
        every_ns = round(self._info.scenario.sampling.every * 1e9)
        deadline = self._info.started_ns + every_ns
        while True:
            code = subject.wait(min(POLL_S, max(0.0, (deadline - now_ns()) / 1e9)))
            if (lost := self._lost()) is not None:
                _put_down(subject)
                return self._end(Ending.HARNESS, message=lost)
            end = self._judge_exit(code) if code is not None else self._intervene(subject)
            if end is not None:
                self._last_sample(subject, deadline, end)
                return end
            if now_ns() >= deadline:
                self._look_for_suspension()
                self._abort_if_broken(subject, self._sample(subject, deadline))
                # Deadlines that passed while the machine stood still are skipped, not made up for.
                missed = (now_ns() - deadline) // every_ns
                deadline += (missed + 1) * every_ns

    def _lost(self) -> str | None:
        """What somebody has done to the record while it is written; None if it is all there.

        A page that was cut short is dropped: to read it through its mapping would be a SIGBUS.
        """
        page = os.fstat(self._page.fileno())
        if page.st_size < self._page_bytes:
            self._board = Scoreboard.create()
            return f"{SCOREBOARD_FILE} was cut short by somebody while the run was going on"
        # Windows deletes no open file, and its count of links is not one of names.
        if os.name == "posix" and not page.st_nlink:
            return "the run directory was deleted while the run was going on"
        return None

    def _abort_if_broken(self, subject: Subject, row: Row) -> None:
        start = row.get("engine.start_ns")
        if not start or row.get("engine.stop_ns") or self._aborted:
            return  # nothing to end: the stream has not begun, or has ended
        streamed_s = (now_ns() - start) / 1e9
        self._aborted = self._aborts.broken(row, streamed_s)
        if self._aborted:
            self._event("abort", f"{self._aborted}; draining")
            subject.ask_to_stop()

    def _last_sample(self, subject: Subject, deadline: int, end: End) -> None:
        """The sample after the end. That it cannot be written does not hide how the subject died."""
        try:
            self._sample(subject, deadline)
        except OSError:
            if end.ending is Ending.FINISHED:
                raise
            self._writer.make_room()

    def _intervene(self, subject: Subject) -> End | None:
        """Act on the user's signals, on a hang, on the memory limit; the end if that ended the subject."""
        if self._interrupts.count > self._asked:
            self._asked = self._interrupts.count
            if self._asked == 1:
                self._event(
                    "interrupt", f"{self._interrupts.signal}: draining; once more to stop now"
                )
                subject.ask_to_stop()
            else:
                _put_down(subject)
                return self._end(Ending.INTERRUPTED, message="stopped at once, without draining")
        if self._hung():
            stuck = self._limits.hang
            subject.dump_stacks()
            if subject.wait(ABORT_GRACE_S) is None:
                _put_down(subject)
            return self._end(
                Ending.HUNG,
                message=f"no packet was received for {stuck} while packets were due"
                if (self._board["consumer.received"] or 0) != self._info.due_packets
                else f"nothing moved for {stuck} after the last packet, in stop() or the drain",
                traceback=self._fault_text(),
            )
        if self._limits.rss is not None:
            rss = _rss(subject.process)
            if rss is not None and rss > self._limits.rss:
                _put_down(subject)
                return self._end(
                    Ending.MEMORY,
                    message=f"killed: {rss:,} bytes resident, limits.rss is {int(self._limits.rss):,}",
                )
        return None

    def _hung(self) -> bool:
        """Nothing moved for limits.hang while something should have."""
        # Returns and the phase count too: draining without verification shows in nothing else.
        moving = ("consumer.received", "consumer.rechecked", "pool.returns", "phase")
        progress = sum(self._board[name] or 0 for name in moving)
        now = now_ns()
        # Not looked for a while: this process was stopped or frozen, and so perhaps was the subject.
        slept = now - self._looked_ns > SLEPT_S * 1e9
        self._looked_ns = now
        if progress != self._progress[0] or slept or not self._owes(now):
            self._progress = (progress, now)
        starting = self._board["phase"] == STARTING
        limit_s = max(self._limits.hang, START_GRACE_S) if starting else self._limits.hang
        return now - self._progress[1] > limit_s * 1e9

    def _owes(self, now: int) -> bool:
        """Whether the subject owes a step: a packet that is due, or to start, to end, to drain."""
        board, source = self._board, self._info.scenario.source
        received = board["consumer.received"] or 0
        stopping = self._asked or self._aborted
        if board["phase"] != RUNNING or not board["engine.start_ns"] or stopping:
            return True
        if source.unpaced or board["engine.stop_ns"] or received == self._info.due_packets:
            return True
        return (self._due(now, board.counters()) or 0) > received

    # -- how it ended

    def _judge_exit(self, code: int) -> End:
        error = self._worker_error()
        if error is not None:
            memory = bool(error.data.get("memory"))
            return self._end(
                Ending.MEMORY if memory else Ending.FAILED,
                exit_code=code,
                message=error.message,
                traceback=error.data.get("traceback"),
            )
        if code < 0 or (os.name == "nt" and code >= 0xC0000000):
            return self._judge_signal(code)
        done = self._board["phase"] == DONE
        if code != 0 or not done:
            when = "with" if code else "before its time, with"
            return self._end(
                Ending.EXITED, exit_code=code, message=f"the worker exited {when} code {code}"
            )
        if self._aborted:
            return self._end(Ending.ABORTED, exit_code=0, message=self._aborted)
        if self._interrupts.count:
            return self._end(
                Ending.INTERRUPTED, exit_code=0, message="drained and ended on request"
            )
        return self._end(Ending.FINISHED, exit_code=0, message="ended as planned")

    def _judge_signal(self, code: int) -> End:
        name = signal_name(-code) if code < 0 else f"exception 0x{code:08X}"
        if name == "SIGKILL" and self._oom_kills.risen():
            return self._end(
                Ending.MEMORY,
                exit_code=code,
                signal=name,
                message="killed by the kernel for memory",
            )
        hint = (
            " (nobody here sent it; possibly the kernel, for memory)" if name == "SIGKILL" else ""
        )
        return self._end(
            Ending.CRASHED,
            exit_code=code,
            signal=name,
            message=f"the worker died of {name}{hint}",
            traceback=self._fault_text(),
        )

    def _end(self, ending: Ending, **known: Any) -> End:
        received = self._board["consumer.received"] or 0
        end = End(
            ending=ending,
            elapsed_s=self._elapsed_s(),
            received=received,
            last_sequence=self._board["consumer.last_sequence"] if received else None,
            **known,
        )
        if self._interrupts.signal is not None and ending is Ending.INTERRUPTED:
            end = msgspec.structs.replace(end, signal=self._interrupts.signal)
        return end

    def _worker_error(self) -> Event | None:
        events = read_events(self._writer.directory / WORKER_EVENTS_FILE, [])
        return next((event for event in reversed(events) if event.kind == "error"), None)

    def _fault_text(self) -> str | None:
        path = self._writer.directory / FAULT_FILE
        return (path.read_text(errors="replace").strip() or None) if path.is_file() else None

    def _finish(self, end: End) -> None:
        event = Event(
            elapsed_s=self._elapsed_s(),
            kind="end",
            message=end.message or end.ending,
            data=msgspec.to_builtins(end),
        )
        try:
            self._writer.event(event)
        except OSError:
            self._writer.make_room()
            with contextlib.suppress(OSError):
                self._writer.event(event)
        for observer in tuple(self._observers):
            self._tell(observer, "on_end", end)

    # -- one sample

    def _sample(self, subject: Subject, deadline: int) -> Row:
        counters, settled, now = self._read_board()
        row: Row = {
            "elapsed_s": (now - self._info.started_ns) / 1e9,
            "sample_late_s": max(0, now - deadline) / 1e9,
        }
        row.update(counters)
        # What an engine does not count, the worker has counted.
        row["engine.delivered"] = counters["engine.delivered"] or counters["consumer.received"]
        row["settled"] = int(settled)
        row["due"] = self._due(now, counters)
        row.update(self._read_process(subject, now))
        row.update(self._read_disk())
        row.update(self._interval(row))
        own_cpu = self._own.cpu_times()
        row["supervisor_rss_bytes"] = self._own.memory_info().rss
        row["supervisor_cpu_s"] = own_cpu.user + own_cpu.system
        self._writer.sample(row)
        for observer in tuple(self._observers):
            self._tell(observer, "on_sample", row)
        return row

    def _read_board(self) -> tuple[dict[str, int | None], bool, int]:
        """The counters, whether two readings a moment apart were the same, and when they were read (ns).

        The time is the reading's own: the pause between two may be long on a busy machine, and a rate is
        made of both.
        """
        before = self._board.counters()
        for _ in range(SETTLE_TRIES):
            time.sleep(SETTLE_PAUSE_S)
            now = now_ns()
            after = self._board.counters()
            if after == before:
                return after, True, now
            before = after
        return before, False, now

    def _due(self, now: int, counters: dict[str, int | None]) -> int | None:
        start = counters["engine.start_ns"]
        if not start:
            return 0
        if self._info.scenario.source.unpaced:
            return counters["engine.captured"] or counters["consumer.received"]
        until = counters["engine.stop_ns"] or now
        due = int(max(0, until - start) / 1e9 * self._packets_per_s)
        return due if self._info.due_packets is None else min(due, self._info.due_packets)

    def _read_process(self, subject: Subject, now: int) -> Row:
        """The subject's figures from outside; none after its death."""
        process, row = subject.process, Row()
        self._oom_kills.follow(process.pid)
        try:
            with process.oneshot():
                cpu, switches = process.cpu_times(), process.num_ctx_switches()
                row = {
                    "rss_bytes": process.memory_info().rss,
                    "threads": process.num_threads(),
                    "fds": process.num_fds()
                    if hasattr(process, "num_fds")
                    else process.num_handles(),
                    "cpu_user_s": cpu.user,
                    "cpu_system_s": cpu.system,
                    "children": children(process.pid),
                    "ctx_voluntary": switches.voluntary,
                    "ctx_involuntary": switches.involuntary,
                }
            due = self._last_uss_ns is None or (
                now - self._last_uss_ns >= self._info.scenario.sampling.uss_every * 1e9 * 0.95
            )
            if due:
                row["uss_bytes"] = process.memory_full_info().uss
                self._last_uss_ns = now
        except psutil.Error:
            return row if row.get("threads") else {}
        return row

    def _read_disk(self) -> Row:
        row: Row = {"output_bytes": self._output.size()}
        if self._temporary is not None and (seen := self._temporary.look()) is not None:
            row |= {"temporary_files": seen.files, "temporary_bytes": seen.size}
        return row

    def _interval(self, row: Row) -> Row:
        """Rate and percentiles since the last sample."""
        elapsed, delivered = float(row["elapsed_s"] or 0), int(row["engine.delivered"] or 0)
        seconds = elapsed - self._previous[0]
        out: Row = {
            "rate_per_s": (delivered - self._previous[1]) / seconds if seconds > 0 else None
        }
        self._previous = (elapsed, delivered)
        for name, earlier in self._histograms.items():
            current = self._board.histogram(name)
            since, short = current.since(earlier), name.removesuffix("_ns")
            self._histograms[name] = current
            for percent in (50, 99):
                value = since.percentile(percent)
                out[f"{short}_p{percent}_ns"] = None if value is None else int(value)
            out[f"{short}_max_ns"] = since.max_ns if since.count else None
        return out

    # -- small things

    def _elapsed_s(self) -> float:
        return (now_ns() - self._info.started_ns) / 1e9

    def _event(self, kind: str, message: str, **data: Any) -> None:
        event = Event(elapsed_s=self._elapsed_s(), kind=kind, message=message, data=data)
        self._writer.event(event)
        for observer in tuple(self._observers):
            self._tell(observer, "on_event", event)

    def _look_for_suspension(self) -> None:
        offset = _clock_offset_s()
        if abs(offset - self._clock_offset) > SUSPEND_S:
            gap = offset - self._clock_offset
            self._event(
                "suspend", f"the machine was suspended, or its clock set, by {gap:.1f} s", gap_s=gap
            )
        self._clock_offset = offset

    def _tell(self, observer: Observer, what: str, argument: Any) -> None:
        """An observer that fails is dropped; the run goes on."""
        try:
            getattr(observer, what)(argument)
        except Exception as error:
            self._observers.remove(observer)
            print(f"zcbench: the view failed and was dropped: {error!r}", file=sys.stderr)


def _reserve(path: Path) -> None:
    """Give every page of a sparse file its block: on a full disk a store to a hole is a SIGBUS."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _put_down(subject: Subject) -> None:
    subject.kill()
    subject.wait(10.0)


def _rss(process: psutil.Process) -> int | None:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return None


def _clock_offset_s() -> float:
    """How far the clock that counts suspension is ahead of the monotonic one."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    return time.time() - time.monotonic()
