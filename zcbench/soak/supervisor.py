"""The parent: starts the subject, samples it on absolute deadlines, writes the record, ends it if it must."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from zcbench.clock import now_ns
from zcbench.probes.instruments import Instruments
from zcbench.probes.probe import Notice
from zcbench.quantities.names import CONSUMER_LAST_SEQUENCE, CONSUMER_RECEIVED, ENGINE_START_NS, ENGINE_STOP_NS
from zcbench.quantities.registry import VOCABULARY
from zcbench.quantities.units import format_duration
from zcbench.record.reader import read_events
from zcbench.record.schema import (
    FAULT_FILE,
    FOR_A_CLOSER_LOOK,
    WORKER_EVENTS_FILE,
    End,
    Ending,
    Event,
    EventKind,
    Phase,
    RunInfo,
)
from zcbench.record.writer import RecordWriter, run_id
from zcbench.scenario import Scenario, consumer_facts, unplanned
from zcbench.soak import endings
from zcbench.soak.abort import Aborts
from zcbench.soak.closing import tell_native_sites, tell_temporary_files
from zcbench.soak.disk import TemporaryFolder
from zcbench.soak.environment import environment
from zcbench.soak.interrupts import Interrupts
from zcbench.soak.load import Load
from zcbench.soak.multiplying import MultiplyingWatch
from zcbench.soak.observers import Observer, Observers
from zcbench.soak.oom import OomKills
from zcbench.soak.page_file import PageFile
from zcbench.soak.sampler import Row, Sampler, resident
from zcbench.soak.stalls import HangWatch, stopped
from zcbench.soak.suspension import SuspensionWatch
from zcbench.soak.timetable import Step, Timetable
from zcbench.subjects.assembly import gc_every_s
from zcbench.subjects.command import ASKED_BY_NOTHING, load_generator
from zcbench.subjects.made import subject_of
from zcbench.subjects.subject import Counters, Subject

POLL_S = 0.1  # how often the user's wishes, hangs and limits are looked at between samples
ABORT_GRACE_S = 2.0  # for a hung subject to print its stacks, of which it need not end
# A worker ends once faulthandler has written its stacks: that may take so long on a machine with no core free.
WORKER_ABORT_GRACE_S = 20.0
SAMPLES_UNTIL_ALL = 30  # a reading of a process's groups takes some 20 µs
_IN_WORKER = ("engine", "call")
KILL_GRACE_S = 10.0  # for the kernel to end a killed process, whatever it writes out


def run(
    scenario: Scenario, directory: Path, *, command: Sequence[str], observers: Sequence[Observer] = ()
) -> End:
    """Run ``scenario`` into the new, empty ``directory`` and return how it ended.

    Ctrl-C, SIGTERM and SIGHUP drain and end the run; a second Ctrl-C ends it at once. Raises OSError if the
    record could not be begun.
    """
    subject = subject_of(scenario)
    of_engine = subject.info.kind == "engine"
    in_worker = subject.info.kind in _IN_WORKER
    info = RunInfo(
        id=run_id(scenario.name),
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        started_ns=now_ns(),
        command=list(command),
        scenario=scenario if of_engine else unplanned(scenario),
        environment=environment(),
        tracemalloc=in_worker and scenario.sampling.tracemalloc and not scenario.source.unpaced,
        due_packets=subject.due_packets,
        subject=subject.info,
        gc_every_s=gc_every_s(scenario) if in_worker else None,
        tags=scenario.tags,
        consumer=consumer_facts(scenario.consumer) if of_engine else None,
    )
    return watch(subject, info, directory, observers)


def watch(subject: Subject, info: RunInfo, directory: Path, observers: Sequence[Observer] = ()) -> End:
    """Start ``subject``, watch it into the new, empty ``directory``, and return how it ended."""
    writer = RecordWriter(directory, info)
    try:
        end = _Watch(subject, info, writer, observers).run()
        tell_native_sites(end, writer)
        return end
    finally:
        writer.close()


class _Watch:
    """One run under observation."""

    def __init__(
        self, subject: Subject, info: RunInfo, writer: RecordWriter, observers: Sequence[Observer]
    ) -> None:
        self._subject, self._info, self._writer = subject, info, writer
        self._observers = Observers(observers)
        self._instruments = Instruments(subject.probes(writer.directory))
        self._page = PageFile(
            writer.directory, has_page=subject.has_page, packets=subject.info.kind == "engine"
        )
        self._interrupts = Interrupts()
        self._aborts = Aborts(info.scenario)
        self._aborted: str | None = None
        self._hang = HangWatch(info.scenario.limits.hang, now_ns())
        self._suspension = SuspensionWatch()
        self._oom_kills = OomKills()
        self._oom_kills.follow("self")
        self._followed: set[int] = set()
        self._samples = 0
        self._multiplying = MultiplyingWatch(info.scenario.limits.processes)
        self._timetable = Timetable(
            now_ns(),
            ready_limit_s=subject.ready_limit_s,
            stop_after_s=subject.stop_after_s,
            grace_s=subject.grace_s,
        )
        table, lasts_s = info.scenario.subject, info.scenario.duration
        self._load = Load((lambda: load_generator(table, lasts_s)) if table.load else None, lasts_s)
        self._environment: dict[str, str] = {}

    def run(self) -> End:
        """Start the subject, sample it until it ends, write the end."""
        self._observers.tell(lambda observer: observer.on_start(self._info))
        with contextlib.ExitStack() as stack:
            stack.callback(self._page.close)
            stack.enter_context(self._interrupts.listening())
            temporary = None
            try:
                temporary = TemporaryFolder()
                stack.callback(temporary.remove)
                self._environment = temporary.environment()
                environment = self._instruments.environment({**self._environment, **self._subject.variables})
                self._subject.start(self._writer.directory, environment)
            except (OSError, RuntimeError) as error:  # no process, no descriptor, no thread
                end = self._placed(self._not_started(error))
            else:
                self._instruments.begin(self._subject.processes)
                end = self._watch_to_the_end(temporary)
                self._instruments.close()
                self._close_subject()
            if temporary is not None and self._subject.is_ours:
                tell_temporary_files(temporary, self._writer, self._elapsed_s())
            self._write_end(end)
        return end

    def _watch_to_the_end(self, temporary: TemporaryFolder) -> End:
        try:
            sampler = Sampler(self._info, self._subject, self._instruments, temporary, self._page)
            return self._watch(sampler)
        except OSError as error:
            self._writer.make_room()
            self._put_down()
            message = f"the record could not be written: {error}"
            return self._placed(endings.harness_failed(message))
        except BaseException:
            self._put_down()
            raise

    def _watch(self, sampler: Sampler) -> End:
        every_ns = round(self._info.scenario.sampling.every * 1e9)
        deadline = self._info.started_ns + every_ns
        while True:
            code = self._subject.wait(min(POLL_S, max(0.0, (deadline - now_ns()) / 1e9)))
            if (lost := self._page.lost()) is not None:
                self._put_down()
                return self._placed(endings.harness_failed(lost))
            end = self._intervene() if code is None else endings.end_of(self._exit(code))
            self._tell([*self._subject.notices(), *self._load.look()])
            if end is not None:
                end = self._placed(end)
                self._last_sample(sampler, deadline, end)
                return end
            if now_ns() >= deadline:
                self._note_suspension()
                self._abort_if_broken(self._sample(sampler, deadline))
                # Deadlines that passed while the machine stood still are skipped, not made up for.
                missed = (now_ns() - deadline) // every_ns
                deadline += (missed + 1) * every_ns

    # -- what is done to the subject

    def _intervene(self) -> End | None:
        """Act on the user's signals, on a hang, on the memory limit; the end if that ended the subject."""
        if self._interrupts.is_new():
            if self._interrupts.count > 1:
                self._put_down()
                return endings.stopped_at_once(self._interrupts.signal)
            self._event(EventKind.INTERRUPT, f"{self._interrupts.signal}: draining; once more to stop now")
            self._ask_to_stop()
        counters = self._page.counters()
        if (end := self._keep_to_timetable(counters)) is not None:
            return end
        if self._is_hung(counters):
            why = self._put_down_with_stacks()
            stall = self._subject.stall(counters, str(self._info.scenario.limits.hang))
            return endings.hung(stall, self._fault_text(), why)
        if self._multiplying.is_due():
            processes = self._subject.processes()
            if (count := self._multiplying.excess(processes)) is not None:
                self._put_down()
                most = self._info.scenario.limits.processes
                return endings.too_many_processes(count, most, killed=self._subject.is_ours)
        limit = self._info.scenario.limits.rss
        if limit is not None and (rss := resident(self._subject.processes()) or 0) > limit:
            self._put_down()
            return endings.over_memory_limit(rss, limit, killed=self._subject.is_ours)
        return None

    def _keep_to_timetable(self, counters: Counters) -> End | None:
        """Begin, stop and end what keeps no time of its own; the end if that ended it."""
        now, phase, asked = now_ns(), self._subject.phase(counters), self._subject.asked()
        match self._timetable.look(now, phase, asked=asked is not None):
            case Step.BEGIN:
                began = self._load.start(self._writer.directory, self._environment)
                self._tell([*self._subject.notices(), *began])
            case Step.STOP:
                self._ask_to_stop()
            case Step.NEVER_READY:
                limit = format_duration(self._subject.ready_limit_s or 0.0)
                why = self._put_down_with_stacks()
                return endings.never_ready(limit, self._subject.awaits(), self._fault_text(), why)
            case Step.OVERDUE if asked == ASKED_BY_NOTHING:
                self._put_down()
                return endings.killed_as_agreed(self._interrupts.signal)
            case Step.OVERDUE:
                why = self._put_down_with_stacks()
                grace = format_duration(self._subject.grace_s or 0.0)
                return endings.not_stopping(asked or "", grace, self._fault_text(), why)
        return None

    def _ask_to_stop(self) -> None:
        """Ask the subject to end, and its load generator before."""
        self._tell(self._load.stop())
        self._subject.ask_to_stop()

    def _is_hung(self, counters: Counters) -> bool:
        now = now_ns()
        asked = self._subject.asked()
        if self._subject.grace_s is not None and asked is not None:
            return False  # the timetable says when it must have ended
        stopping = self._interrupts.count or self._aborted or asked
        return self._hang.is_hung(
            now,
            self._subject.progress(counters),
            owes=bool(stopping) or self._subject.owes(counters, now),
            starting=self._subject.phase(counters) == Phase.STARTING,
            loading=self._is_loading(),
        )

    def _is_loading(self) -> bool:
        """Whether our own worker has not come so far that it could write its stacks, or run the subject."""
        events = self._writer.directory / WORKER_EVENTS_FILE
        return self._info.subject.kind in _IN_WORKER and not events.exists()

    def _abort_if_broken(self, row: Row) -> None:
        start, now = row.get(ENGINE_START_NS), now_ns()
        streamed_s = (now - start) / 1e9 if start else self._timetable.ready_for_s(now)
        if streamed_s is None or row.get(ENGINE_STOP_NS) or self._aborted or self._subject.asked():
            return  # nothing to end: the stream has not begun, or has ended
        self._aborts.know(self._writer.quantities)
        self._aborted = self._aborts.broken(row, streamed_s)
        if self._aborted:
            self._event(EventKind.ABORT, f"{self._aborted}; draining")
            self._ask_to_stop()

    def _put_down_with_stacks(self) -> str:
        """End it with its stacks; what is to be said if it had been stopped."""
        is_stopped = stopped(self._subject.processes())
        self._subject.dump_stacks()
        in_worker = self._info.subject.kind in _IN_WORKER
        if self._subject.wait(WORKER_ABORT_GRACE_S if in_worker else ABORT_GRACE_S) is None:
            self._put_down()
        return endings.STOPPED if is_stopped else ""

    def _put_down(self) -> None:
        self._subject.kill()
        self._subject.wait(KILL_GRACE_S)

    # -- how it ended

    def _exit(self, code: int) -> endings.Exit:
        events = read_events(self._writer.directory / WORKER_EVENTS_FILE, [])
        death = self._subject.death()
        return endings.Exit(
            who=self._subject.name,
            code=code,
            is_done=self._subject.is_done(self._page.counters()),
            error=next((event for event in reversed(events) if event.kind == EventKind.ERROR), None),
            faults=self._fault_text() or death.report,
            killed_for_memory=self._oom_kills.risen(),
            aborted=self._aborted,
            interrupted_by=self._interrupts.signal,
            asked=self._subject.asked(),
            early=self._early(),
            unready=death.unready,
            good_codes=death.good_codes,
            relays_signals=death.relays_signals,
            crash_files=death.files,
            reports=death.reports,
            last_words=death.last_words,
            is_sanitizers=death.is_sanitizers,
            runs_on=death.runs_on,
        )

    def _early(self) -> str | None:
        """How early a subject ended that was to be stopped, and was not: "3 s of 10 min"."""
        planned_s = self._subject.stop_after_s
        if planned_s is None or self._subject.asked() is not None:
            return None
        lasted_s = self._timetable.ready_for_s(now_ns()) or 0.0
        return f"{format_duration(lasted_s)} of {format_duration(planned_s)}"

    def _not_started(self, error: Exception) -> End:
        """A program of the user's that the system refuses is no failure of ours."""
        if self._subject.info.kind == "engine":
            return endings.harness_failed(f"the subject could not be started: {error}")
        return endings.not_started(str(error))

    def _close_subject(self) -> None:
        notices = [*self._load.stop()]
        self._subject.close()
        with contextlib.suppress(OSError):  # a full disk is told of by the end
            self._tell([*notices, *self._subject.notices(), *self._instruments.notices()])

    def _fault_text(self) -> str | None:
        path = self._writer.directory / FAULT_FILE
        return (path.read_text(errors="replace").strip() or None) if path.is_file() else None

    def _placed(self, end: End) -> End:
        """``end`` with its time, and how far the subject had come."""
        counters = self._page.counters()
        received = counters[CONSUMER_RECEIVED]
        return msgspec.structs.replace(
            end,
            elapsed_s=self._elapsed_s(),
            received=received,
            last_sequence=counters[CONSUMER_LAST_SEQUENCE] if received else None,
        )

    def _write_end(self, end: End) -> None:
        event = Event(
            elapsed_s=self._elapsed_s(),
            kind=EventKind.END,
            message=end.message or end.ending,
            data=msgspec.to_builtins(end),
        )
        try:
            self._writer.event(event)
        except OSError:
            self._writer.make_room()
            with contextlib.suppress(OSError):
                self._writer.event(event)
        self._observers.tell(lambda observer: observer.on_end(end))

    # -- what is written meanwhile

    def _sample(self, sampler: Sampler, deadline: int) -> Row:
        self._follow_kills()
        row = sampler.sample(deadline)
        self._declare(row)
        self._writer.sample(row)
        self._tell(self._instruments.notices())
        self._observers.tell(lambda observer: observer.on_sample(row))
        return row

    def _follow_kills(self) -> None:
        """Watch the control groups of each process that is new, and of all now and then: one may move."""
        self._samples += 1
        pids = {process.pid for process in self._subject.processes()}
        everybody = self._samples % SAMPLES_UNTIL_ALL == 0
        self._oom_kills.follow(*(pids if everybody else pids - self._followed))
        self._followed = pids

    def _declare(self, row: Row) -> None:
        """Have a column for whatever was read: a page fills while its subject runs."""
        known = self._writer.quantities
        if all(name in known for name in row):
            return
        brought = {one.name: one for one in self._instruments.quantities()}
        brought |= {name: VOCABULARY[name] for name in row if name in VOCABULARY}
        self._writer.declare(brought.values(), self._elapsed_s())

    def _last_sample(self, sampler: Sampler, deadline: int, end: End) -> None:
        """The sample after the end. That it cannot be written does not hide how the subject died."""
        try:
            self._sample(sampler, deadline)
        except OSError:
            if end.ending is Ending.FINISHED:
                raise
            self._writer.make_room()

    def _note_suspension(self) -> None:
        gap_s = self._suspension.gap_s()
        if gap_s is not None:
            message = f"the machine was suspended, or its clock set, by {gap_s:.1f} s"
            self._event(EventKind.SUSPEND, message, gap_s=gap_s)

    def _event(self, kind: str, message: str, **data: Any) -> None:
        event = Event(elapsed_s=self._elapsed_s(), kind=kind, message=message, data=data)
        self._writer.event(event)
        if kind not in FOR_A_CLOSER_LOOK:
            self._observers.tell(lambda observer: observer.on_event(event))

    def _tell(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            self._event(notice.kind, notice.message, **notice.data)

    def _elapsed_s(self) -> float:
        return (now_ns() - self._info.started_ns) / 1e9
