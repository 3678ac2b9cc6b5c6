"""The types of the record's JSON files. A field that was not measured is null, never NaN."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Any, Literal

import msgspec

from zcbench.consumers.consumer import ConsumerFacts
from zcbench.consumers.registry import recorded_facts
from zcbench.record.brought import Brought
from zcbench.record.capabilities import ENGINE, Capability, SubjectInfo
from zcbench.scenario import Scenario

SCHEMA = 3  # raised when an older reader could no longer understand a record

RUN_FILE = "run.json"
SAMPLES_FILE = "samples.csv"
EVENTS_FILE = "events.jsonl"  # written by the supervisor
WORKER_EVENTS_FILE = "worker.jsonl"  # written by the worker
SCOREBOARD_FILE = "scoreboard.bin"
RESULT_FILE = "result.json"
SWEEP_FILE = "sweep.json"  # in the directory of a sweep, above its runs
STDERR_FILE = "subject.log"  # what the subject printed, stdout and stderr
LOAD_FILE = "load.log"  # what the load generator printed
PAGE_FILE = "page.bin"  # the page of a subject that is no engine of ours
FAULT_FILE = "faulthandler.txt"
REPORT_FILE = "report.md"
FIGURES_FOLDER = "figures"  # beside the report
HTML_FILE = "report.html"
JUNIT_FILE = "junit.xml"

FREE_THREADED = "free-threaded"  # how Environment.python ends where there is no GIL

CONTRACT_EXIT_CODE = 64  # the worker's, of an engine that breaks its contract; EX_USAGE of sysexits.h


class Phase(IntEnum):
    """How far a run is, as its page has it."""

    STARTING = 0
    RUNNING = 1  # packets flow
    DRAINING = 2
    DONE = 3  # nothing moves any more


class Ending(StrEnum):
    """How the subject's life ended."""

    FINISHED = "finished"
    FAILED = "failed"  # an exception in engine or consumer
    CRASHED = "crashed"  # by a signal nobody here sent
    EXITED = "exited"  # non-zero, or before its time
    HUNG = "hung"
    MEMORY = "memory"  # killed for memory, by the kernel or by limits.rss
    ABORTED = "aborted"  # an expectation with abort = true was broken
    INTERRUPTED = "interrupted"  # Ctrl-C or SIGTERM
    HARNESS = "harness"  # the harness itself failed, e.g. disk full
    UNKNOWN = "not observed"  # ingested: somebody else's run, whose end nobody here saw
    PARTIAL = "partial"  # no end was recorded: the supervisor died


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How and when the run ended. ``last_sequence`` is the newest packet the consumer had taken."""

    ending: Ending
    elapsed_s: float | None = None
    exit_code: int | None = None
    signal: str | None = None  # "SIGSEGV"
    message: str | None = None  # one sentence
    traceback: str | None = None  # Python traceback or faulthandler text
    last_sequence: int | None = None
    received: int | None = None


# In the message of an end that was asked for, and whose exit code is none of those that are good.
ANSWERED = " answered "
NOT_STARTED = "could not be started"  # of an end before anything ran
UNREAD = "unread"  # the key under which a probe's note names a runtime that it knows, and cannot read
GIVEN_TOTALS = "totals"  # the key under which a log's note names the closing totals that somebody gave


class EventKind(StrEnum):
    """What an event is about."""

    # Of events.jsonl, from the supervisor or an importer.

    INTERRUPT = "interrupt"
    ABORT = "abort"  # an expectation with abort = true was broken
    SUSPEND = "suspend"  # the machine slept
    QUANTITIES = "quantities"  # those that the subject brought
    LAWS = "laws"  # those that the subject states on its page
    LEFT_PROCESSES = "left_processes"  # those that its first process left when it ended
    SANITIZER = "sanitizer"  # a report of a sanitizer, of Valgrind, of Go's race detector, in what it printed
    CHILD_CRASH = "child_crash"  # a process that the subject had started died of a crash
    INVENTORY = "inventory"  # what a probe found, by name
    MALLOC_END = "malloc_end"  # what a process had not freed when it ended
    LOAD = "load"  # what became of the load generator
    TEMPORARY_FILES = "temporary_files"  # those left in the folder of the subject's own
    NATIVE_ALLOCATIONS = "native_allocations"  # what memray followed
    RESTART = "restart"  # the subject of a log began anew; its counters go on from where they were
    NOTE = "note"  # what was noticed while a log was read
    END = "end"

    # Of worker.jsonl, from the worker.
    PHASE = "phase"
    ENGINE = "engine"  # which words of the page the engine is known to write
    GC = "gc"
    SMALL_OBJECTS = "small_objects"
    PROBE = "probe"  # a gauge that costs too much, or cannot be had
    ALLOCATIONS = "allocations"  # source lines whose memory grew
    RESOURCES = "resources"  # what was open before the stream, and after the drain
    WRITTEN_FILES = "written_files"  # those left outside the temporary folder
    UNRAISABLE = "unraisable"  # an exception that nobody could catch
    ERROR = "error"  # the exception that ended the worker


# What these hold is for a closer look, not for who watches a run go by.
FOR_A_CLOSER_LOOK = frozenset({EventKind.QUANTITIES, EventKind.LAWS, EventKind.INVENTORY, EventKind.MALLOC_END})


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of events.jsonl or worker.jsonl. ``kind`` is an :class:`EventKind`, or one that a later
    zcbench knows."""

    elapsed_s: float
    kind: str
    message: str
    data: dict[str, Any] = {}


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The machine and the software of a run."""

    system: str
    machine: str
    processor: str
    cores: int | None
    memory_bytes: int | None
    python: str
    zcbench: str
    packages: dict[str, str]
    portaudio: str | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """run.json: written before anything starts."""

    schema: int = SCHEMA
    id: str
    started_at: str  # ISO-8601 with zone; the only wall-clock time of a record
    started_ns: int  # zcbench.clock.now_ns() at elapsed_s = 0
    command: list[str]
    scenario: Scenario
    environment: Environment
    tracemalloc: bool
    due_packets: int | None  # packets the stream is to deliver in all; None for a device
    gc_every_s: float | None = None  # how often the harness collects; None: it does not
    subject: SubjectInfo = ENGINE
    tags: dict[str, str] = {}
    consumer: ConsumerFacts | None = None  # None: older; see application
    quantities: tuple[Brought, ...] = ()  # of the subject's own, as far as known before the start

    @property
    def about(self) -> str:
        """What was tested, in a few words: "native / tone / hold", "sleep 60"."""
        if self.subject.kind != "engine":
            return self.subject.called
        return " / ".join((self.scenario.engine, self.scenario.source.kind, self.scenario.consumer.kind))

    @property
    def application(self) -> ConsumerFacts:
        """What is known of the consumer: as recorded, else by its name."""
        if self.consumer is not None:
            return self.consumer
        table = self.scenario.consumer
        return recorded_facts(table.kind, msgspec.structs.asdict(table))


Outcome = Literal["pass", "fail", "inconclusive", "skipped"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one check, with its evidence."""

    check: str  # "pool.recycling"
    outcome: Outcome
    sentence: str  # what was found and why, for a person
    cause: str | None = None  # "never_recycled": the reason's name, for programs
    evidence: dict[str, int | float | str | None] = {}
    # Of a pass: the smallest fault that this run would have seen with 95 % probability.
    detection_limit: str | None = None
    power: str | None = None  # the same, by its name until schema 3; leaves with schema 4
    remedy: str | None = None
    required: bool = True  # whether an inconclusive outcome makes the verdict inconclusive
    level: Literal["fail", "warn"] = "fail"  # a failure at level "warn" does not fail the run
    lasting_s: float | None = None  # of an undecided one: a run that lasts this long has an answer
    lacks: Capability | None = None  # of a question that does not arise: the capability that is not there

    def __post_init__(self) -> None:
        """One value under both names, whichever a file or a caller gives."""
        if self.power != self.detection_limit:
            limit = self.detection_limit if self.detection_limit is not None else self.power
            msgspec.structs.force_setattr(self, "detection_limit", limit)
            msgspec.structs.force_setattr(self, "power", limit)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """result.json: the end of a run, its totals (by metric name) and its findings.

    ``derived`` is what :mod:`zcbench.analysis.derived` made of the record, by name; empty in older files.
    """

    schema: int = SCHEMA
    id: str
    verdict: Outcome
    exit_code: int
    end: End
    totals: dict[str, int | float | None]
    derived: dict[str, float | None] = {}
    findings: list[Finding]

    @property
    def asked(self) -> list[Finding]:
        """The findings of what this subject can be asked: those that people are shown."""
        return [finding for finding in self.findings if finding.lacks is None]
